"""Started as a program, in a process that may be left behind: open what OpenCL's vendors name, one line of JSON each.

    python3 -I -S look_opencl.py DIRECTORIES ICD...

DIRECTORIES, separated by colons: where libraries lie that the loader does not know.
"""

import ctypes
import json
import os
import sys

_LOADER = "libOpenCL.so.1"
_NAME, _ALL_DEVICES = 0x0902, 0xFFFFFFFF
_SIZE = 256
_OUT = [1]


def main(arguments: list[str]) -> None:
    _OUT[0] = os.dup(1)
    os.dup2(2, 1)  # libraries print what they like
    directories = [path for path in arguments[0].split(":") if path]
    for icd in arguments[1:]:
        tell(doing=icd)
        name, error = _vendor(icd, directories)
        tell(icd=icd, library=name, error=error)
    tell(doing=_LOADER)
    try:
        loader = ctypes.CDLL(_LOADER)
    except OSError:  # images of jobs bring their own
        os._exit(0)
    _platforms(loader)
    os._exit(0)


def tell(**said: object) -> None:
    """At once: we may not come back."""
    os.write(_OUT[0], f"{json.dumps(said)}\n".encode())


def _vendor(icd: str, directories: list[str]) -> tuple[str, str]:
    """The library that the first line names, and why it does not open."""
    try:
        with open(icd, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            name = file.readline(4096).strip()
    except OSError as error:
        return "", str(error)
    return name, _opened(name, directories) if name else "empty file"


def _opened(name: str, directories: list[str]) -> str:
    said = ""
    places = () if "/" in name else directories
    for path in (name, *(f"{directory}/{name}" for directory in places)):
        try:
            ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_GLOBAL)
        except (OSError, ValueError) as error:  # a name with a zero byte
            said = said or str(error)
        else:
            return ""
    return said


def _platforms(loader: ctypes.CDLL) -> None:
    count = ctypes.c_uint(0)
    status = loader.clGetPlatformIDs(0, None, ctypes.byref(count))
    if status or not count.value:  # -1001: no platform
        tell(loader=f"clGetPlatformIDs: {status}")
        return
    platforms = (ctypes.c_void_p * count.value)()
    loader.clGetPlatformIDs(count, platforms, None)
    for platform in platforms:
        name = ctypes.create_string_buffer(_SIZE)
        loader.clGetPlatformInfo(ctypes.c_void_p(platform), _NAME, _SIZE, name, None)
        tell(doing=name.value.decode("utf-8", "replace"))
        devices = ctypes.c_uint(0)
        status = loader.clGetDeviceIDs(
            ctypes.c_void_p(platform), ctypes.c_ulong(_ALL_DEVICES), 0, None, ctypes.byref(devices)
        )
        tell(platform=name.value.decode("utf-8", "replace"), devices=0 if status else devices.value)


if __name__ == "__main__":
    main(sys.argv[1:])
