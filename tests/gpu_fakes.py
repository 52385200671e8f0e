"""A machine with GPUs for the pure tests: what look.py and condor_gpu_discovery say, as they said it in the image
(HTCondor 25.14.1, with the stand-ins for the driver's libraries of tests/image/gpu), in canned answers.
"""

import json
from dataclasses import dataclass, field

from fakes import WELL, CannedMachine, Result, machine, put
from ospool_ep.gpus.grant import Granted, nvidia
from ospool_ep.gpus.seen import Device, Library, Seen

LIB = "/usr/lib/x86_64-linux-gnu"
NVML, CUDA, UNVERSIONED = LIBRARIES = ("libnvidia-ml.so.1", "libcuda.so.1", "libcuda.so")
VERSION = "580.159.04"
H100, A100 = "NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4-40GB"
NO_LIBRARY = "{0}: cannot open shared object file: No such file or directory"


def uuid(number, kind="GPU"):
    """No two of them begin alike in their first eight digits."""
    return f"{kind}-{number}d1c6f0a-5b2e-4c8d-9a37-1f2e3d4c5b6{number}"


def gpu(index, **changes):
    """A whole and healthy one."""
    base = {"uuid": uuid(index), "name": H100, "memory_mb": 81559, "capability": "9.0", "minor": index}
    return Device(index, **(base | changes))


def divided(index, *parts, **changes):
    """A GPU with MIG and its instances."""
    whole = gpu(index, name=A100, memory_mb=40960, capability="8.0", mig=True, **changes)
    return (whole, *(instance(whole, number) for number in parts))


def instance(whole, number, **changes):
    base = {"name": f"{A100} MIG 3g.20gb", "memory_mb": 19968, "capability": whole.capability, "minor": whole.minor}
    mig = uuid(whole.index, "MIG").replace("5b2e", f"{number:04x}")
    return Device(number, mig, parent=whole.uuid, of=whole.index, **(base | changes))


def failed(index, code=15, words="GPU is lost"):
    """One whose handle NVML does not give."""
    return Device(index, failed=code, words=words)


def libraries(*names, directory=LIB, found=True):
    """Those that load; the others are not there."""
    return tuple(
        Library(name, f"{directory}/{name}", found) if name in names else Library(name, error=NO_LIBRARY.format(name))
        for name in LIBRARIES
    )


def seen(*devices, **changes):
    """A driver that works; every device has a node that opens."""
    minors = sorted({one.minor for one in devices if one.minor is not None})
    nodes = {"/dev/nvidiactl": "", **{f"/dev/nvidia{minor}": "" for minor in minors}}
    base = {"libraries": libraries(*LIBRARIES), "driver": VERSION, "cuda": "13.0"}
    return Seen(**(base | {"devices": devices, "nodes": tuple(nodes.items())} | changes))


def given(*uuids, text="GPU-x", unknown=()):
    """A grant of these UUIDs."""
    return Granted(nvidia(text), frozenset(uuids), unknown)


# --- what the programs say


def lines(found):
    """look.py's, of what it is to find."""
    said = [{"library": one.name} | _library(one) for one in found.libraries]
    said += [{"node": path, "error": error} for path, error in found.nodes]
    said += [{"doing": "starting NVML"}]
    said += [{"driver": found.driver, "cuda": found.cuda}] if found.driver else []
    said += [_device(one) for one in found.devices]
    said += [{"failed": found.failed, "words": found.words}] if found.failed else []
    return [json.dumps(one) for one in said]


def _library(one):
    return {"found": one.found, "path": one.path} if one.path else {"error": one.error}


def _device(one):
    if one.failed:
        return {"device": one.index, "failed": one.failed, "words": one.words}
    known = {name: getattr(one, name) for name in ("uuid", "name", "memory_mb", "capability")}
    if one.parent:
        return {"instance": one.index, "of": one.of} | known | {"capability": ""}
    return {"device": one.index} | known | {"minor": one.minor, "mig": one.mig}


def looked(found):
    return Result(0, "".join(f"{line}\n" for line in lines(found)), "")


def cuda(*devices, failed=0, words=""):
    """look.py --cuda."""
    said = [{"doing": "starting CUDA"}, *({"cuda": one.uuid} for one in devices)]
    said += [{"failed": failed, "words": words}] if failed else []
    return Result(0, "".join(f"{json.dumps(one)}\n" for one in said), "")


def discovered(*devices):
    """condor_gpu_discovery -properties -extra."""
    if not devices:
        return Result(0, "DetectedGPUs=0\n", "")
    common = f'Common=[ Capability=9.0; DeviceName="{H100}"; DriverVersion=13.0; GlobalMemoryMb=81090; ]'
    each = (f'{one.id.replace("-", "_")}=[ id="{one.id}"; DeviceUuid="{one.uuid[4:]}"; ]' for one in devices)
    ids = ", ".join(one.id for one in devices)
    return Result(0, "\n".join([f'DetectedGPUs="{ids}"', common, *each, ""]), "")


DISCOVERY_ERROR = Result(1, 'condor_gpu_discovery_error = "Failed to enumerate MIG devices"\n', "")


def ldconfig(*names):
    rows = "".join(f"\t{name} (libc6,x86-64) => {LIB}/{name}\n" for name in names)
    return Result(0, f"{len(names)} libs found in cache `/etc/ld.so.cache'\n{rows}", "")


@dataclass(frozen=True)
class Asked(CannedMachine):
    """Remembers what was run, and with which environment. HTCondor's program lists those of `listed` that it is asked
    for, unless it has an answer of its own.
    """

    listed: tuple = ()
    calls: list = field(default_factory=list)

    def run(self, argv, timeout, env=None):
        self.calls.append((" ".join(argv), dict(env or {}), timeout))
        if argv[0].endswith("condor_gpu_discovery") and not any(part in argv[0] for part, _ in self.answers):
            wanted = argv[argv.index("-device") + 1].split(",")
            return discovered(*(one for one in self.listed if one.uuid in wanted))
        return super().run(argv, timeout, env)

    def lines(self, part):
        return [line for line, _, _ in self.calls if part in line]


def usable(found):
    parents = {one.parent for one in found.devices}
    return tuple(one for one in found.devices if not one.failed and one.uuid not in parents)


def asked(root, found, *rows, used=None, listed=None, inside=None):
    """A whole machine that answers so; `rows` come first. `used` and `listed`: what CUDA and HTCondor see, else
    everything that is usable. The driver's libraries and nodes are files below the root.
    """
    for path in (*(one.path for one in found.libraries if one.path), *(node for node, _ in found.nodes)):
        put(root, path, "")
    contained = seen(*usable(found), libraries=libraries(*LIBRARIES, directory="/.singularity.d/libs"))
    answers = (
        *rows,
        ("look.py --cuda", cuda(*(usable(found) if used is None else used))),
        ("look.py --inside", inside or looked(contained)),
        ("look.py", looked(found)),
        ("ldconfig -p", ldconfig(*LIBRARIES)),
        *WELL,
    )
    plain = machine(root, answers=answers)
    known = {name: getattr(plain, name) for name in plain.__dataclass_fields__}
    return Asked(**known, listed=usable(found) if listed is None else listed)
