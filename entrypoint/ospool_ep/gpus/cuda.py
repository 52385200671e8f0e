"""CUDA's own list of GPUs: what a job's program will find."""

from dataclasses import dataclass
from pathlib import Path

from ospool_ep.gpus import look
from ospool_ep.gpus.seen import Device, told
from ospool_ep.machine import TIMED_OUT, Machine, Result
from ospool_ep.problem import Problem, warning

_PROGRAM = Path(look.__file__)
# It starts every device: some seconds on a machine with eight that nobody has used for a while.
_TIMEOUT_S = 20.0
_HOST = "on the host: nvidia-smi, and dmesg | grep -i -e nvrm -e xid"
_CURES = {
    100: "docker run --gpus all, with the devices /dev/nvidia* and /dev/nvidia-uvm",
    802: "on the host: systemctl start nvidia-fabricmanager (GPUs that are joined by NVSwitch need it)",
    803: "start this container again, so that it gets the libraries of the driver that runs; reboot the host if that "
    "does not help",
    804: "-e NVIDIA_DRIVER_CAPABILITIES=compute,utility, and no libraries of another driver (cuda-compat) in the image",
}


@dataclass(frozen=True)
class Cuda:
    """UUIDs of GPUs; CUDA's code and words where it does not start; what it was about when it did not come back.

    `partial`: a visible GPU is divided, and then CUDA shows one instance and nothing else.
    """

    uuids: frozenset[str] = frozenset()
    failed: int = 0
    words: str = ""
    stuck: str = ""
    partial: bool = False


def ask(machine: Machine, directories: tuple[str, ...]) -> Cuda:
    """`directories`: where the driver's libraries lie, if the loader does not know them."""
    return understood(machine.run(("python3", "-I", "-S", str(_PROGRAM), look.CUDA, *directories), _TIMEOUT_S))


def understood(result: Result) -> Cuda:
    """From what the program said."""
    said = told(result.stdout)
    if result.status == TIMED_OUT:
        return Cuda(stuck=next((one["doing"] for one in reversed(said) if "doing" in one), "starting"))
    uuids = frozenset(one["cuda"] for one in said if "cuda" in one)
    if result.status:
        return Cuda(uuids, -1, f"the process has died (status {result.status})")
    return next((Cuda(uuids, one["failed"], one["words"]) for one in said if "failed" in one), Cuda(uuids))


def usable(found: Cuda, device: Device) -> bool:
    """Where its list is partial only its start tells."""
    return not (found.stuck or found.failed) and (found.partial or device.uuid in found.uuids)


def judge(found: Cuda, devices: tuple[Device, ...]) -> tuple[Problem, ...]:
    """`devices`: what would be offered."""
    if found.stuck:
        words = f"CUDA does not answer: nothing came back from {found.stuck}"
        return (warning("gpu-hangs", words, _WHY, f"{_HOST}; a driver that hangs takes a reboot"),)
    if found.failed:
        words = f"CUDA does not start: {found.words} ({found.failed})"
        return (warning("gpu-cuda", words, _WHY, _CURES.get(found.failed, _HOST)),)
    lost = [one.id for one in devices if not usable(found, one)]
    if not lost:
        return ()
    return (warning("gpu-cuda", f"NVML lists {', '.join(lost)}, and CUDA does not", _WHY, _HOST),)


_WHY = "programs of jobs would not find these GPUs: they are not offered"
