"""The GPUs again, for the life of the pilot: a STARTD_CRON job. What is lost HTCondor takes off its list."""

import dataclasses
import os
import signal
from contextlib import suppress
from pathlib import Path

from ospool_ep import locks
from ospool_ep.gpus import present, published, seen
from ospool_ep.gpus.record import BELIEVED, Gpu, Record, State
from ospool_ep.gpus.rows import Row, rows
from ospool_ep.gpus.seen import Seen
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit

_STARTD = "condor_startd"
_BACK = "is back, and is watched for another minute"


def main(directory: str, machine: Machine | None = None) -> int:
    """Print the attributes; `directory` is the pilot's record of GPUs."""
    found = Record(Path(directory))
    machine = machine or Machine()
    try:
        before = found.state()
    except (OSError, ValueError) as error:  # which GPUs are ours is not known any more; HTCondor keeps what it has
        print(f'GPUS_COMMENT = "the pilot\'s record of GPUs is lost ({type(error).__name__}): they are not looked at"')
        return Exit.OK
    after = renew(before, asked(machine, found, before))
    for name, text in published.attributes(after).items():
        print(f"{name} = {text}")
    for keep in (_withdraw, _save):
        with suppress(OSError):  # a full disk: we shall look again
            keep(machine, found, after)
    tell(before, after)
    return Exit.OK


def asked(machine: Machine, found: Record, state: State) -> Seen:
    """Whatever a question starts inherits its lock: while one hangs there is no second."""
    with locks.held(found.lock) as lock:
        if lock is None:
            return Seen(stuck="an earlier question")
        there = present.look(machine, state.directories)
        return seen.ask(dataclasses.replace(machine, inherited=(lock,)), there.directories)


def renew(before: State, said: Seen) -> State:
    """What is believed after a new look."""
    seen_now = {row.device.uuid: row for row in rows(said, ())}
    why = _why(said)
    # A GPU that is lost may not even say which one it is
    unnamed = "; ".join(f"NVML: {row.device.words}" for row in rows(said, ()) if not row.device.uuid)
    gpus = (_renewed(one, why or _of(seen_now.get(one.uuid), unnamed)) for one in before.gpus)
    return dataclasses.replace(before, gpus=tuple(gpus))


def _why(said: Seen) -> str:
    """Where the driver gives no answer at all."""
    if said.stuck:
        return f"the driver does not answer ({said.stuck})"
    return f"NVML: {said.words}" if said.failed else ""


def _of(row: Row | None, unnamed: str) -> str:
    return row.why if row else f"the driver does not list it any more{f' ({unnamed})' if unnamed else ''}"


def _renewed(one: Gpu, why: str) -> Gpu:
    """Lost at once, believed again after a second good look."""
    if why:
        return dataclasses.replace(one, passes=0, why=why)
    passes = min(BELIEVED, one.passes + 1)
    return dataclasses.replace(one, passes=passes, why="" if passes == BELIEVED else _BACK)


def withdrawn(state: State) -> str:
    """For HTCondor's configuration."""
    ids = ", ".join(one.id for one in state.gpus if not one.usable)
    return f"OFFLINE_MACHINE_RESOURCE_GPUS = {ids}\n"


def _withdraw(machine: Machine, found: Record, state: State) -> None:
    """Jobs that run there keep what they have; no other is given it. Told once. Raises OSError."""
    wanted = withdrawn(state)
    there = found.withdrawn.read_text(encoding="utf-8") if found.withdrawn.exists() else withdrawn(State())
    if there == wanted:
        return
    new = found.withdrawn.with_suffix(".new")
    new.write_text(wanted, encoding="utf-8")
    new.replace(found.withdrawn)
    startd = os.getppid()
    if machine.text(f"/proc/{startd}/comm").strip() == _STARTD:
        os.kill(startd, signal.SIGHUP)  # it reads its configuration again


def _save(_machine: Machine, found: Record, state: State) -> None:
    found.save(state)


def news(before: State, after: State) -> tuple[str, ...]:
    """What a person wants to read in the log: changes, each with its reason."""
    old = {one.id: one.usable for one in before.gpus}
    changed = [one for one in after.gpus if one.usable != old.get(one.id)]
    return tuple(
        f"{one.id} can be used again" if one.usable else f"{one.id} is withdrawn: {one.why}" for one in changed
    )


def tell(before: State, after: State) -> None:
    """Into the container's log."""
    told = news(before, after)
    if not told or after.log is None:
        return
    with suppress(OSError), Path(after.log).open("a", encoding="utf-8") as stream:
        log = Log(stream=stream, name="GPUS")
        for line in told:
            log.line(line)
