"""What the rest of the pilot is told of CVMFS."""

from dataclasses import dataclass, field

from ospool_ep.cvmfs import names
from ospool_ep.cvmfs.record import BOUND, MOUNTED, State
from ospool_ep.problem import Problem

_SHOWN = 4


@dataclass(frozen=True)
class Given:
    """`state` as it is at boot, `problems` with it; `note` says what a person would wonder about.

    `reserved_mb`: of the scratch volume, for the cache that lies on it.
    """

    state: State = field(default_factory=State)
    problems: tuple[Problem, ...] = ()
    note: str = ""
    reserved_mb: int = 0


# For looking at the configuration nothing is mounted.
NOT_MOUNTED = Given(note="not mounted to print the configuration: what the boot adds for it is not shown")


def summary(given: Given, now: int) -> str:
    """One line for people; empty where nobody asked for CVMFS."""
    state = given.state
    usable = [one for one in state.repositories if one.usable(now)]
    shown = [_told(one.name, one.revision) for one in sorted(usable, key=lambda one: one.name not in state.asked)]
    more = f", and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    what = ", ".join(shown[:_SHOWN]) + more if shown else "nothing in it can be used"
    how = {BOUND: f"{names.ROOT} of the host: {what}", MOUNTED: f"mounted with cvmfsexec: {what}"}
    nothing = "not mounted" if given.problems else ""
    return "; ".join(filter(None, (how.get(state.source, nothing), given.note)))


def _told(name: str, revision: int | None) -> str:
    return name if revision is None else f"{name} (revision {revision})"
