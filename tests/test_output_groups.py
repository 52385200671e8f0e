"""Every check has its place in what the selftest shows."""

import pytest

import fakes
from ospool_ep import checks, negotiation
from ospool_ep.output.groups import GROUPS, group, ordered
from ospool_ep.preflight import preflight
from ospool_ep.reach import checks as reach
from ospool_ep.report import Line

NAMES = [name for names in GROUPS.values() for name in names]


def test_no_check_is_in_two_groups():
    assert len(set(NAMES)) == len(NAMES)


def test_all_checks_of_boot_and_selftest_are_in_one(tmp_path):
    here = fakes.machine(fakes.image_root(tmp_path))
    plan = preflight(here, fakes.GOOD, "0123abcd", also=lambda known: reach.checks(here, known))
    others = [check.name for check in negotiation.checks(here, plan)]
    names = {line.name for line in plan.lines} | set(others)
    assert len(names) > 25
    assert names <= set(NAMES)


@pytest.mark.parametrize("check", [checks.user(None)], ids=lambda check: check.name)
def test_a_group_is_named(check):
    assert group(Line(check.name, "")) == "user"
    assert group(Line("a new one", "")) == ""


def test_what_a_pilot_needs_first_comes_first_and_what_nobody_knows_last():
    lines = tuple(Line(name, "") for name in ("other", "Mips", "token", "job env", "settings"))
    assert [line.name for line in ordered(lines)] == ["settings", "job env", "token", "Mips", "other"]
