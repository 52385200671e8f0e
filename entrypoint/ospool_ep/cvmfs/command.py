"""`ospool-cvmfs COMMAND`: run any command where /cvmfs is mounted as for the pilot.

As the entry point it mounts first; beside a pilot that runs (docker exec) it enters the pilot's namespaces.
"""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from ospool_ep import signals
from ospool_ep.cvmfs import begin, called, running
from ospool_ep.cvmfs.called import Called
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, Refused, exit_code
from ospool_ep.program import run
from ospool_ep.report import show_problems
from ospool_ep.settings import TABLE

PROGRAM = "/usr/bin/ospool-cvmfs"
USAGE = """\
docker exec PILOT ospool-cvmfs ls /cvmfs/oasis.opensciencegrid.org
docker run --rm <the pilot's options> --entrypoint ospool-cvmfs IMAGE ls /cvmfs/oasis.opensciencegrid.org"""


def main(started: float) -> NoReturn:
    """The command's own exit status, or the code of what keeps it from running."""
    mine = called.called(sys.argv[1:], started)
    os._exit(run(lambda log: _command(mine, log), mine.environ, "CVMFS", sys.stderr))


def _command(mine: Called, log: Log) -> int:
    if not mine.arguments:
        raise Refused(Problem("argument", "no command", "it runs a command where /cvmfs is mounted", USAGE))
    if mine.arguments == ("--help",):
        log.block(USAGE)
        return Exit.OK
    if mine.given is None:
        machine = Machine()
        there = running.payload(machine)
        if there is not None:
            running.enter(machine, there, mine.arguments, _harmless(mine.environ))
        problems = begin.variables(mine)
        if not problems:
            given = begin.begin(machine, mine, PROGRAM, log.line, a_pilot=False)
            problems = given.problems if given else ()
        show_problems(problems, log)
        if exit_code(problems):
            return exit_code(problems)
    return _become(mine.arguments, mine.environ)


def _harmless(environ: Mapping[str, str]) -> dict[str, str]:
    """Without the token, which is not the command's business."""
    secret = {row.name for row in TABLE if row.secret}
    return {name: value for name, value in environ.items() if name not in secret}


def _become(arguments: tuple[str, ...], environ: Mapping[str, str]) -> NoReturn:
    """exec, as if nobody had been in between."""
    signals.give_back()
    try:
        os.execvpe(arguments[0], arguments, _harmless(environ))
    except OSError as error:
        found = f"{arguments[0]}: {error.strerror}"
        raise Refused(Problem("argument", found, "the command cannot be run", USAGE)) from error
