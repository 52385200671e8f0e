"""What the selftest looks at beyond the boot's own checks: it changes no answer of theirs."""

import dataclasses
from collections.abc import Mapping

from ospool_ep import negotiation, trial_config
from ospool_ep.board import Board
from ospool_ep.cures import worded
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan


def beyond(machine: Machine, plan: Plan, board: Board, ad: Mapping[str, str] | None = None) -> Plan:
    """The plan, with more lines. `ad`: of a pilot that runs here, if one does."""
    checks = (trial_config.check(machine, plan), *negotiation.checks(machine, plan, ad))
    begun = [board.begin(check) for check in checks]
    lines = (worded(board.end(one).line, plan.runtime) for one in begun)
    return dataclasses.replace(plan, lines=(*plan.lines, *lines))
