"""This machine's clock beside others: tokens, and the time until which a pilot accepts jobs, go by it."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from ospool_ep.problem import Problem, warning
from ospool_ep.token_problems import duration

# HTCondor's own leeway.
_LEEWAY_S = 60
_CURE = "host: timedatectl set-ntp true\nhost: chronyc makestep\n(a container has its host's clock)"


@dataclass(frozen=True)
class Difference:
    """So many seconds is this machine ahead (below 0: behind) of `whose` clock."""

    whose: str
    ahead_s: int


def difference(whose: str, theirs: int, before: int, after: int) -> Difference:
    """`theirs`: a clock that was read, in whole seconds, between two readings of ours."""
    if theirs < before - 1:
        return Difference(whose, before - 1 - theirs)
    return Difference(whose, min(0, after + 1 - theirs))


def of_page(date: str, age: str) -> int | None:
    """The clock of whoever sent a page: a cached one has the Date of old, and its Age in seconds."""
    try:
        return int(parsedate_to_datetime(date).timestamp()) + int(age or 0)
    except (ValueError, TypeError, OverflowError):
        return None


def judge(differences: tuple[Difference, ...]) -> tuple[Problem, ...]:
    """The first one counts: the sources are in the order of their worth."""
    first = next(iter(differences), None)
    if first is None or abs(first.ahead_s) <= _LEEWAY_S:
        return ()
    found = f"this machine's clock is {summary(first)}"
    why = (
        "tokens are refused as expired or not yet valid, and the pool matches jobs by its own clock (GLIDEIN_ToRetire)"
    )
    return (warning("clock", found, why, _CURE),)


def summary(one: Difference) -> str:
    """In words."""
    if abs(one.ahead_s) < 2:
        return f"that of {one.whose}"
    return f"{duration(abs(one.ahead_s))} {'ahead of' if one.ahead_s > 0 else 'behind'} that of {one.whose}"
