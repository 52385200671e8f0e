"""The scratch volume: is it fit for jobs?"""

import os
from dataclasses import dataclass

from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, warning

PATH = "/pilot"
_WHY = "jobs run there; without it the pilot can offer nothing"
# Below the first nothing useful fits; below the second most jobs (they ask for GBs) do not match.
_FLOOR_MB = 512
_LITTLE_MB = 4096
_MOUNT = "docker run -v /worker-temp-dir:/pilot"


@dataclass(frozen=True)
class Scratch:
    """Free space and mount flags of the volume."""

    exists: bool
    writable: bool
    read_only: bool
    noexec: bool
    free_mb: int


def look(machine: Machine) -> Scratch:
    """Read only: nothing is created."""
    path = machine.path(PATH)
    if not path.is_dir():
        return Scratch(False, False, False, False, 0)
    volume = os.statvfs(path)
    return Scratch(
        exists=True,
        writable=os.access(path, os.W_OK | os.X_OK, effective_ids=True),
        read_only=bool(volume.f_flag & os.ST_RDONLY),
        noexec=bool(volume.f_flag & os.ST_NOEXEC),
        free_mb=volume.f_bavail * volume.f_frsize >> 20,
    )


def judge(scratch: Scratch, uid: int) -> tuple[Problem, ...]:
    """Everything that keeps jobs from running on this volume."""
    if not scratch.exists:
        return (_unfit("scratch-missing", f"{PATH} is not a directory", _MOUNT),)
    problems = []
    if scratch.read_only:
        problems.append(_unfit("scratch-read-only", f"{PATH} is mounted read-only", f"{_MOUNT} (without :ro)"))
    elif not scratch.writable:
        cure = f"on the host: chown {uid} /worker-temp-dir   (or chmod 1777 /worker-temp-dir)"
        problems.append(
            Problem("scratch-permission", f"{PATH} is not writable by uid {uid}", _WHY, cure, Exit.PERMISSION)
        )
    if scratch.noexec:
        cure = f"{_MOUNT}   (a volume mounted with exec; for tmpfs: --tmpfs /pilot:exec,mode=1777)"
        problems.append(_unfit("scratch-noexec", f"{PATH} is mounted noexec", cure))
    return (*problems, *_space(scratch))


def _unfit(id: str, found: str, cure: str) -> Problem:
    return Problem(id, found, _WHY, cure, Exit.UNFIT)


def _space(scratch: Scratch) -> tuple[Problem, ...]:
    found = f"{PATH} has {scratch.free_mb} MB free"
    cure = f"free space there, or mount a larger volume: {_MOUNT}"
    if scratch.free_mb < _FLOOR_MB:
        return (_unfit("scratch-full", f"{found}, at least {_FLOOR_MB} MB are needed", cure),)
    if scratch.free_mb < _LITTLE_MB:
        return (warning("scratch-little", found, "most jobs ask for more disk and will not match", cure),)
    return ()
