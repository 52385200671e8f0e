"""Started as a program, in a process that may be left behind: ask the driver, one line of JSON for each thing found.

    python3 -I look.py DIRECTORY...
    python3 -I -S look.py --inside
    python3 -I -S look.py --cuda DIRECTORY...

The second, in a job's container, loads the libraries and opens the devices, and asks nothing. The third asks CUDA for
its devices: NVML also lists those that CUDA cannot use.

A wedged driver holds whoever asks it, so what is asked next is said before. Libraries are taken where the loader finds
them, or else from the directories. Needs the standard library and pynvml, nothing else of ours.
"""

import ctypes
import errno
import json
import os
import re
import sys
from collections.abc import Callable
from typing import Any

# condor_gpu_discovery asks for the last, by this name.
LIBRARIES = ("libnvidia-ml.so.1", "libcuda.so.1", "libcuda.so")
INSIDE, CUDA = "--inside", "--cuda"
_UUID_BYTES = 16
_OUT = [1]
_DEV = "/dev"
_NODE = re.compile("nvidia([0-9]+|ctl|-uvm)")
# NVML: an instance has no such thing, not supported, not found, this version does not have it. All others end what is
# known of a device.
_ABSENT = (2, 3, 6, 13)
# And what only the host may know: the memory of a GPU of whose instances a container has some, for one.
_DENIED = 4
_MB = 1 << 20


def main(arguments: list[str]) -> None:
    _OUT[0] = os.dup(1)
    os.dup2(2, 1)  # libraries print what they like
    if arguments[:1] == [CUDA]:
        _cuda(arguments[1:])
        os._exit(0)
    inside = arguments == [INSIDE]
    for name in LIBRARIES:
        tell(doing=f"loading {name}")
        tell(library=name, **loaded(name, [] if inside else arguments))
    for node in _nodes():
        tell(doing=f"opening {node}")
        tell(node=node, error=opened(node))
    if not inside:
        _ask()
    os._exit(0)  # not through the libraries' own ends


def _ask() -> None:
    tell(doing="starting NVML")
    import pynvml

    try:
        pynvml.nvmlInit()
        _driver(pynvml)
        for index in range(pynvml.nvmlDeviceGetCount()):
            tell(doing=f"asking for GPU {index}")
            _device(pynvml, index)
    except pynvml.NVMLError as error:
        tell(failed=error.value, words=_explained(pynvml, error))


def _cuda(directories: list[str]) -> None:
    """Starting CUDA starts every device that it can use."""
    loaded(LIBRARIES[1], directories)
    try:
        cuda = ctypes.CDLL(LIBRARIES[1])
    except OSError as error:
        tell(failed=-1, words=str(error))
        return
    tell(doing="starting CUDA")
    status = cuda.cuInit(0)
    count = ctypes.c_int(0)
    status = status or cuda.cuDeviceGetCount(ctypes.byref(count))
    if status:
        tell(failed=status, words=_words_of(cuda, status))
    # The first says of an instance which GPU it is of
    its_uuid = getattr(cuda, "cuDeviceGetUuid_v2", None) or cuda.cuDeviceGetUuid
    for index in range(count.value):
        device, uuid = ctypes.c_int(0), (ctypes.c_ubyte * _UUID_BYTES)()
        if not (cuda.cuDeviceGet(ctypes.byref(device), index) or its_uuid(uuid, device)):
            tell(cuda=_dashed(bytes(uuid).hex()))


def _words_of(cuda: ctypes.CDLL, status: int) -> str:
    """CUDA's own; they need no start."""
    words = ctypes.c_char_p()
    try:
        cuda.cuGetErrorString(status, ctypes.byref(words))
    except AttributeError:
        return f"error {status}"
    return (words.value or f"error {status}".encode()).decode("utf-8", "replace")


def _dashed(digits: str) -> str:
    """A UUID as NVML writes it."""
    ends = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    return "GPU-" + "-".join(digits[begin:end] for begin, end in ends)


def tell(**said: object) -> None:
    """At once: we may not come back."""
    os.write(_OUT[0], f"{json.dumps(said)}\n".encode())


def loaded(name: str, directories: list[str]) -> dict[str, object]:
    """Load a library for good: who asks for it by its name gets this one. `found`: by the loader itself."""
    said = ""
    for path in (name, *(f"{directory}/{name}" for directory in directories)):
        try:
            ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_GLOBAL)
        except OSError as error:
            # The loader's words on a file that is there are worth more than "no such file" of the next
            said = said if said and "No such file" in str(error) else str(error)
        else:
            return {"found": path == name, "path": _mapped(name) if path == name else path}
    return {"error": said}


def _mapped(name: str) -> str:
    """The file behind it: its name may have the whole version where ours is a link's."""
    stem = f"{name.partition('.so')[0]}.so"
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
        paths = (line.rstrip("\n").partition("/")[2] for line in maps)
        return next((f"/{path}" for path in paths if path.rpartition("/")[2].startswith(stem)), "")


def _nodes() -> list[str]:
    return [f"{_DEV}/{name}" for name in sorted(os.listdir(_DEV)) if _NODE.fullmatch(name)]


def opened(path: str) -> str:
    """Empty where it can be opened, or else the name of an errno."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    return ""


def _driver(nvml: Any) -> None:
    version = _tolerant(nvml, nvml.nvmlSystemGetDriverVersion)
    cuda = _tolerant(nvml, nvml.nvmlSystemGetCudaDriverVersion_v2)
    tell(driver=version or "", cuda=f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else "")


def _device(nvml: Any, index: int) -> None:
    said: dict[str, object] = {"device": index}
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        said |= _known(nvml, handle)
        said["minor"] = _tolerant(nvml, nvml.nvmlDeviceGetMinorNumber, handle)
        mode = _tolerant(nvml, nvml.nvmlDeviceGetMigMode, handle)
        said["mig"] = bool(mode and mode[0])
        found = _instances(nvml, index, handle) if said["mig"] else []
        for one in (said, *found):
            tell(**one)
    except nvml.NVMLError as error:
        tell(**said | {"device": index, "failed": error.value, "words": _explained(nvml, error)})


def _instances(nvml: Any, index: int, parent: Any) -> list[dict[str, object]]:
    """The slots of a device; only some are taken."""
    slots = range(nvml.nvmlDeviceGetMaxMigDeviceCount(parent))
    handles = (_tolerant(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, parent, number) for number in slots)
    taken = ((number, handle) for number, handle in enumerate(handles) if handle is not None)
    return [{"instance": number, "of": index} | _known(nvml, handle) for number, handle in taken]


def _known(nvml: Any, handle: Any) -> dict[str, object]:
    absent = (*_ABSENT, _DENIED)
    memory = _tolerant(nvml, nvml.nvmlDeviceGetMemoryInfo, handle, absent=absent)
    capability = _tolerant(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle, absent=absent)
    return {
        "uuid": nvml.nvmlDeviceGetUUID(handle),
        "name": _tolerant(nvml, nvml.nvmlDeviceGetName, handle, absent=absent) or "",
        "memory_mb": None if memory is None else memory.total // _MB,
        "capability": "" if capability is None else f"{capability[0]}.{capability[1]}",
    }


def _explained(nvml: Any, error: Any) -> str:
    """In the driver's own words, which people search for, rather than the module's."""
    try:
        return str(nvml.nvmlErrorString(error.value))
    except nvml.NVMLError:
        return str(error)


def _tolerant(nvml: Any, ask: Callable[..., Any], *arguments: Any, absent: tuple[int, ...] = _ABSENT) -> Any:
    """None for what this device or this driver does not have."""
    try:
        return ask(*arguments)
    except nvml.NVMLError as error:
        if error.value in absent:
            return None
        raise


if __name__ == "__main__":
    main(sys.argv[1:])
