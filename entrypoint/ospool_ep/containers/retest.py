"""The tests again, for the life of the pilot: a STARTD_CRON job. Its output goes into the machine ad.

It is started every half minute, and tests every five minutes, sooner where there is a reason.
"""

import dataclasses
import time
from contextlib import suppress
from pathlib import Path

from ospool_ep import locks, report, scratch
from ospool_ep.containers import binds, examine, probe, published, registry, renewal, verdict
from ospool_ep.containers.failures import IMAGE, Failure
from ospool_ep.containers.record import Record, Setup, State
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem

# Little space is no reason: jobs may fill what they were offered. Where none is left the test itself fails.
_BLOCKING = frozenset({"scratch-missing", "scratch-read-only", "scratch-permission", "scratch-noexec"})
_TOLD = ("HAS_SINGULARITY", "SINGULARITY_CAN_USE_SIF", "SINGULARITY_CAN_USE_REGISTRY", "SINGULARITY_COMMENT",
         "OSG_DEFAULT_SINGULARITY_IMAGE")  # fmt: skip


def main(directory: str) -> int:
    """Print the attributes; `directory` is the pilot's record."""
    found = Record(Path(directory))
    try:
        setup = found.setup()
    except (OSError, ValueError) as error:
        publish(Setup(), State(comment=f"the pilot's own record cannot be read: {error}"))
        return Exit.OK
    before = known(found)
    # Every test inherits it: it is free when the last of them has ended, not when this program has.
    with locks.held(found.lock) as lock:
        machine = Machine(inherited=() if lock is None else (lock,))
        after, problems = (renewal.stuck(before), ()) if lock is None else renew(machine, found, setup, before)
        publish(setup, after, failed(found))
        with suppress(OSError):  # a full disk: we shall test again
            found.save(after)
    tell(setup, before, after, problems)
    return Exit.OK


def known(found: Record) -> State:
    """The last state; where it is lost nothing is believed, and everything tested again."""
    try:
        return found.state()
    except (OSError, ValueError) as error:
        return State(comment=f"what was known of job containers is lost: {error}")


def publish(setup: Setup, state: State, failed_images: tuple[str, ...] = ()) -> None:
    """For the startd. All attributes each time: those that are missing would go back to what the boot said."""
    for name, text in published.attributes(setup, state, failed_images).items():
        print(f"{name} = {text}")


def failed(found: Record) -> tuple[str, ...]:
    """Images of jobs that could not be started, each once, the last one last."""
    return tuple(dict.fromkeys(one.why for one in found.failures(int(time.time())) if one.what == IMAGE))


def renew(machine: Machine, found: Record, setup: Setup, state: State) -> tuple[State, tuple[Problem, ...]]:
    """What is offered from now on, and what is wrong; the same as before where it is too early.

    Never a test and a question in one run: each costs as little as it can.
    """
    failures = found.failures(machine.now)
    ours = tuple(one for one in failures if one.what != IMAGE)
    if renewal.due(state, machine.now, _last(ours)):
        return test(machine, found, setup, state, ours)
    if renewal.asking(state, machine.now, _last(tuple(filter(_pulled, failures)))):
        from ospool_ep.containers import sources  # HTTP is as dear as all the rest

        return renewal.answered(state, sources.look(machine, found, setup, state), machine.now), ()
    return state, ()


def test(
    machine: Machine, found: Record, setup: Setup, state: State, failures: tuple[Failure, ...]
) -> tuple[State, tuple[Problem, ...]]:
    """Test what a job would get."""
    probe.tidy(found.path.parent)
    mounted, missing = binds.again(machine, setup.binds, setup.locks)
    home = str(found.path.parent)
    able, wrong = examine.examine(machine, home, mounted, setup.pid_namespaces, setup.version)
    volume = scratch.look(machine)
    faults = tuple(one for one in scratch.judge(volume, machine.uid) if one.id in _BLOCKING)
    able = dataclasses.replace(able, comment=verdict.comment((*wrong, *missing)))
    after = renewal.tested(state, setup, able, tuple(one.found for one in faults), failures)
    full, cvmfs = volume.free_mb < scratch.RESERVE_MB, binds.CVMFS in mounted
    lost = machine.now if renewal.lost(state, setup, able) else state.lost
    after = dataclasses.replace(after, cvmfs=cvmfs, disk_full=full, tested=machine.now, lost=lost)
    return after, (*faults, *wrong, *missing)


def tell(setup: Setup, before: State, after: State, problems: tuple[Problem, ...] = ()) -> None:
    """What has changed, in the container's log; with its cure, as at boot, where something new is wrong."""
    then, now = (published.attributes(setup, state) for state in (before, after))
    news = [f"{name} = {now[name]}" for name in _TOLD if now[name] != then[name]]
    if not news or setup.log is None:
        return
    with suppress(OSError), Path(setup.log).open("a", encoding="utf-8") as stream:
        log = Log(stream=stream, name="RETEST")
        log.line(f"job containers: {', '.join(news)}")
        if after.comment != before.comment:
            report.show_problems(tuple(dataclasses.replace(one, warning=True) for one in problems), log)


def _last(failures: tuple[Failure, ...]) -> int:
    return max((failure.when for failure in failures), default=-1)


def _pulled(failure: Failure) -> bool:
    """An image of a registry: perhaps that is what failed."""
    return failure.what == IMAGE and bool(registry.SCHEME.match(failure.why.partition(" ")[2]))
