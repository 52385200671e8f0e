"""Whoever looks at a pilot must be its user: another one's rights say nothing of it, and cannot see it."""

import os
from collections.abc import Mapping

from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, Refused
from ospool_ep.signals import give_back
from ospool_ep.status.process import Process

_TIMEOUT_S = 2.0


def become(machine: Machine, pilot: Process | None, command: tuple[str, ...], environ: Mapping[str, str]) -> None:
    """Where root looks at another user's pilot this process becomes that user, running `command`. Raises Refused."""
    if pilot is None or pilot.uid == machine.uid:
        return
    way = ("setpriv", f"--reuid={pilot.uid}", f"--regid={pilot.gid}", "--clear-groups", "--")
    if machine.uid != 0 or machine.run((*way, "true"), _TIMEOUT_S).status != 0:
        raise Refused(_other(machine, pilot))
    give_back()
    os.execvpe(way[0], (*way, *command), dict(environ))


def _other(machine: Machine, pilot: Process) -> Problem:
    found = f"a pilot runs here as uid {pilot.uid}; uid {machine.uid} may not look at it"
    why = "what this uid may do says nothing about what the pilot may do"
    return Problem("pilot-user", found, why, f"docker exec -u {pilot.uid} PILOT ospool-selftest", Exit.PERMISSION)
