"""Directories that nobody else may look into, and the mark of those that are in use."""

import fcntl
import os
from pathlib import Path

from ospool_ep.machine import Machine

# Not on the scratch volume where possible: that is often a directory of the host, and a token on it
# would survive a pilot that was killed. The first is in the image, the second in every container.
PARENTS = ("/run/ospool-ep", "/dev/shm")
MARK = "in-use"


def parent(machine: Machine) -> Path | None:
    """The first of PARENTS that we may write to."""
    paths = (machine.path(path) for path in PARENTS)
    return next(
        (path for path in paths if path.is_dir() and os.access(path, os.W_OK | os.X_OK, effective_ids=True)), None
    )


def create(machine: Machine, directory: Path) -> None:
    """A directory for us alone, marked as in use for the life of this process. Raises OSError."""
    directory.mkdir(mode=0o700)
    hold(machine, directory)


def hold(machine: Machine, directory: Path) -> None:
    """Lock a file for the life of the master: POSIX locks belong to the process, so they outlive the exec."""
    descriptor = os.open(directory / MARK, os.O_RDWR | os.O_CREAT, 0o644)
    # In this order: a mark that can be read and is not locked means that its pilot is dead.
    fcntl.lockf(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, kernel(machine).encode())
    os.set_inheritable(descriptor, True)


def kernel(machine: Machine) -> str:
    """Which boot of which host this is: locks of its own processes are the only ones we can be sure to see."""
    try:
        return machine.text("/proc/sys/kernel/random/boot_id").strip()
    except OSError:
        return "unknown"
