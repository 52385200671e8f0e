"""The running pilot as a part of the selftest."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ospool_ep.board import Begun, Board
from ospool_ep.check import Check, Outcome
from ospool_ep.machine import Machine
from ospool_ep.report import Line
from ospool_ep.status import lines, look, process, user
from ospool_ep.status.found import Pilot
from ospool_ep.status.process import Process


@dataclass(frozen=True)
class Report:
    """For people: lines, and a table of jobs; for programs: an object. All empty without a pilot.

    `ad`: what only a running pilot's ad says.
    """

    lines: tuple[Line, ...] = ()
    table: str = ""
    document: dict[str, Any] | None = None
    ad: Mapping[str, str] = field(default_factory=dict)


def beside(machine: Machine, command: tuple[str, ...], environ: Mapping[str, str]) -> Process | None:
    """The pilot of this container, if any. Root becomes its user, running `command`. Raises Refused."""
    found = process.find(machine)
    user.become(machine, found, command, environ)
    return found


def begin(machine: Machine, found: Process | None, board: Board) -> Begun[Pilot | None]:
    """Look at it while other checks run."""

    def check() -> Outcome[Pilot | None]:
        return Outcome(look.look(machine, found), Line("pilot", ""))

    return board.begin(Check("pilot", check, None, "look at docker logs PILOT", spare=True))


def end(begun: Begun[Pilot | None], machine: Machine, board: Board) -> Report:
    """What was found, also where the check crashed."""
    ended = board.end(begun)
    pilot = ended.value
    if pilot is None:
        return Report((ended.line,) if ended.line.problems else ())
    document = dataclasses.asdict(pilot) | {"registered": pilot.registered}
    ad = {"Mips": str(pilot.slot.mips)} if pilot.slot and pilot.slot.mips else {}
    return Report(lines.lines(pilot, machine.now), lines.table(pilot, machine.now), document, ad)
