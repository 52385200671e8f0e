"""The directory that the client keeps fetched files in: writable, large enough, and nobody else's."""

import contextlib
import os
import time
from dataclasses import dataclass

from ospool_ep import locks, scratch
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, warning

PATH = "/cvmfs-cache"
LOGS = "/cvmfs-logs"
# The client's own default, and what is too little to work with.
QUOTA_MB = 4000
FLOOR_MB = 1000
_LOCK = "ospool-ep.lock"
# A pilot that has just ended may need a moment to let go.
_PATIENCE_S = 2.0
_POLL_S = 0.1
_USED_TIMEOUT_S = 20.0
_WHY = "cvmfsexec keeps there what it fetches"
_MOUNT = f"docker run -v /cvmfs-cache-dir:{PATH}"


@dataclass(frozen=True)
class Cache:
    """What was seen. `free_mb` of the file system, `used_mb` by files of an earlier pilot, which count as room."""

    exists: bool
    writable: bool
    logs_writable: bool
    read_only: bool = False
    free_mb: int = 0
    used_mb: int = 0
    on_scratch: bool = False


def look(machine: Machine, quota_mb: int | None) -> Cache:
    """Look at cache and log directory; what earlier pilots left is only counted where it matters."""
    there = machine.path(PATH)
    writable = os.access(there, os.W_OK | os.X_OK, effective_ids=True)
    if not (there.is_dir() and writable):
        read_only = there.is_dir() and bool(os.statvfs(there).f_flag & os.ST_RDONLY)
        return Cache(there.is_dir(), writable, _logs_writable(machine), read_only)
    volume = os.statvfs(there)
    free = volume.f_bavail * volume.f_frsize >> 20
    used = _used(machine) if free < (quota_mb or QUOTA_MB) + scratch.RESERVE_MB else 0
    pilot = machine.path(scratch.PATH)
    same = pilot.is_dir() and pilot.stat().st_dev == there.stat().st_dev
    return Cache(True, True, _logs_writable(machine), False, free, used, same)


def _logs_writable(machine: Machine) -> bool:
    """The client ends where it cannot append to its own log: another uid's on the same volume is in its way."""
    directory = machine.path(LOGS)
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
        return False
    return all(os.access(path, os.W_OK, effective_ids=True) for path in directory.glob("*.log"))


def _used(machine: Machine) -> int:
    said = machine.run(("du", "-sxm", str(machine.path(PATH))), _USED_TIMEOUT_S).stdout.split()
    return int(said[0]) if said and said[0].isdigit() else 0


def quota(facts: Cache, wanted_mb: int | None) -> int:
    """The quota in MB: the one that is wanted, or the client's default, less where there is less room."""
    return wanted_mb or min(QUOTA_MB, max(FLOOR_MB, _room(facts) * 9 // 10))


def _room(facts: Cache) -> int:
    kept = scratch.RESERVE_MB if facts.on_scratch else 0
    return max(0, facts.free_mb + facts.used_mb - kept)


def judge(facts: Cache, uid: int, wanted_mb: int | None) -> tuple[Problem, ...]:
    """Everything that keeps the client from working with this directory."""
    if not facts.exists:
        return (_unfit("cvmfs-cache-permission", f"{PATH} is not a directory", _MOUNT),)
    if facts.read_only:
        found = f"{PATH} is read-only"
        return (_unfit("cvmfs-cache-permission", found, f"{_MOUNT}   (without :ro)"), *_logs(facts, uid))
    if not facts.writable:
        cure = f"on the host: chown {uid} /cvmfs-cache-dir   (or chmod 1777)"
        return (_unfit("cvmfs-cache-permission", f"{PATH} is not writable by uid {uid}", cure), *_logs(facts, uid))
    return (*_space(facts, wanted_mb), *_logs(facts, uid))


def _space(facts: Cache, wanted_mb: int | None) -> tuple[Problem, ...]:
    needed = wanted_mb or FLOOR_MB
    if _room(facts) >= needed:
        return ()
    found = f"{PATH} has room for {_room(facts)} MB, CVMFS needs {needed} MB"
    found += " (CVMFS_QUOTA_LIMIT)" if wanted_mb else f"; its quota is {QUOTA_MB} MB where CVMFS_QUOTA_LIMIT is not set"
    return (_unfit("cvmfs-cache-space", found, f"{_MOUNT} (a larger volume), free space, or lower CVMFS_QUOTA_LIMIT"),)


def _logs(facts: Cache, uid: int) -> tuple[Problem, ...]:
    if facts.logs_writable:
        return ()
    cure = f"docker run -v /cvmfs-logs-dir:{LOGS}   (uid {uid} can write to it, and to all logs that are in it)"
    return (
        warning("cvmfs-logs", f"{LOGS} is not writable by uid {uid}", "CVMFS's logs are lost with the container", cure),
    )


def _unfit(id: str, found: str, cure: str) -> Problem:
    return Problem(id, found, _WHY, cure, Exit.UNFIT)


def take(machine: Machine, now: int) -> tuple[int | None, str]:
    """A lock for as long as anybody inherits its descriptor, or None and who has it.

    Two pilots in one cache: the first to end takes the other's mounts with it. A directory that cannot be locked at
    all (some network file systems) gives the error's words.
    """
    path = machine.path(PATH) / _LOCK
    try:
        descriptor = _opened(str(path))
    except OSError as error:
        return None, f"its lock cannot be opened: {error.strerror}"
    try:
        if locks.taken(descriptor, _PATIENCE_S, _POLL_S):
            _sign(descriptor, machine.hostname, now)
            return descriptor, ""
        holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
        reason = f"it is in use: {holder or 'its holder left no name'}"
    except OSError as error:
        reason = f"it cannot be locked: {error.strerror}"
    os.close(descriptor)
    return None, reason


def _opened(path: str) -> int:
    """Another uid's file can be locked as well, as long as it can be read."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        return os.open(path, os.O_RDONLY)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, 0o666)
    return descriptor


def _sign(descriptor: int, hostname: str, now: int) -> None:
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"pilot in container {hostname}, since {when}\n".encode(), 0)


def in_use(reason: str, hostname: str) -> Problem:
    """Said when `take` gave no lock."""
    if f"container {hostname}, " in reason:
        found = "the pilot of this container is just mounting CVMFS, or ending"
        return Problem("cvmfs-cache-in-use", found, "it has the cache", "try again in a moment", Exit.UNFIT)
    why = "two pilots with one cache: the first to end takes the other's CVMFS with it"
    cure = f"a cache for each pilot: docker run -v /cvmfs-cache-dir-2:{PATH}   (or leave the volume out)"
    return Problem("cvmfs-cache-in-use", f"{PATH}: {reason}", why, cure, Exit.UNFIT)
