"""The scratch volume: is it fit for jobs?"""

import os
from dataclasses import dataclass

from ospool_ep import mounts
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, warning

PATH = "/pilot"
_WHY = "jobs run there; without it the pilot can offer nothing"
# Logs, and what jobs write before they are found to be over their share: never offered.
RESERVE_MB = 512
# What is left for jobs: below the first nothing useful fits; below the second most (they ask for GBs) do not match.
_FLOOR_MB = 512
_LITTLE_MB = 4096
# The pilot's own take some dozens, a job in a container some more.
_INODES = 1000
_MOUNT = "docker run -v /worker-temp-dir:/pilot"


@dataclass(frozen=True)
class Scratch:
    """Free space and mount flags of the volume."""

    exists: bool = False
    writable: bool = False
    read_only: bool = False
    noexec: bool = False
    free_mb: int = 0
    in_memory: bool = False
    # None: this file system makes them as they are needed
    free_inodes: int | None = None


def look(machine: Machine) -> Scratch:
    """Read only: nothing is created."""
    path = machine.path(PATH)
    if not path.is_dir():
        return Scratch()
    volume = os.statvfs(path)
    return Scratch(
        exists=True,
        writable=os.access(path, os.W_OK | os.X_OK, effective_ids=True),
        read_only=bool(volume.f_flag & os.ST_RDONLY),
        noexec=bool(volume.f_flag & os.ST_NOEXEC),
        free_mb=volume.f_bavail * volume.f_frsize >> 20,
        in_memory=_in_memory(machine),
        free_inodes=volume.f_favail if volume.f_files else None,
    )


def _in_memory(machine: Machine) -> bool:
    try:
        mount = mounts.holding(mounts.read(machine), PATH)
    except OSError:
        return False
    return mount is not None and mount.kind in ("tmpfs", "ramfs")


def summary(scratch: Scratch, caches_mb: dict[str, int]) -> str:
    """For the report. `caches_mb`: what is kept for whom."""
    if not scratch.exists:
        return f"no {PATH}"
    kept = f"{(RESERVE_MB + sum(caches_mb.values())) / 1024:.1f} GB of it not offered"
    parts = ", ".join(f"{size / 1024:.1f} GB for {what}" for what, size in caches_mb.items() if size)
    return f"{PATH}, {scratch.free_mb / 1024:.1f} GB free, {kept}{f' ({parts})' if parts else ''}"


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
    return (*problems, *_space(scratch), *_memory(scratch))


def _unfit(id: str, found: str, cure: str) -> Problem:
    return Problem(id, found, _WHY, cure, Exit.UNFIT)


def _space(scratch: Scratch) -> tuple[Problem, ...]:
    if scratch.free_inodes is not None and scratch.free_inodes < _INODES:
        found = f"{PATH} has room for {scratch.free_inodes} more files (inodes)"
        return (_unfit("scratch-inodes", found, f"remove files there (df -i), or mount another volume: {_MOUNT}"),)
    found = f"{PATH} has {scratch.free_mb} MB free"
    cure = f"free space there, or mount a larger volume: {_MOUNT}"
    if scratch.free_mb < RESERVE_MB + _FLOOR_MB:
        needed = f"{RESERVE_MB} MB are kept back, and jobs need {_FLOOR_MB} MB at least"
        return (_unfit("scratch-full", f"{found}: {needed}", cure),)
    if scratch.free_mb < RESERVE_MB + _LITTLE_MB:
        return (warning("scratch-little", found, "most jobs ask for more disk and will not match", cure),)
    return ()


def _memory(scratch: Scratch) -> tuple[Problem, ...]:
    if not scratch.in_memory:
        return ()
    why = "what jobs write there takes the container's memory, and the kernel kills jobs that are within their shares"
    return (warning("scratch-in-memory", f"{PATH} is in memory (tmpfs)", why, f"a volume on a disk: {_MOUNT}"),)
