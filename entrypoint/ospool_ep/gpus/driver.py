"""The driver's libraries: who finds them, and what is done for those who do not.

HTCondor opens `libcuda.so`, which NVIDIA's runtime may leave out. Apptainer's --nv binds what `ldconfig -p` lists:
nothing, where the runtime could not write /etc/ld.so.cache (a read-only root) or has not tried to.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.present import CUDA, NVML
from ospool_ep.gpus.seen import Seen
from ospool_ep.machine import Entry, Machine

# The list is Apptainer's own, as its packagers keep it.
_LIST = "/etc/apptainer/nvliblist.conf"
_UNVERSIONED = "libcuda.so"
_TIMEOUT_S = 10.0
# An outer Apptainer's: what is there an inner one takes along by itself.
_INHERITED = "/.singularity.d/libs"


@dataclass(frozen=True)
class Driver:
    """`files`: the libraries, name to path. `links`: HTCondor needs a directory of links to them; `plain`: so do jobs
    that run directly. `bound`: what Apptainer must be told to bind (APPTAINER_CONTAINLIBS).
    """

    files: tuple[tuple[str, str], ...] = ()
    links: bool = False
    plain: bool = False
    bound: tuple[str, ...] = ()


def look(machine: Machine, seen: Seen, directories: tuple[str, ...]) -> Driver:
    """`directories`: where libraries of the driver lie, besides where the loader found them."""
    loaded = [seen.library(name) for name in (NVML, CUDA)]
    own = tuple(one.path.rpartition("/")[0] for one in loaded if one.path)
    files = _files(machine, tuple(dict.fromkeys((*own, *directories))))
    files |= {one.name: one.path for one in loaded if one.path and one.name not in files}
    if CUDA in files:
        files.setdefault(_UNVERSIONED, files[CUDA])
    plain = not all(one.found for one in loaded)
    listed = {NVML, CUDA} <= cached(machine)
    return Driver(
        files=tuple(sorted(files.items())),
        links=plain or not seen.library(_UNVERSIONED).found,
        plain=plain,
        bound=() if listed else _bound(files),
    )


def _files(machine: Machine, directories: tuple[str, ...]) -> dict[str, str]:
    """Libraries of the driver by name; the first directory that has one wins."""
    wanted = _wanted(machine)
    found: dict[str, str] = {}
    for directory in directories:
        for entry in _entries(machine, directory):
            if entry.kind == "file" and entry.name.startswith(wanted):
                found.setdefault(entry.name, f"{directory}/{entry.name}")
    return found


def _entries(machine: Machine, directory: str) -> tuple[Entry, ...]:
    """Nothing where a directory can be searched, and not listed."""
    try:
        return machine.list(directory)
    except OSError:
        return ()


def _wanted(machine: Machine) -> tuple[str, ...]:
    """What Apptainer would look for; without its list (an image of somebody's own) the two that everything needs."""
    try:
        lines = machine.text(_LIST).splitlines()
    except OSError:
        lines = []
    return tuple(line.strip() for line in lines if ".so" in line and line[:1] not in "#/") or ("libcuda.so", "libnv")


def _bound(files: dict[str, str]) -> tuple[str, ...]:
    """A comma separates them, and there is no way to write one."""
    return tuple(path for path in dict.fromkeys(files.values()) if "," not in path and not path.startswith(_INHERITED))


def cached(machine: Machine) -> frozenset[str]:
    """Names of libraries that the loader's cache knows, as Apptainer asks for them; it may be another system's."""
    result = machine.run(("ldconfig", "-p"), _TIMEOUT_S)
    told = re.findall(r"^\s+(\S+) \(.*=> (/.*)$", result.stdout, re.MULTILINE) if result.status == 0 else []
    return frozenset(name for name, path in told if name in (NVML, CUDA) and machine.path(path).exists())


def link(directory: Path, found: Gpus) -> dict[str, str]:
    """Make the directory, and say what goes into the environment with it, if anything. Raises OSError."""
    if not found.links:
        return {}
    directory.mkdir(mode=0o755)
    for name, path in found.files:
        (directory / name).symlink_to(path)
    return {"LD_LIBRARY_PATH": str(directory)}
