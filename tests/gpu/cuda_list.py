"""Started as a program, with the path of libcuda.so.1: what CUDA itself lists, without NVML, as JSON."""

import ctypes
import json
import sys
import uuid

_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
_NO_DEVICE = 100


def main(path: str) -> None:
    cuda = ctypes.CDLL(path)
    status = cuda.cuInit(0)
    if status not in (0, _NO_DEVICE):
        sys.exit(f"cuInit: error {status}")
    version, count = ctypes.c_int(), ctypes.c_int()
    cuda.cuDriverGetVersion(ctypes.byref(version))
    if status == 0:
        cuda.cuDeviceGetCount(ctypes.byref(count))
    gpus = [device(cuda, number) for number in range(count.value)]
    cuda_version = f"{version.value // 1000}.{version.value % 1000 // 10}"
    print(json.dumps({"cuda": cuda_version, "gpus": gpus}))


def device(cuda: ctypes.CDLL, number: int) -> dict[str, object]:
    handle, raw, name = ctypes.c_int(), (ctypes.c_ubyte * 16)(), ctypes.create_string_buffer(256)
    total, major, minor = ctypes.c_size_t(), ctypes.c_int(), ctypes.c_int()
    identify = getattr(cuda, "cuDeviceGetUuid_v2", cuda.cuDeviceGetUuid)  # the older one does not know instances
    for status in (
        cuda.cuDeviceGet(ctypes.byref(handle), number),
        identify(raw, handle),
        cuda.cuDeviceGetName(name, len(name), handle),
        cuda.cuDeviceTotalMem_v2(ctypes.byref(total), handle),
        cuda.cuDeviceGetAttribute(ctypes.byref(major), _CAPABILITY_MAJOR, handle),
        cuda.cuDeviceGetAttribute(ctypes.byref(minor), _CAPABILITY_MINOR, handle),
    ):
        if status:
            sys.exit(f"CUDA device {number}: error {status}")
    return {
        "uuid": f"CUDA-{uuid.UUID(bytes=bytes(raw))}",
        "name": name.value.decode(),
        "memory_mb": total.value >> 20,
        "capability": f"{major.value}.{minor.value}",
    }


if __name__ == "__main__":
    main(sys.argv[1])
