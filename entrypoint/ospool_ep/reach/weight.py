"""How bad it is that servers are missing: a pool has spares."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ospool_ep.problem import Exit, Problem
from ospool_ep.reach.addresses import COLLECTOR, Server, lost


@dataclass(frozen=True)
class Weight:
    """Whether it is fatal, and why it matters."""

    fatal: bool
    why: str

    def on(self, problem: Problem) -> Problem:
        """A problem that is fatal as it was made, or the warning that it is where there is a spare."""
        return problem if self.fatal else replace(problem, exit_code=Exit.OK, warning=True)


def weight(servers: Sequence[Server], good: Sequence[Server], bad: Sequence[Server]) -> Weight:
    """Fatal where `bad` ones have a role in which nobody `good` is left of all `servers`."""
    gone = lost(servers, good)
    mine = [role for server in bad for role in server.roles if role in gone]
    if COLLECTOR in mine:
        return Weight(True, "the pilot would start, be seen by nobody, and never get a job")
    if mine:
        return Weight(True, "access points reach a pilot through a CCB server: jobs would be matched, and not start")
    return Weight(False, "another one serves; without it the pilot has no spare")
