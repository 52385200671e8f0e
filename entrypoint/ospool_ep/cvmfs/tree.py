"""The directory that cvmfsexec works in: a new one for each start.

A second cvmfsexec in one directory empties the first one's root. Nothing large is copied, and whatever uid runs owns
what must be written.
"""

import shutil
from pathlib import Path

from ospool_ep.cvmfs import cache
from ospool_ep.cvmfs.needs import TREE
from ospool_ep.machine import Machine

_OWN = ("etc", "var", "cvmfs")
_PROGRAMS = ("cvmfsexec", "mountrepo", "umountrepo")
LOCAL = "etc/cvmfs/default.local"


def distributed(machine: Machine) -> str:
    """The distribution's own default.local; empty where it has none."""
    try:
        return machine.text(f"{TREE}/dist/{LOCAL}")
    except OSError:
        return ""


def create(machine: Machine, directory: Path, default_local: str, logs: bool) -> Path:
    """Lay it out; the path of cvmfsexec. `logs`: cvmfs's own directory can be written to. Raises OSError."""
    source = machine.path(TREE)
    dist = directory / "dist"
    (dist / "var/lib").mkdir(parents=True)
    (dist / "cvmfs").mkdir()
    for name in _PROGRAMS:
        (directory / name).symlink_to(source / name)
    for path in (source / "dist").iterdir():
        if path.name not in _OWN:
            (dist / path.name).symlink_to(path)
    _copy(source / "dist/etc", dist / "etc")
    (dist / "var/lib/cvmfs").symlink_to(machine.path(cache.PATH))
    if logs:
        (directory / "log").symlink_to(machine.path(cache.LOGS))
    local = dist / LOCAL
    local.parent.mkdir(parents=True, exist_ok=True)
    local.unlink(missing_ok=True)
    local.write_text(default_local, encoding="utf-8")
    return directory / "cvmfsexec"


def _copy(source: Path, target: Path) -> None:
    """Files and directories that we can write to, whatever their modes were."""
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.is_symlink():
            (target / path.name).symlink_to(path.readlink())
        elif path.is_dir():
            _copy(path, target / path.name)
        else:
            shutil.copyfile(path, target / path.name)
