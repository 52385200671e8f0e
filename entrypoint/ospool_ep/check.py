"""What a check is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ospool_ep.report import Line

T = TypeVar("T")
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
