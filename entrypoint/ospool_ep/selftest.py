"""`ospool-selftest`: the boot's own checks, shown, and nothing else.

It has no second opinion: what is green here boots, what the boot refuses is refused here in the same words.
"""

import os
import sys
from typing import NoReturn

from ospool_ep import VERSION, instance
from ospool_ep.cvmfs import begin, running
from ospool_ep.cvmfs.called import Called, called
from ospool_ep.cvmfs.given import Given
from ospool_ep.environment import load
from ospool_ep.gpus import table
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.preflight import preflight
from ospool_ep.problem import Problem, Refused, exit_code
from ospool_ep.program import run
from ospool_ep.report import show

PROGRAM = "/usr/bin/ospool-selftest"


def main(started: float) -> NoReturn:
    """Exit status 0, or the boot's code for the first failure."""
    mine = called(sys.argv[1:], started)
    os._exit(run(lambda log: _selftest(mine, log), mine.environ, "SELFTEST"))


def _selftest(mine: Called, log: Log) -> int:
    if mine.arguments:
        cure = "docker run --rm <the pilot's options> --entrypoint ospool-selftest IMAGE"
        raise Refused(Problem("argument", f"unknown argument {mine.arguments[0]!r}", "the selftest takes none", cure))
    given = mine.given
    if given is None:
        log.line(f"ospool-selftest {VERSION}")
        given = _given(Machine(), mine, log)
    plan = preflight(Machine(), mine.environ, instance.new_name(), given)
    show(plan.lines, log, table.text(plan.gpus))
    code = exit_code(plan.problems)
    if code == 0:
        log.line("a pilot would start with these options; whether the pool accepts its token is not tested here")
    return code


def _given(machine: Machine, mine: Called, log: Log) -> Given | None:
    """Beside a pilot that has mounted CVMFS (docker exec) its mounts are looked at; nothing is mounted twice."""
    there = running.payload(machine)
    if there is None:
        return begin.begin(machine, mine, PROGRAM, begin.lines(log), patient=False)
    return running.given(machine, there, load(mine.environ)[0].cvmfs_repositories or ())
