"""One examination of this machine: what boot, selftest and retest all do."""

from dataclasses import replace

from ospool_ep.containers import probe, surroundings, verdict
from ospool_ep.containers.command import BINARY
from ospool_ep.containers.probe import Seen, passed
from ospool_ep.containers.verdict import Ability
from ospool_ep.machine import Machine, Result
from ospool_ep.problem import Problem


def examine(
    machine: Machine, parent: str, binds: tuple[str, ...], pid_namespaces: bool, version: str = ""
) -> tuple[Ability, tuple[Problem, ...]]:
    """Test with a scratch directory below `parent`. `pid_namespaces` false: containers get none of their own.

    `version`: where Apptainer has been asked for it before.
    """
    seen = _seen(machine, parent, binds, pid_namespaces, version)
    able, problems = verdict.judge(seen, surroundings.look(machine))
    if able.usable or not binds or not passed(_seen(machine, parent, (), pid_namespaces).directory):
        return able, problems
    broken = verdict.broken_by(tuple(one for one in binds if _breaks(machine, parent, one, pid_namespaces)), problems)
    return replace(able, comment=verdict.comment(broken)), broken


def _breaks(machine: Machine, parent: str, bind: str, pid_namespaces: bool) -> bool:
    return not passed(_seen(machine, parent, (bind,), pid_namespaces).directory)


def _seen(machine: Machine, parent: str, binds: tuple[str, ...], pid_namespaces: bool, version: str = "") -> Seen:
    if not machine.path(BINARY).exists():
        return _nothing(Result(127, "", f"{BINARY} is missing"))
    try:
        return probe.run(machine, parent, binds, pid_namespaces, version)
    except OSError as error:
        return _nothing(Result(1, "", f"no directory for a test can be made: {error}"))


def _nothing(result: Result) -> Seen:
    return Seen(result, result, result, False)
