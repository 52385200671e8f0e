"""Ask a path that may hang: a dead CVMFS or NFS holds whoever touches it, for ever, and some cannot be killed."""

import dataclasses
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.machine import Machine

# What is healthy answers in milliseconds.
PATIENCE_S = 2.0
_POLL_S = 0.02
# realpath alone asks the parents of the path only, not a mount that is dead at its own root.
_QUESTION = 'stat -L -- "$1" >/dev/null && exec realpath -e -- "$1"'
HANGS = "does not answer (a hanging mount)"


@dataclass(frozen=True)
class Found:
    """The path behind all links; or why there is none, for the end of a sentence."""

    real: str = ""
    error: str = ""


def resolve(machine: Machine, path: str, locks: Path | None = None) -> Found:
    """Ask in another process, which is left behind where it hangs.

    `locks`: a directory. While an earlier question about the path hangs no second one is asked.
    """
    with _lock(locks, path) as lock:
        if lock is None:
            return Found(error=HANGS)
        asking = dataclasses.replace(machine, inherited=lock)
        result = asking.run(("sh", "-c", _QUESTION, "sh", path), PATIENCE_S)
    if result.status == 0:
        return Found(result.stdout.rstrip("\n"))
    # realpath: PATH: No such file or directory
    return Found(
        error=HANGS if result.status == 124 else f"cannot be used: {result.stderr.strip().rpartition(': ')[2]}"
    )


@contextmanager
def _lock(directory: Path | None, path: str) -> Iterator[tuple[int, ...] | None]:
    """A lock that the child inherits, and holds for as long as it hangs. None where it is held already."""
    descriptor = _opened(directory, path)
    if descriptor is None:
        yield ()
        return
    try:
        yield (descriptor,) if _taken(descriptor) else None
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    """Others ask as well; one that hangs is past the end of its own patience."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_S)
        else:
            return True


def _opened(directory: Path | None, path: str) -> int | None:
    """None where there can be no lock: on a full disk a second question is the lesser evil."""
    if directory is None:
        return None
    try:
        directory.mkdir(exist_ok=True)
        return os.open(directory / path.replace("%", "%25").replace("/", "%2F"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return None
