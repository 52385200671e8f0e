"""The tests themselves, on a machine whose Apptainer answers from a table."""

import os
import time

import pytest

from fakes import PASSED, changed, ids, machine
from ospool_ep.containers import examine, probe, verdict
from ospool_ep.containers.verdict import Ability
from ospool_ep.machine import Result

EVERYTHING = Ability("1.4.5", directories=True, pid_namespaces=True, sif=True)
NO_PROC = Result(255, "", "FATAL:   can't mount proc filesystem to /proc: operation not permitted")
UNSHARE_FAILS = Result(1, "", "unshare: mount /proc failed: Operation not permitted")
PID_FAILS = (("unshare", UNSHARE_FAILS), (" -C ", NO_PROC))


def look(root, *rows, pid_namespaces=True, binds=()):
    return examine.examine(machine(root, answers=changed(*rows)), "/pilot", binds, pid_namespaces)


def test_where_all_is_well_there_is_nothing_to_say(root):
    assert look(root) == (EVERYTHING, ())
    assert verdict.summary(EVERYTHING) == "1.4.5 runs directories and .sif files, with PID namespaces"


def test_nothing_is_left_behind(root):
    look(root)
    look(root, (" exec ", Result(124, "", "no answer within 20 s")))
    assert os.listdir(root / "pilot") == []


@pytest.mark.parametrize("rows", [PID_FAILS, PID_FAILS[1:]], ids=["unshare sees it", "only Apptainer sees it"])
def test_containers_without_a_pid_namespace_are_containers(root, rows):
    able, problems = look(root, *rows)
    assert (able.usable, able.pid_namespaces, able.sif) == (True, False, True)
    assert ids(problems) == ["apptainer-pid-namespaces"]
    assert able.comment == problems[0].found
    assert verdict.summary(able).endswith("without PID namespaces")


def test_a_site_that_wants_no_pid_namespaces_is_not_warned(root):
    able, problems = look(root, *PID_FAILS, pid_namespaces=False)
    assert (able.usable, able.pid_namespaces, able.sif) == (True, False, True)
    assert problems == ()


def test_a_failure_with_and_without_a_pid_namespace_is_told_once(root):
    able, problems = look(root, ("ospool-ep/tiny", Result(255, "", "FATAL:   something new")))
    assert not able.usable
    assert ids(problems) == ["apptainer"]
    assert "ospool-selftest" in problems[0].cure
    assert problems[0].raw == "FATAL:   something new"


@pytest.mark.parametrize("status", [0, 1, 36, 255])
def test_only_the_exit_status_that_was_asked_for_is_success(root, status):
    able, _ = look(root, (" exec ", Result(status, "", "")))
    assert not able.usable


def test_a_sif_that_had_to_be_unpacked_is_no_success(root):
    able, problems = look(root, ("tiny.sif", Result(37, "", f"INFO:    {probe.UNPACKED}...\n")))
    assert (able.usable, able.sif) == (True, False)
    assert ids(problems) == ["apptainer-sif"]


def test_what_apptainer_says_at_success_does_not_matter(root):
    assert look(root, ("tiny.sif", Result(37, "", "INFO:    gocryptfs not found\n"))) == (EVERYTHING, ())


def test_a_sif_counts_only_where_directories_run(root):
    able, _ = look(root, ("tiny.sif", PASSED), ("ospool-ep/tiny", Result(255, "", "FATAL:   x")))
    assert not able.sif


def test_without_the_program_there_is_nothing(root):
    (root / "usr/bin/apptainer").unlink()
    able, problems = look(root)
    assert able.version == ""
    assert not able.usable
    assert "/usr/bin/apptainer is missing" in problems[0].raw
    assert verdict.summary(able) == "does not start"


def test_an_apptainer_that_cannot_say_its_version_is_not_offered(root):
    able, problems = look(root, ("--version", Result(1, "", "library missing")))
    assert not able.usable
    assert "library missing" in problems[0].raw


def test_without_room_for_a_directory_anywhere_it_is_a_problem_and_no_crash(root):
    (root / "pilot").rmdir()
    able, problems = look(root)
    assert not able.usable
    assert "no directory for a test" in problems[0].raw


@pytest.mark.parametrize(("status", "says"), [(0, True), (1, False), (124, False), (255, False)])
def test_an_image_starts_where_a_program_runs_in_it(root, status, says):
    answers = ((".ospool-ep/true", Result(status, "", "")),)
    assert probe.starts(machine(root, answers=answers), "/pilot", (), True, probe.Start("/i")) is says
    assert os.listdir(root / "pilot") == []


def test_without_room_for_a_directory_no_image_starts(tmp_path):
    well = ((".ospool-ep/true", Result(0, "", "")),)
    assert probe.starts(machine(tmp_path, answers=well), "/pilot", (), True, probe.Start("/i")) is False


def test_a_scratch_that_cannot_be_written_is_the_scratch_checks_affair(root):
    (root / "pilot").rmdir()
    (root / "tmp").mkdir()
    assert look(root)[0].usable
    assert os.listdir(root / "tmp") == []


def test_the_stacks_of_a_crash_are_not_shown():
    crash = "runtime/cgo: pthread_create failed\nSIGABRT: abort\nPC=0x1 m=0\n\ngoroutine 0 [idle]:\n" + "x\n" * 100
    assert verdict.error(Result(2, "", crash)) == "runtime/cgo: pthread_create failed\nSIGABRT: abort"


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("\x1b[91mERROR  : Failed to create user namespace: Permission denied\n\x1b[0m\n",
         "Failed to create user namespace: Permission denied"),
        ("\x1b[31mFATAL:  \x1b[0m Couldn't determine user\n", "Couldn't determine user"),
        ("INFO:    pulling\nFATAL:   container creation failed: x\n", "container creation failed: x"),
        ("", "exit status 255"),
    ],
)  # fmt: skip
def test_the_reason_is_the_last_line_without_colours(text, last):
    assert verdict.last_line(verdict.error(Result(255, "", text))) == last


def test_directories_of_tests_that_were_killed_are_removed_later_and_nothing_else(tmp_path):
    old, young, other = (tmp_path / name for name in ("ep-0123abcd", "ep-89abcdef", "execute"))
    for path in (old, young, other):
        (path / "home").mkdir(parents=True)
    for path in (old, other):
        os.utime(path, (time.time() - 3600,) * 2)
    probe.tidy(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["ep-89abcdef", "execute"]
