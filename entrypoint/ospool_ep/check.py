"""What a check is."""

import errno
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ospool_ep.report import Line

T = TypeVar("T")
_ATTEMPTS, _PAUSE_S = 40, 0.05
_MOUNT = "look for a hanging mount among the volumes of this container (on the host: df hangs too)"


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What a check found, and its line of the report."""

    value: T
    line: Line


@dataclass(frozen=True)
class Check(Generic[T]):
    """One row of the table. `otherwise` stands in where the check crashes or hangs: the pilot is refused then, but for
    one that it can do without (`spare`).
    """

    name: str
    look: Callable[[], Outcome[T]]
    otherwise: T
    if_hanging: str = _MOUNT
    spare: bool = False


def patiently(look: Callable[[], T]) -> T:
    """What a check finds. Those beside it may have all file descriptors of a small limit, for a moment."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return look()
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
        time.sleep(_PAUSE_S)
    return look()
