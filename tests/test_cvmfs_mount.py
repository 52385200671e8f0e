"""cvmfsexec started, waited for, tried again and ended, with a small script in its place (see small_cvmfsexec)."""

import fcntl
import json
import os
import re

import pytest

from ospool_ep.cvmfs import names
from ospool_ep.cvmfs.ask import questions
from ospool_ep.machine import Machine
from small_cvmfsexec import FAILS, OASIS, WELL, container, outside, program

PROXY, HTTP = "Sat Nov 21 (x.y) proxy connection problem", "Sat Nov 21 (x.y) host returned HTTP error"
MOUNT = """
import dataclasses, os, sys
from ospool_ep.cvmfs import arrive, children, mount
from ospool_ep.cvmfs.failures import Failed
order = arrive.Order({{"GLIDEIN_Site": "LAB", "TOKEN": "secret"}}, 5.5, {repositories!r}, "/leave", "a note", 77)
lock = os.open(f"{{machine.root}}/lock", os.O_RDWR | os.O_CREAT)
children.adopt()
private = machine.path("/run/ospool-ep/p")
private.mkdir()
place = mount.Place(private, (payload, "an argument", "$x *"), (("https_proxy", "http://p:1"),))
plan = mount.Plan(place, order, "OURS=1\\n", {logs!r}, False, lock)
try:
    found = mount.mount(machine, plan, {patient!r}, tell, {patience_s!r})
    say(found)
    small_cvmfsexec.arrived(machine.root)
    os.kill(found.payload, 15)
    os.waitpid(found.child, 0)
except Failed as failed:
    say(failed.problem)
"""


def mount(root, repositories=(OASIS,), patient=True, patience_s=20.0, logs=True, **more):
    code = MOUNT.format(repositories=repositories, patient=patient, patience_s=patience_s, logs=logs)
    return outside(root, code, **more)


def text(root, name):
    return (root / name).read_text()


def told(ended):
    return [line.removeprefix("told: ") for line in ended.stdout.splitlines() if line.startswith("told: ")]


# --- where all is well


@pytest.fixture(scope="module")
def healthy():
    """One mount where all is well, looked at by several tests."""
    with container() as root:
        ended = mount(root)
        yield root, ended, json.loads(text(root, "inside"))


def test_cvmfsexec_is_called_with_the_repositories_and_the_program(healthy):
    root, _, _ = healthy
    called = text(root, "called").split()
    assert called[:3] == ["-N", OASIS, "--"]
    assert called[3:5] == [str(root / "payload"), "--inside"]


def test_both_pids_are_told(healthy):
    _, ended, inside = healthy
    assert ended.value["payload"] == inside["pid"] != ended.value["child"]
    assert told(ended) == []


def test_its_own_arguments_reach_the_program_unharmed(healthy):
    assert healthy[2]["arguments"][2:] == ["an argument", "$x *"]


def test_the_environment_goes_through_the_socket_and_through_nobody_elses_hands(healthy):
    root, _, inside = healthy
    assert inside["order"] == {
        "environ": {"GLIDEIN_Site": "LAB", "TOKEN": "secret"}, "started": 5.5, "repositories": [OASIS],
        "leave": "/leave", "note": "a note", "reserved_mb": 77, "warnings": [],
    }  # fmt: skip
    environ = dict(line.split("=", 1) for line in text(root, "environ").splitlines())
    assert environ.keys() <= {"PATH", "LANG", "HOME", "TMPDIR", "https_proxy", "PWD", "SHLVL", "_", "OLDPWD"}
    assert environ["https_proxy"] == "http://p:1"
    assert environ["TMPDIR"].startswith(f"{root}/run/ospool-ep/p/")


def test_the_program_inside_writes_to_the_containers_output(healthy):
    """cvmfsexec's own words go to a file, and are shown only where it fails."""
    assert "the payload's words" in healthy[1].stdout


def test_cvmfsexec_holds_the_caches_lock_and_the_program_inside_does_not(healthy):
    root, _, inside = healthy
    assert f"{root}/lock" in text(root, "descriptors")
    assert f"{root}/lock" not in inside["descriptors"]
    assert not [name for name in inside["descriptors"] if "socket" in name]


def test_a_signal_that_cvmfsexec_leaves_ignored_is_given_back(healthy):
    assert healthy[2]["hup"]


def test_what_was_read_is_what_is_believed(healthy):
    inside = healthy[2]
    assert inside["usable"] == [names.CONFIG, OASIS]
    assert set(inside["all"]) == {names.CONFIG, *names.WORTH}
    assert (inside["asked"], inside["leave"], inside["reserved_mb"]) == ([OASIS], "/leave", 77)


def test_a_clients_word_counts_where_no_file_is_near_the_root_and_that_is_said():
    with container() as root:
        (root / "cvmfs" / OASIS / "README").rename(root / "README")
        (root / "cvmfs" / OASIS / "software").mkdir()
        try:
            os.setxattr(root / "cvmfs" / OASIS, "user.revision", b"5")
        except OSError:
            pytest.skip("no user.* attributes on the file system of the tests")
        assert mount(root).value["payload"]
        inside = json.loads(text(root, "inside"))
        assert inside["note"] == f"a note; no file was found to read near the root of {OASIS}"


def test_the_config_repository_alone():
    with container() as root:
        assert mount(root, ()).value["payload"]
        inside = json.loads(text(root, "inside"))
        assert text(root, "called").startswith("-N -- ")
        assert (inside["usable"], inside["asked"]) == ([names.CONFIG, OASIS][:1], [names.CONFIG])


# --- where it fails


def test_a_failure_is_told_with_what_the_log_says_now():
    with container(FAILS % (9, "Sat Nov 21 (x.y) cannot create workspace directory /x", 9)) as root:
        (root / "cvmfs-logs/old.log").write_text(f"{PROXY}\n")
        problem = mount(root).value
        assert problem["id"] == "cvmfs-mount-failed"
        assert f"could not mount {names.CONFIG}: cannot create workspace directory /x" in problem["found"]
        assert PROXY not in problem["raw"]
        assert text(root, "called") == "called\n", "that does not pass by itself"


@pytest.mark.parametrize("status", [0, 1, 42, 137])
def test_one_that_ends_without_a_word(status):
    with container(f"#!/bin/bash\nexit {status}\n") as root:
        assert f"cvmfsexec ended with status {status}" in mount(root).value["found"]


def test_one_that_cannot_be_started_at_all():
    with container("#!/no/such/shell\n") as root:
        ended = mount(root)
        assert "FileNotFoundError" in ended.stderr, "the caller's: an OSError"


def test_a_proxy_that_is_starting_is_waited_for():
    with container(FAILS % (2, PROXY, 16)) as root:
        ended = mount(root)
        assert ended.value["payload"]
        assert len(told(ended)) == 2
        assert re.search(r"proxy connection problem; next attempt in \d s", told(ended)[0])
        assert told(ended)[1].startswith("the same again; next attempt in ")


def test_where_its_own_directory_cannot_be_written_the_log_beside_it_is_read():
    """mountrepo makes one beside dist: the reason decides how often it is tried."""
    beside = '"$(dirname $0)/log"'
    fails = FAILS.replace("{root}/cvmfs-logs", beside).replace("    echo '%s'", f"    mkdir {beside}\n    echo '%s'")
    with container(fails % (2, PROXY, 16)) as root:
        ended = mount(root, logs=False)
        assert ended.value["payload"]
        assert len(told(ended)) == 2
        assert "proxy connection problem" in told(ended)[0]


def test_a_bound_cvmfs_that_holds_a_question_for_ever_is_no_part_of_what_is_mounted():
    """The lock stands in for the child that the kernel holds."""
    with container() as root:
        directory = questions(Machine(root=root, hostname="node17"), own=False)
        directory.mkdir()
        with (directory / names.CONFIG).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            assert mount(root).value["payload"]
        assert json.loads(text(root, "inside"))["usable"] == [names.CONFIG, OASIS]


@pytest.mark.parametrize(
    ("words", "patient", "attempts"), [(HTTP, True, 2), (PROXY, False, 1), ("Sat Nov 21 (x.y) ?", True, 1)]
)
def test_so_many_attempts_as_make_sense(words, patient, attempts):
    with container(FAILS % (9, words, 16)) as root:
        assert mount(root, patient=patient).value["id"] == "cvmfs-mount-failed"
        assert text(root, "called").count("called") == attempts


def test_every_attempt_has_a_directory_of_its_own():
    """A second cvmfsexec in one directory destroys the first."""
    with container(WELL) as root:
        (root / "cvmfs" / OASIS / "README").unlink()
        problem = mount(root).value
        assert problem["id"] == "cvmfs-unreadable"
        assert f"{OASIS} is not mounted" in problem["found"]
        programs = text(root, "programs").splitlines()
        assert len(programs) == len(set(programs)) == 2


def test_no_new_attempt_is_begun_that_would_come_too_late():
    with container(FAILS % (9, PROXY, 16)) as root:
        assert mount(root, patience_s=2.0).value["id"] == "cvmfs-mount-failed"
        assert text(root, "called").count("called") == 2


HANGS = "#!/bin/bash\necho 'Sat Nov 21 (x.y) host connection problem' >>{root}/cvmfs-logs/a.log\n%s\n"


@pytest.mark.parametrize(
    "hanging",
    [
        "sleep 60 # {root}/",
        "setsid bash -c 'sleep 60; : {root}/' & setsid bash -c 'trap \"\" TERM; sleep 60; : {root}/'",
        # Masked mode: what it had mounted stays behind, with new parents.
        "(setsid bash -c 'sleep 60; : {root}/' &); while :; do sleep 1; done",
    ],
)
def test_one_that_hangs_is_ended_with_all_that_it_started(hanging):
    with container(HANGS % hanging) as root:
        problem = mount(root, patience_s=1.0).value
        assert problem["id"] == "cvmfs-mount-timeout"
        assert problem["found"] == "cvmfsexec has mounted nothing within 1 s: host connection problem"


def test_what_is_left_of_one_that_failed_is_ended_too():
    with container("#!/bin/bash\nsetsid bash -c 'sleep 60; : {root}/' &\nexit 16\n") as root:
        assert mount(root).value["id"] == "cvmfs-mount-failed"


# --- a program inside that is not what it should be


def pretend(root, lines):
    """The payload: `s` is connected to the outside."""
    start = "import os, socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[2] + '/told')\n"
    program(root, "/payload", f"#!/usr/bin/python3\n{start}{lines}\n# {root}\n")


@pytest.mark.parametrize(
    "lines",
    [
        "sys.exit(7)",
        "s.recv(1); sys.exit(7)",
        "s.recv(1 << 20); time.sleep(0.3); sys.exit(7)",
        "s.recv(1 << 20); s.sendall(b'[{\"name\": '); sys.exit(7)",
        "s.recv(1 << 20); s.sendall(b'5'); sys.exit(7)",
        "s.recv(1 << 20); s.sendall(b'[{\"x\": 5}]'); sys.exit(7)",
        "s.recv(1 << 20); s.close(); time.sleep(0.5); sys.exit(7)",
    ],
)
def test_one_that_dies_before_it_has_told_is_not_late(lines):
    with container() as root:
        pretend(root, lines)
        problem = mount(root).value
        assert (problem["id"], problem["exit_code"]) == ("cvmfs-mount-failed", 69)
        assert "ended with status 7" in problem["found"]


@pytest.mark.parametrize("lines", ["time.sleep(60)", "s.recv(1 << 20); s.sendall(b'['); time.sleep(60)"])
def test_one_that_never_tells(lines):
    with container() as root:
        pretend(root, lines)
        assert mount(root, patience_s=1.0).value["id"] == "cvmfs-mount-timeout"


def test_one_that_leaves_cvmfsexec_alone():
    with container(WELL + "sleep 60\n") as root:
        pretend(root, "s.recv(1 << 20); sys.exit(0)")
        problem = mount(root, patient=False).value
        assert problem["id"] == "cvmfs-mount-failed"
        assert problem["found"] == "cvmfsexec runs, and what it started inside has ended without a word"


def test_a_large_environment_arrives_whole():
    with container() as root:
        code = MOUNT.replace('"secret"', '"x" * 3_000_000').format(
            repositories=(), patient=True, patience_s=20.0, logs=True
        )
        assert outside(root, code).value["payload"]
        assert len(json.loads(text(root, "inside"))["order"]["environ"]["TOKEN"]) == 3_000_000


def test_what_cvmfsexec_says_is_no_news_where_it_works():
    with container(WELL.replace("env >", "echo noise; echo noise >&2\nenv >")) as root:
        ended = mount(root)
        assert "noise" not in ended.stdout + ended.stderr
        (said,) = root.glob("run/ospool-ep/p/try-*/said")
        assert said.read_text().startswith("noise\nnoise\n")
