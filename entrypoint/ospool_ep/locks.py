"""Locks between processes: files that are locked for as long as somebody has them open."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(path: Path, patience_s: float = 0, poll_s: float = 0.02) -> Iterator[int | None]:
    """The descriptor of a locked file; None where somebody else has held the lock for all of our patience.

    A program that inherits the descriptor holds the lock as well, until it ends. Raises OSError where the file
    cannot be opened or locked.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor if taken(descriptor, patience_s, poll_s) else None
    finally:
        os.close(descriptor)


def taken(descriptor: int, patience_s: float, poll_s: float) -> bool:
    """Whether an open file could be locked in time. Raises OSError where it cannot be locked at all."""
    end = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(poll_s)
        else:
            return True
