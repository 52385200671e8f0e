"""What can be seen of GPUs without asking a driver: files and directories, no process, no library.

A machine without GPUs pays for this and for nothing else.
"""

import re
from contextlib import suppress
from dataclasses import dataclass

from ospool_ep.machine import Machine

NVML = "libnvidia-ml.so.1"
CUDA = "libcuda.so.1"
# Debian's and Red Hat's, what NVIDIA's runtimes and Kubernetes plugins mount, what Apptainer's --nv binds, WSL's.
_USUAL = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/local/nvidia/lib64",
    "/usr/local/nvidia/lib",
    "/usr/lib64/nvidia",
    "/.singularity.d/libs",
    "/usr/lib/wsl/lib",
    "/usr/local/cuda/compat",
)
_WSL = "dxg"
_NODE = re.compile(r"nvidia[0-9]+")
_VENDORS = "/etc/OpenCL/vendors"
_MODULE = "/sys/module/nvidia"


@dataclass(frozen=True)
class Present:
    """`nodes`: device files of GPUs; `directories`: where libraries of the driver lie; `vendors`: names of .icd files.

    `module`: the kernel, which is the host's, has NVIDIA's driver loaded.
    """

    nodes: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    module: bool = False

    @property
    def worth_asking(self) -> bool:
        """Whether there is anything that a driver could be asked about."""
        return bool(self.nodes or self.directories)


def look(machine: Machine, more: tuple[str, ...] = ()) -> Present:
    """`more`: directories of libraries that the site names."""
    return Present(
        nodes=tuple(f"/dev/{name}" for name in _names(machine, "/dev") if _NODE.fullmatch(name) or name == _WSL),
        directories=tuple(path for path in dict.fromkeys((*more, *_USUAL)) if _driver_in(machine, path)),
        vendors=tuple(f"{_VENDORS}/{name}" for name in _names(machine, _VENDORS) if name.endswith(".icd")),
        module=machine.path(_MODULE).is_dir(),
    )


def _driver_in(machine: Machine, path: str) -> bool:
    try:
        return any(machine.path(f"{path}/{name}").exists() for name in (NVML, CUDA))
    except OSError:  # not ours to look into
        return False


def _names(machine: Machine, directory: str) -> list[str]:
    """Sorted, as people count; nothing where it cannot be read."""
    found: list[str] = []
    with suppress(OSError):
        found = [entry.name for entry in machine.path(directory).iterdir()]
    return sorted(found, key=lambda name: (len(name), name))
