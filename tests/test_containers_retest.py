"""The retest on a machine that answers from a table, and the program around it."""

import dataclasses
import fcntl
import json
import os
import time

import pytest

import fakes
from fakes import NOW, STATE, changed, machine
from ospool_ep.containers import published, retest
from ospool_ep.containers.failures import CONTAINERS, IMAGE, Failure
from ospool_ep.containers.record import State
from ospool_ep.machine import Result

LATER = NOW + 300
BROKEN = (("ospool-ep/tiny", Result(255, "", "FATAL:   broken")),)


def renew(found, root, *, now=LATER, rows=(), setup=None, state=STATE):
    return retest.renew(machine(root, now=now, answers=changed(*rows)), found, setup or found.setup(), state)[0]


def test_too_early_nothing_is_asked_and_nothing_changes(found, root):
    assert renew(found, root, now=NOW + 30, rows=BROKEN) == STATE


def test_a_test_that_passes_keeps_what_is_offered(found, root):
    after = renew(found, root)
    assert (after.containers, after.sif, after.tested, after.comment) == (2, 2, LATER, "")


def test_a_test_that_fails_takes_it_back_at_once(found, root):
    after = renew(found, root, rows=BROKEN)
    assert (after.containers, after.sif, after.tested) == (0, 0, LATER)
    assert after.comment.startswith("job containers do not run")


def test_a_registry_that_does_not_answer_takes_only_its_images_back(found, root):
    """Not in the same run as a test: each costs as little as it can."""
    found.save(dataclasses.replace(STATE, tested=LATER))
    after = renew(found, root, state=found.state())
    assert (after.containers, after.registry, after.asked) == (2, 0, LATER)
    assert "Connection refused" in after.registry_comment


def test_a_test_and_a_question_are_never_in_one_run(found, root):
    after = renew(found, root)
    assert (after.tested, after.asked) == (LATER, STATE.asked)


def test_after_a_pull_that_failed_the_registry_is_asked_at_once(found, root):
    found.add(Failure(NOW + 20, IMAGE, "alice@ap docker://a/b"))
    after = renew(found, root, now=NOW + 30)
    assert (after.registry, after.asked) == (0, NOW + 30)


def test_a_volume_that_is_gone_ends_it_though_containers_start(found, tmp_path_factory):
    other = fakes.image_root(tmp_path_factory.mktemp("other"))
    (other / "pilot").rmdir()
    (other / "tmp").mkdir()
    after = renew(found, other)
    assert (after.containers, after.comment) == (0, "/pilot is not a directory")


def test_three_failures_of_the_machine_count_and_those_of_images_do_not(found, root):
    for _ in range(3):
        found.add(Failure(NOW + 10, IMAGE, "alice@ap /i"))
    assert renew(found, root, now=NOW + 30) == STATE
    for _ in range(3):
        found.add(Failure(NOW + 20, CONTAINERS, "it broke"))
    after = renew(found, root, now=NOW + 30)
    assert after.containers == 0
    assert "it broke" in after.comment


def test_a_bind_that_is_gone_is_told_and_containers_go_on(found, root, setup):
    gone = dataclasses.replace(setup, binds=(str(root / "gone"),))
    after = renew(found, root, setup=gone)
    assert after.containers == 2
    assert f"{root}/gone cannot be used" in after.comment


def test_what_a_killed_test_left_is_removed(found, root):
    left = root / "pilot/ep-1/ep-0123abcd"
    left.mkdir()
    os.utime(left, (time.time() - 3600,) * 2)
    renew(found, root)
    assert sorted(path.name for path in (root / "pilot/ep-1").iterdir()) == ["apptainer"]


def recently(**changes):
    """A state for which it is too early: the real machine is not asked."""
    now = int(time.time())
    return dataclasses.replace(STATE, tested=now, asked=now, **changes)


def printed(capsys):
    return dict(line.split(" = ", 1) for line in capsys.readouterr().out.splitlines())


def test_everything_is_said_each_time(found, setup, capsys):
    state = recently(comment="c")
    found.save(state)
    assert retest.main(str(found.path)) == 0
    assert printed(capsys) == published.attributes(setup, state)
    assert found.state() == state


def test_images_that_failed_are_said_once_the_last_one_last(found, capsys):
    found.save(recently())
    for image in ("/a", "/b", "/a", "/c"):
        found.add(Failure(int(time.time()), IMAGE, f"u@x {image}"))
    retest.main(str(found.path))
    said = printed(capsys)["OSG_FAILED_IMAGES"]
    assert {name: said.count(name) for name in ("u@x /a", "u@x /b", "u@x /c")} == dict.fromkeys(
        ("u@x /a", "u@x /b", "u@x /c"), 1
    )
    assert said.index("/b") < said.index("/c")


GARBAGE = ["", "{", "[]", '{"x": 1}', None]


@pytest.mark.parametrize("text", GARBAGE)
def test_a_state_that_is_lost_is_no_promise_and_everything_is_tested_again(found, root, text):
    spoil(found.path / "state.json", text)
    lost = retest.known(found)
    assert (lost.containers, lost.sif, "is lost" in lost.comment) == (0, 0, True)
    after = renew(found, root, state=lost)
    assert (after.containers, "passed again" in after.comment) == (1, True)


def spoil(path, text):
    path.unlink()
    if text is not None:
        path.write_text(text)


@pytest.mark.parametrize("text", GARBAGE)
def test_a_setup_that_cannot_be_read_is_no_promise_and_no_crash(found, capsys, text):
    spoil(found.path / "setup.json", text)
    assert retest.main(str(found.path)) == 0
    said = printed(capsys)
    assert said["HAS_SINGULARITY"] == said["SINGULARITY_CAN_USE_SIF"] == "False"
    assert "cannot be read" in said["SINGULARITY_COMMENT"]


def test_while_the_last_test_has_not_ended_there_is_no_promise_and_no_second_test(found, capsys):
    with found.lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        retest.main(str(found.path))
    said = printed(capsys)
    assert said["HAS_SINGULARITY"] == "False"
    assert "has not ended" in said["SINGULARITY_COMMENT"]
    assert found.state().containers == 0


def test_news_are_told_in_the_pilots_log_and_only_news(found, setup, tmp_path):
    logged = dataclasses.replace(setup, log=str(tmp_path / "log"))
    retest.tell(logged, STATE, dataclasses.replace(STATE, tested=5, asked=7))
    assert not (tmp_path / "log").exists()
    retest.tell(logged, STATE, State(comment="why"))
    (line,) = (tmp_path / "log").read_text().splitlines()
    assert "RETEST" in line
    assert "HAS_SINGULARITY = False" in line
    assert 'SINGULARITY_COMMENT = "why"' in line


@pytest.mark.parametrize("log", [None, "/no/such/directory/log"])
def test_without_a_log_nothing_is_told(setup, log):
    retest.tell(dataclasses.replace(setup, log=log), STATE, State())


def test_the_record_is_json_that_a_person_can_read(found):
    assert json.loads((found.path / "state.json").read_text())["containers"] == 2


def test_what_is_lost_is_told_with_its_cure(found, root, setup, tmp_path):
    canned = machine(root, now=LATER, answers=changed(*BROKEN))
    after, problems = retest.renew(canned, found, setup, STATE)
    retest.tell(dataclasses.replace(setup, log=str(tmp_path / "log")), STATE, after, problems)
    said = (tmp_path / "log").read_text()
    assert "HAS_SINGULARITY = False" in said
    assert "warning: apptainer" in said
    assert "type:" in said
    assert "FATAL:   broken" in said


def test_a_cvmfs_that_went_away_is_no_longer_offered(found, root):
    there = dataclasses.replace(STATE, cvmfs=True)
    assert not renew(found, root, state=there).cvmfs
