"""`ospool-selftest`: the boot's own checks, more that the boot has no time for, shown, and nothing else.

It has no second opinion: what is green here boots, what the boot refuses is refused here in the same words. Beside a
pilot (docker exec) it also says how that one is doing.
"""

import dataclasses
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from ospool_ep import VERSION, explain, instance
from ospool_ep.beyond import beyond
from ospool_ep.board import Board
from ospool_ep.check import Check
from ospool_ep.cures import worded
from ospool_ep.cvmfs import begin, running
from ospool_ep.cvmfs.called import Called, called
from ospool_ep.cvmfs.given import Given
from ospool_ep.environment import load
from ospool_ep.findings import Findings
from ospool_ep.for_job import answer as for_job
from ospool_ep.known import Known
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.output import progress, show
from ospool_ep.output.options import Options, parse
from ospool_ep.preflight import preflight
from ospool_ep.privileges import facts
from ospool_ep.problem import Exit, exit_code
from ospool_ep.program import run
from ospool_ep.reach import checks as reach
from ospool_ep.status import check as beside

PROGRAM = "/usr/bin/ospool-selftest"
# A person waits; the boot has more patience
_LONGEST_S = 18.0


def main(started: float) -> NoReturn:
    """Exit status 0, or the boot's code for the first failure; 1 for warnings with --strict, or for --job."""
    mine = called(sys.argv[1:], started)
    # What goes to programs is the document alone
    stream = sys.stderr if "--json" in mine.arguments else sys.stdout
    os._exit(run(lambda log: _selftest(mine, log), mine.environ, "SELFTEST", stream))


def _selftest(mine: Called, log: Log) -> int:
    try:
        options = parse(mine.arguments)
    except SystemExit:  # --help
        return Exit.OK
    how = show.form(mine.environ, options)
    if options.explain:
        return explain.explain(options.explain, Log(log.secrets), how.width)
    if mine.given is None:
        show.title(f"ospool-selftest {VERSION}", how, log)
    found = _look(Machine(), mine, options, log)
    status = _status(found, options)
    show.show(found, status, how, log)
    return status


def _look(machine: Machine, mine: Called, options: Options, log: Log) -> Findings:
    """Side by side, what does not need the other."""
    job = for_job.read(machine, options.job) if options.job else None
    there = beside.beside(machine, (PROGRAM, *mine.arguments), mine.environ)
    tell = (lambda _: None) if options.quiet else begin.lines(log)
    given = _given(machine, mine, tell) if mine.given is None else mine.given
    board = Board(_LONGEST_S)
    with progress.shown(board.running):
        begun = beside.begin(machine, there, board)
        also = _nothing if options.offline else partial(reach.checks, machine)
        plan = preflight(machine, mine.environ, instance.new_name(), given, board, also=also)
        pilot = beside.end(begun, machine, board)
        plan = beyond(machine, plan, board, pilot.ad)
        answer = for_job.answer(machine, plan, job) if job else None
    lines = (worded(line, plan.runtime) for line in pilot.lines)
    plan = dataclasses.replace(plan, lines=(*plan.lines, *lines))
    return Findings(plan, facts.look(machine, plan), pilot, answer)


def _nothing(_: Known) -> tuple[Check[None], ...]:
    return ()


def _status(found: Findings, options: Options) -> int:
    problems = found.plan.problems
    unwanted = (options.strict and problems) or (found.answer and not found.answer.matches)
    return exit_code(problems) or (1 if unwanted else Exit.OK)


def _given(machine: Machine, mine: Called, tell: Callable[[str], None]) -> Given | None:
    """Beside a pilot that has mounted CVMFS (docker exec) its mounts are looked at; nothing is mounted twice."""
    there = running.payload(machine)
    if there is None:
        return begin.begin(machine, mine, PROGRAM, tell, patient=False)
    return running.given(machine, there, load(mine.environ)[0].cvmfs_repositories or ())
