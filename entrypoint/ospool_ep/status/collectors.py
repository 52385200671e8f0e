"""Ask each collector of the pool whether it has this pilot's slot, with the pilot's own token."""

from collections.abc import Callable
from functools import partial

from ospool_ep.concurrently import Running
from ospool_ep.machine import TIMED_OUT, Machine
from ospool_ep.status import ads
from ospool_ep.status.found import Collector
from ospool_ep.status.place import Place
from ospool_ep.status.startd import cause

TIMEOUT_S = 4.0
# Only after an answer: where none comes nothing more is asked
_REASON_TIMEOUT_S = 1.5
_DENIED = "DENIED"


def begin(machine: Machine, place: Place) -> tuple[Running[Collector], ...]:
    """One question to each, all at the same time."""
    questions: list[Callable[[], Collector]] = [partial(_ask, machine, place, host) for host in place.collectors]
    return tuple(map(Running, questions))


def end(place: Place, asked: tuple[Running[Collector], ...]) -> tuple[Collector, ...]:
    """The answers; each question ends by itself."""
    found = [one.result(TIMEOUT_S + 2 * _REASON_TIMEOUT_S) for one in asked]
    return tuple(
        Collector(host, None, error=f"not asked: {one!r}") if isinstance(one, BaseException) else one
        for host, one in zip(place.collectors, found, strict=True)
    )


def _ask(machine: Machine, place: Place, host: str) -> Collector:
    constraint = f'Name == "slot1@{place.name}" || (MyType == "DaemonMaster" && Name == "{place.name}")'
    command = ("condor_status", "-pool", host, "-any", "-constraint", constraint)
    said = machine.run((*command, "-long", "-attributes", "Name,MyType,LastHeardFrom"), TIMEOUT_S, place.environment)
    if said.status == TIMED_OUT:
        return Collector(host, None, error=f"no answer within {TIMEOUT_S:g} s")
    if said.status != 0:
        return _refused(machine, place, host, cause(said.stderr))
    try:
        return _read(machine, place, host, said.stdout)
    except ValueError as error:
        return Collector(host, None, error=f"its answer cannot be read: {error}")


def _refused(machine: Machine, place: Place, host: str, error: str) -> Collector:
    """Who may not look may still advertise."""
    why = _reason(machine, place, host) if _DENIED in error else error
    return Collector(host, None, error=why or error, denied=_DENIED in error and not why)


def _read(machine: Machine, place: Place, host: str, text: str) -> Collector:
    found = {ads.text(ad, "MyType"): ads.number(ad, "LastHeardFrom") for ad in ads.parse(text)}
    if "Machine" in found:
        return Collector(host, True, "DaemonMaster" in found, found["Machine"])
    return Collector(host, False, error=_reason(machine, place, host))


def _reason(machine: Machine, place: Place, host: str) -> str:
    """Why the collector would not take an ad of ours; empty where it would. Nothing is advertised."""
    command = ("condor_ping", "-pool", host, "-type", "collector", "-verbose", "ADVERTISE_STARTD")
    said = machine.run(command, _REASON_TIMEOUT_S, place.environment)
    return "" if said.status == 0 else cause(f"{said.stdout}\n{said.stderr}")
