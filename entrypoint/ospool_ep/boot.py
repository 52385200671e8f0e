"""PID 1: look at everything, then refuse, or act and become condor_master."""

import dataclasses
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from ospool_ep import VERSION, condor_config, config_check, delegation, handover, help, instance, pilot, scratch, tokens
from ospool_ep.containers.record import Record, Setup, State
from ospool_ep.log import Log, redact
from ospool_ep.machine import Machine
from ospool_ep.preflight import preflight
from ospool_ep.problem import Exit, Problem, Refused, exit_code
from ospool_ep.report import show, show_problems
from ospool_ep.settings import secrets_of, take, wants_traceback

Command = Callable[[list[str], Mapping[str, str], Log], int]

TRACEBACK = Path("/tmp/ospool-ep-traceback.txt")  # in the container; named on the screen


def main(started: float) -> NoReturn:
    """The entry point of the image. Ends in exec, or in one of the documented exit codes.

    `started`: time.monotonic() of the program's first line.
    """
    environ = take(os.environ)
    # Not sys.exit: a check that hangs in a thread must not keep the container up.
    os._exit(run(lambda words, environ, log: _command(words, environ, log, started), sys.argv[1:], environ))


def run(command: Command, arguments: list[str], environ: Mapping[str, str], name: str = "BOOT") -> int:
    """The exit code of a command; nothing ends in a traceback."""
    log = Log(secrets_of(environ), name=name)
    try:
        return command(arguments, environ, log)
    except Refused as refused:
        show_problems(refused.problems, log)
        return exit_code(refused.problems)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _bug(error, environ, log)


def _command(arguments: list[str], environ: Mapping[str, str], log: Log, started: float) -> int:
    if not arguments:
        return boot(Machine(), environ, log, started)
    if arguments == ["--print-config"]:
        return print_config(Machine(), environ, Log(log.secrets, sys.stderr))
    if arguments == ["--help"]:
        log.block(help.text())
        return Exit.OK
    found = f"unknown argument {arguments[0]!r}"
    raise Refused(Problem("argument", found, "the pilot takes its settings from variables", help.USAGE))


def boot(machine: Machine, environ: Mapping[str, str], log: Log, started: float) -> int:
    """The whole start, in the order of the work. Returns only when the pilot does not start."""
    log.line(f"ospool-ep {VERSION}")
    plan = preflight(machine, environ, instance.new_name())
    show(plan.lines, log)
    if exit_code(plan.problems):
        return exit_code(plan.problems)
    place = instance.plan(machine, scratch.PATH, plan.names.instance)
    _tidy(machine, log)
    try:
        instance.create(machine, place)
        tokens.install(plan.credentials, place.tokens, place.passwords)
        target = pilot.log_target()
        _record(place, dataclasses.replace(plan.setup, log=target), plan.state)
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


def print_config(machine: Machine, environ: Mapping[str, str], log: Log) -> int:
    """The configuration on standard output, the report on standard error; nothing is created."""
    plan = preflight(machine, environ, instance.new_name())
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


def _record(place: instance.Instance, setup: Setup, state: State) -> None:
    try:
        Record(place.containers).create(setup, state)
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


def _bug(error: Exception, environ: Mapping[str, str], log: Log) -> int:
    """One line on the screen; the traceback in a file, or on the screen when asked for."""
    import traceback  # costs milliseconds that a boot without bugs can save

    text = redact("".join(traceback.format_exception(error)), log.secrets)
    if wants_traceback(environ):
        log.block(text)
        kept = "shown above"
    else:
        kept = _keep(text)
    log.line(f"bug: {type(error).__name__}: {error} (ospool-ep {VERSION}; traceback {kept}); exit {Exit.BUG.value}")
    return Exit.BUG


def _keep(text: str) -> str:
    try:
        TRACEBACK.write_text(text, encoding="utf-8")
    except OSError:
        return "with -e OSPOOL_EP_TRACEBACK=1"
    return f"in {TRACEBACK}, or on the screen with -e OSPOOL_EP_TRACEBACK=1"
