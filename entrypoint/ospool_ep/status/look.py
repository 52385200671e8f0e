"""Everything that can be known of the running pilot, side by side and in a bounded time; nothing is changed."""

from dataclasses import replace

from ospool_ep.concurrently import Running
from ospool_ep.machine import Machine
from ospool_ep.status import collectors, history, startd
from ospool_ep.status import place as places
from ospool_ep.status.found import RUNNING, SILENT, STARTING, STOPPING, Pilot
from ospool_ep.status.place import Place, Unknown
from ospool_ep.status.process import Process

# The startd is up within seconds, and in the pool a little later
_PATIENCE_S = 60
_LONGEST_S = 8.0


def look(machine: Machine, process: Process | None) -> Pilot | None:
    """None without a pilot."""
    if process is None:
        return None
    bare = Pilot(STARTING, process.pid, process.uid)
    if process.booting:
        return replace(bare, why="its checks have not ended: see docker logs")
    try:
        place = places.read(machine, process)
    except Unknown as error:
        return replace(bare, state=SILENT, why=str(error))
    return _running(machine, place, replace(bare, name=place.name, booted=place.booted))


def _running(machine: Machine, place: Place, bare: Pilot) -> Pilot:
    asked = collectors.begin(machine, place)
    before = Running(lambda: _before(machine, place, bare))
    try:
        slot, jobs = startd.ask(machine, place)
        found = replace(bare, state=RUNNING, slot=slot, jobs=jobs)
    except Unknown as error:
        early = isinstance(error, startd.NotThere) and machine.now - place.booted < _PATIENCE_S
        found = replace(bare, state=STARTING if early else SILENT, why=str(error))
    past = before.result(_LONGEST_S)
    if isinstance(past, Pilot):
        found = replace(found, last_job=past.last_job, trouble=past.trouble, token_expires=past.token_expires)
    found = replace(found, collectors=collectors.end(place, asked))
    return replace(found, state=STOPPING) if _stopping(machine, found) else found


def _before(machine: Machine, place: Place, bare: Pilot) -> Pilot:
    job = history.last_job(machine, place)
    trouble = history.trouble(machine, place, job)
    return replace(bare, last_job=job, trouble=trouble, token_expires=history.token_expires(machine, place))


def _stopping(machine: Machine, pilot: Pilot) -> bool:
    """The master takes its own ad away first; its startd then evicts all jobs. Both alone have other reasons."""
    if pilot.slot is None:
        return False
    if 0 < pilot.slot.leaves <= machine.now:
        return True
    evicting = bool(pilot.jobs) and all(job.state == "Preempting" for job in pilot.jobs)
    there = [one for one in pilot.collectors if one.registered]
    return evicting and bool(there) and not any(one.master for one in there)
