"""The checks at work: they run side by side, and no one waits for one that hangs."""

import time
from functools import partial
from typing import Any, TypeVar

from ospool_ep.check import Check, Outcome, patiently
from ospool_ep.concurrently import Running
from ospool_ep.problem import Exit, Problem
from ospool_ep.report import Line

# No healthy check needs longer; a hanging one (a dead NFS server under /pilot) is told, not waited for.
TIMEOUT_S = 60.0
T = TypeVar("T")
Begun = tuple[Check[T], Running[Outcome[T]]]


class Board:
    """The checks that have begun: who waits for them can see which ones are not done. Until `timeout_s` from now."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._end = time.monotonic() + timeout_s
        self._begun: list[tuple[str, Running[Any]]] = []

    def begin(self, check: Check[T]) -> Begun[T]:
        """Start a check."""
        running = Running(partial(patiently, check.look))
        self._begun.append((check.name, running))
        return check, running

    def end(self, begun: Begun[T]) -> Outcome[T]:
        """The outcome, also of a check that crashed or hangs; asking again costs nothing."""
        check, running = begun
        return outcome(check, running.result(self._end - time.monotonic()), self._timeout_s)

    def running(self) -> tuple[str, ...]:
        """Names of those that are at work."""
        return tuple(name for name, running in self._begun if running.at_work)


def outcome(check: Check[T], answer: Outcome[T] | BaseException, timeout_s: float = TIMEOUT_S) -> Outcome[T]:
    """A crash or a time-out is a line of the report like any other."""
    if not isinstance(answer, BaseException):
        return answer
    if isinstance(answer, TimeoutError):
        found = f"{check.name}: no answer within {timeout_s:g} s"
        why = "the pilot cannot vouch for it" + (", and does without" if check.spare else "")
        problem = Problem("check-timeout", found, why, check.if_hanging, Exit.UNFIT, warning=check.spare)
        return Outcome(check.otherwise, Line(check.name, "no answer", (problem,)))
    cure = "please report it, with the variables that you set (never the token)"
    found = f"{check.name}: this check failed itself"
    crash = Problem("check-crashed", found, "a bug of ours", cure, Exit.BUG, repr(answer), check.spare)
    return Outcome(check.otherwise, Line(check.name, "crashed", (crash,)))
