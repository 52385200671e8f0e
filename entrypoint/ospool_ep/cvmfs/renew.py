"""CVMFS again, for the life of the pilot: a STARTD_CRON job. Its output goes into the machine ad."""

import dataclasses
from contextlib import suppress
from pathlib import Path

from ospool_ep.cvmfs import names, published
from ospool_ep.cvmfs.ask import Answer, ask
from ospool_ep.cvmfs.record import BOUND, MOUNTED, Record, State
from ospool_ep.cvmfs.repositories import Repository, renewed
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit

# Longer than the client's own time-outs against a server that hangs (10 s), shorter than the period.
PATIENCE_S = 20.0


def main(directory: str, machine: Machine | None = None) -> int:
    """Print the attributes; `directory` is the pilot's record of CVMFS."""
    found = Record(Path(directory))
    machine = machine or Machine()
    try:
        before = found.state()
    except (OSError, ValueError):  # nothing is known: then nothing is offered, until they have answered for four hours
        before = unknown(machine.now)
    answers = ask(machine, asked(before), PATIENCE_S, read=before.source == MOUNTED)
    after = renew(before, answers, machine.now)
    for name, text in published.attributes(after, machine.now).items():
        print(f"{name} = {text}")
    with suppress(OSError):  # a full disk: we shall ask again
        found.save(after)
    if after.lost:
        _leave(after)
    tell(before, after, machine.now)
    return Exit.OK


def unknown(now: int) -> State:
    """The record is lost."""
    return State(BOUND, tuple(Repository(name, failed=now) for name in (names.CONFIG, *names.WORTH)))


def asked(state: State) -> tuple[str, ...]:
    """Those that can be there: cvmfsexec mounts nothing later."""
    if state.source == MOUNTED:
        return tuple(dict.fromkeys((names.CONFIG, *state.asked)))
    return tuple(one.name for one in state.repositories)


def renew(before: State, answers: tuple[Answer, ...], now: int) -> State:
    """What is believed after new answers."""
    said = {answer.name: answer for answer in answers}
    repositories = (renewed(one, said[one.name], now) if one.name in said else one for one in before.repositories)
    return dataclasses.replace(before, repositories=tuple(repositories))


def _leave(state: State) -> None:
    """START is false already; when the last job has ended everything ends, and init with this code."""
    with suppress(OSError):
        Path(state.leave).write_text(f"{Exit.AGAIN.value}\n", encoding="ascii")


def news(before: State, after: State, now: int) -> tuple[str, ...]:
    """What a person wants to read in the log: changes, each with its reason."""
    old = {one.name: one.usable(now) for one in before.repositories}
    told = []
    for one in after.repositories:
        if one.usable(now) != old.get(one.name):
            told.append(f"{one.name} can be used again" if one.usable(now) else f"{one.name} {one.words(now)}")
    if after.lost and not before.lost:
        told.append(f"every repository is dead: no new jobs; when the last has ended the pilot leaves with exit code "
                    f"{Exit.AGAIN.value}, so that it is started again")  # fmt: skip
    return tuple(told)


def tell(before: State, after: State, now: int) -> None:
    """Into the container's log."""
    told = news(before, after, now)
    if not told or after.log is None:
        return
    with suppress(OSError), Path(after.log).open("a", encoding="utf-8") as stream:
        log = Log(stream=stream, name="CVMFS")
        for line in told:
            log.line(line)
