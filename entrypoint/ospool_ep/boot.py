"""PID 1: look at everything, then refuse, or act and become condor_master."""

import dataclasses
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from ospool_ep import VERSION, condor_config, config_check, delegation, handover, help, instance, pilot, scratch, tokens
from ospool_ep.containers.record import Record
from ospool_ep.cvmfs import begin
from ospool_ep.cvmfs.called import Called, called
from ospool_ep.cvmfs.given import Given
from ospool_ep.cvmfs.record import Record as CvmfsRecord
from ospool_ep.gpus import knobs as gpu_knobs
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan, preflight
from ospool_ep.problem import Exit, Problem, Refused, exit_code
from ospool_ep.program import run
from ospool_ep.report import show

PROGRAM = "/usr/bin/ospool-ep"


def main(started: float) -> NoReturn:
    """The entry point of the image. Ends in exec, or in one of the documented exit codes.

    `started`: time.monotonic() of the program's first line.
    """
    mine = called(sys.argv[1:], started)
    # Not sys.exit: a check that hangs in a thread must not keep the container up.
    os._exit(run(lambda log: _command(mine, log), mine.environ, "BOOT"))


def _command(mine: Called, log: Log) -> int:
    if not mine.arguments:
        return _start(mine, log)
    if mine.arguments == ("--print-config",):
        return print_config(Machine(), mine, Log(log.secrets, sys.stderr))
    if mine.arguments == ("--help",):
        log.block(help.text())
        return Exit.OK
    found = f"unknown argument {mine.arguments[0]!r}"
    raise Refused(Problem("argument", found, "the pilot takes its settings from variables", help.USAGE))


def _start(mine: Called, log: Log) -> int:
    """Outside of cvmfsexec's namespaces first, where CVMFS is to be mounted; everything else happens inside."""
    given = mine.given
    if given is None:
        log.line(f"ospool-ep {VERSION}")
        given = begin.begin(Machine(), mine, PROGRAM, begin.lines(log))
    return boot(Machine(), mine.environ, log, mine.started, given)


def boot(machine: Machine, environ: Mapping[str, str], log: Log, started: float, given: Given | None = None) -> int:
    """The whole start, in the order of the work. Returns only when the pilot does not start."""
    plan = preflight(machine, environ, instance.new_name(), given)
    show(plan.lines, log)
    if exit_code(plan.problems):
        return exit_code(plan.problems)
    place = instance.plan(machine, scratch.PATH, plan.names.instance)
    _tidy(machine, log)
    try:
        instance.create(machine, place)
        tokens.install(plan.credentials, place.tokens, place.passwords)
        target = pilot.log_target()
        _record(place, plan, target)
        divided = _divide(machine, plan.delegation, log)
        _configure(machine, pilot.describe(plan, place, target, divided), place.config)
    except BaseException:
        instance.remove(place)
        raise
    log.line(f"ok      slot       {plan.names.slot}")
    environment = handover.environment(plan.settings, place.config, place.home)
    if target is None:
        log.line(f"warning logs       standard output cannot be opened again: HTCondor's logs are in {place.home}/log")
    hint = " (docker stop ends it; Ctrl-C does not)" if sys.stdout.isatty() else ""
    log.line(f"exec condor_master after {time.monotonic() - started:.3f} s{hint}")
    return handover.become_master(handover.arguments(plan.settings), environment, place.home)


def print_config(machine: Machine, mine: Called, log: Log) -> int:
    """The configuration on standard output, the report on standard error; nothing is created."""
    plan = preflight(machine, mine.environ, instance.new_name(), begin.unmounted(machine, mine))
    show(plan.lines, log)
    place = instance.plan(machine, scratch.PATH, plan.names.instance)
    try:
        text = condor_config.render(
            pilot.describe(plan, place, pilot.log_target(), plan.delegation.directory is not None)
        )
    except ValueError:
        return exit_code(plan.problems) or Exit.BUG
    Log(log.secrets, sys.stdout).block(text.rstrip("\n"))
    return exit_code(plan.problems)


def _record(place: instance.Instance, plan: Plan, target: str | None) -> None:
    path = gpu_knobs.library_path(str(place.gpus), plan.gpus)
    try:
        Record(place.containers).create(dataclasses.replace(plan.setup, log=target, library_path=path), plan.state)
        CvmfsRecord(place.cvmfs).create(dataclasses.replace(plan.cvmfs.state, log=target))
        if plan.gpus.offered:
            from ospool_ep.gpus import keep

            keep.keep(place.gpus, plan.gpus, target)
    except OSError as error:
        raise Refused(instance.not_created(error)) from error


def _tidy(machine: Machine, log: Log) -> None:
    done = instance.tidy(machine, instance.leftovers(machine, scratch.PATH))
    if done:
        log.line(f"ok      tidy       {done}")


def _divide(machine: Machine, given: delegation.Delegation, log: Log) -> bool:
    failure = delegation.enter(machine, given)
    if failure and given.directory:
        log.line(f"warning job limits no cgroups for jobs: {failure}; HTCondor measures them every few seconds")
    return not failure


def _configure(machine: Machine, values: condor_config.Pilot, path: Path) -> None:
    """Write, read back with HTCondor's own code, refuse a difference."""
    path.write_text(condor_config.render(values), encoding="utf-8")
    problems = config_check.differences(machine, str(path), condor_config.knobs(values))
    if problems:
        raise Refused(*problems)
