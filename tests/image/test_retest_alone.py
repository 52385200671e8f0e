"""Single retests: what they make of failures, what they cost, and what they leave behind."""

import re

import pytest
import runs
import troubles
from payload import IN_TINY, TINY, wait_until

from poolbox import pilot


@pytest.fixture(scope="module")
def container(box, pool, token_file):
    """A pilot that nobody troubles."""
    with runs.together(box, pool, token_file, {"alone-calm": (IN_TINY, ())}) as booted:
        yield booted["alone-calm"].container


@pytest.fixture
def by_hand(box, container):
    """The retest, to be started by the test."""
    made = troubles.ByHand(box, container)
    yield made
    made.remove()


ON = {"HAS_SINGULARITY": "True", "SINGULARITY_CAN_USE_SIF": "True"}
NO_SIF = {"HAS_SINGULARITY": "True", "SINGULARITY_CAN_USE_SIF": "False"}
OFF = {"HAS_SINGULARITY": "False", "SINGULARITY_CAN_USE_SIF": "False"}
# Failures that jobs' containers had (seconds ago, what), and what is offered then
STRIKES = [
    ([(1, "containers")] * 2, ON),
    ([(1, "containers")] * 3, OFF),
    ([(1, "sif")] * 3, NO_SIF),
    ([(1, "sif")] * 2 + [(1, "containers")], ON),
    ([(700, "containers")] * 2 + [(1, "containers")], ON),
]


@pytest.mark.parametrize(("failures", "offered"), STRIKES)
def test_three_failures_within_ten_minutes_count_although_the_test_passes(by_hand, failures, offered):
    by_hand.fail(*failures)
    said = by_hand.run()
    assert {name: said[name] for name in offered} == offered
    assert ("within ten minutes" in said["SINGULARITY_COMMENT"]) == (offered != ON)


def test_a_retest_costs_little(by_hand):
    """CPU time of the retest, against one start of one container; both with everything that they start."""
    costs = {"container": [], "retest": []}
    by_hand.run()
    for _ in range(7):
        costs["container"].append(cpu_s(by_hand, f"apptainer -s exec -C {TINY} /bin/true"))
        by_hand.inside("python3", "-I", "-c", troubles.HURRY, by_hand.record, "tested")
        costs["retest"].append(cpu_s(by_hand, f"{troubles.RETEST} {by_hand.record}"))
    least = {name: min(found) for name, found in costs.items()}
    print(least)
    assert least["retest"] < 6 * least["container"]


def cpu_s(by_hand, command):
    """User and system time of a shell and of all that it waited for."""
    said = by_hand.inside("bash", "-c", f"{command} >/dev/null 2>&1; times")
    return sum(60 * int(minutes) + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", said))


def test_retests_leave_nothing_behind(box, container, by_hand):
    def found():
        places = "cat /proc/1/mountinfo; ls -A /pilot /pilot/ep-* /tmp /dev/shm; ls -A /pilot/ep-*/apptainer*"
        return box.inside(container, "sh", "-c", places, user="osg")

    by_hand.run()
    before = found()
    for _ in range(15):
        assert by_hand.run()["HAS_SINGULARITY"] == "True"
    wait_until(lambda: found() == before, 20)
    wait_until(lambda: not others(box, container), 20)


def others(box, container):
    return [one.name for one in pilot.processes(box.engine, container) if not one.name.startswith("condor_")]


@pytest.mark.parametrize("after_s", ["0.05", "0.1", "0.15", "0.2", "0.3"])
def test_a_retest_that_is_killed_does_not_disturb_the_next(box, container, by_hand, after_s):
    by_hand.inside("python3", "-I", "-c", troubles.HURRY, by_hand.record, "tested")
    script = (
        f"setsid {troubles.RETEST} {by_hand.record} >/dev/null 2>&1 & sleep {after_s}; kill -9 -- -$! 2>/dev/null; true"
    )
    by_hand.inside("bash", "-c", script)
    wait_until(lambda: not others(box, container), 30)
    assert by_hand.run()["HAS_SINGULARITY"] == "True"
