"""HTCondor's own look at the GPUs: it must see what we see, no more and no less."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.gpus.seen import Device
from ospool_ep.machine import TIMED_OUT, Machine, Result
from ospool_ep.problem import Problem, warning

_PROGRAM = "/usr/libexec/condor/condor_gpu_discovery"
# CUDA starts every device that it lists.
_TIMEOUT_S = 20.0
_DETECTED = re.compile(r'^DetectedGPUs="([^"]*)"', re.MULTILINE)
_OF_ONE = re.compile(r'^\w+=\[ id="([^"]+)"')
_NVML = ("libnvidia-ml.so.1", "libnvidia-ml.so")


@dataclass(frozen=True)
class Discovered:
    """HTCondor's names of what it would offer, and how its program ended: its output is what the startd is given."""

    ids: frozenset[str]
    result: Result

    @property
    def sound(self) -> bool:
        """It has ended well, and says nothing of an error."""
        return self.result.status == 0 and "condor_gpu_discovery_error" not in self.result.stdout


def discover(machine: Machine, devices: tuple[Device, ...], environment: Mapping[str, str]) -> Discovered:
    """These and no others, CUDA's alone: OpenCL would bring in what nobody has looked at. Whole UUIDs are unique."""
    uuids = ",".join(device.uuid for device in devices)
    words = (_PROGRAM, "-properties", "-extra", "-cuda", "-device", uuids)
    result = machine.run(words, _TIMEOUT_S, dict(environment))
    return Discovered(_ids(result.stdout), result)


def without_nvml(directory: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Environment in which it asks CUDA alone: it gives up all GPUs where NVML complains of one (25.14,
    enumerateNVMLDevices). The loader stops at a file that is no library. Makes the directory; raises OSError.
    """
    directory.mkdir(mode=0o755)
    for name in _NVML:
        (directory / name).touch()
    return {"LD_LIBRARY_PATH": ":".join(filter(None, (str(directory), environment.get("LD_LIBRARY_PATH"))))}


def _ids(said: str) -> frozenset[str]:
    """DetectedGPUs="GPU-01234567, GPU-89abcdef", or 0."""
    match = _DETECTED.search(said)
    return frozenset(word.strip() for word in match[1].split(",")) if match else frozenset()


def inventory(found: Discovered, devices: tuple[Device, ...], driver: str) -> str:
    """What the startd is told: of these devices alone. What all have in common a part of them has.

    The driver's version is left out where NVML was not asked, or a GPU is divided; without it HTCondor does not give
    --nv to Apptainer.
    """
    ids = [device.id for device in devices]
    lines = [line for line in found.result.stdout.splitlines() if not _DETECTED.match(line)]
    kept = [line for line in lines if not (its := _OF_ONE.match(line)) or its[1] in ids]
    version = re.sub(r"[^\w.+-]", "?", driver)
    common = re.sub(
        r"^Common=\[ (?!.*NvidiaDriver=)", f'Common=[ NvidiaDriver="{version}"; ', "\n".join(kept), flags=re.M
    )
    return f'DetectedGPUs="{", ".join(ids)}"\n{common}\n'


def judge(devices: tuple[Device, ...], found: Discovered, ignored: frozenset[str]) -> tuple[Problem, ...]:
    """`devices`: what we would offer; `ignored`: names of those of which something else was said."""
    ours, theirs = {device.id for device in devices}, found.ids - ignored
    if found.sound and ours == theirs:
        return ()
    cure = ("on the host: nvidia-smi; compare CUDA's version there with the libraries here (NVIDIA_DRIVER_CAPABILITIES="
            "compute,utility), then start this container again")  # fmt: skip
    why = "only GPUs that both see are offered"
    raw = "\n".join((found.result.stdout.strip(), found.result.stderr.strip())).strip()[-600:]
    return (warning("gpu-discovery-disagrees", _difference(ours, theirs, found.result), why, cure, raw),)


def _difference(ours: set[str], theirs: frozenset[str], result: Result) -> str:
    program = "condor_gpu_discovery"
    if result.status == TIMED_OUT:
        return f"{program} does not come back; NVML lists {_list(ours)}"
    told = [f"{_list(ours - theirs)} is seen by NVML, and not by {program} (CUDA)"] if ours - theirs else []
    told += [f"{_list(theirs - ours)} is seen by {program}, and was not found by NVML"] if theirs - ours else []
    return "; ".join(told) or f"{program} ends with status {result.status}, and an error"


def _list(ids: Set[str]) -> str:
    return ", ".join(sorted(ids))
