"""How one of our programs was called: by a person, or by ourselves as the payload of cvmfsexec."""

import os
from dataclasses import dataclass

from ospool_ep.cvmfs.given import Given
from ospool_ep.settings import take

INSIDE = "--inside"


@dataclass(frozen=True)
class Called:
    """`given` is set inside of cvmfsexec's namespaces only."""

    arguments: tuple[str, ...]
    environ: dict[str, str]
    started: float
    given: Given | None = None


def called(arguments: list[str], started: float) -> Called:
    """Takes the environment of the process, or what the outside hands in instead of it."""
    environ = take(os.environ)
    if len(arguments) < 2 or arguments[0] != INSIDE:
        return Called(tuple(arguments), environ, started)
    from ospool_ep.cvmfs import arrive  # nobody else needs sockets at boot

    try:
        order, given = arrive.arrive(arguments[1])
    except OSError:  # a person's words: answered like any other unknown argument
        return Called(tuple(arguments), environ, started)
    return Called(tuple(arguments[2:]), order.environ, order.started, given)
