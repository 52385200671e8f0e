"""How our programs are called inside and outside, and `ospool-cvmfs`, which becomes the command that it is given."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import fakes
from fakes import put
from ospool_ep.cvmfs import arrive, names, running
from ospool_ep.cvmfs.arrive import readable
from ospool_ep.cvmfs.ask import Answer
from ospool_ep.cvmfs.running import Running
from ospool_ep.machine import Machine, Result
from ospool_ep.problem import Refused, warning

ENTRYPOINT = str(Path(__file__).parent.parent / "entrypoint")
CALLED = f"""
import sys
sys.path.insert(0, {ENTRYPOINT!r})
import json, os
from ospool_ep.cvmfs.called import called
found = called(sys.argv[1:], 5.5)
print(json.dumps([found.arguments, found.environ, found.started, found.given is None, dict(os.environ)]))
"""
COMMAND = f"""
import sys
sys.path.insert(0, {ENTRYPOINT!r})
from ospool_ep.cvmfs import command
command.main(0.0)
"""


def python(code, *arguments, **environ):
    return subprocess.run(
        (sys.executable, "-c", code, *arguments), env={"PATH": os.environ["PATH"]} | environ, text=True,
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [(), ("--help",), ("--inside",), ("--inside", "/nowhere"), ("--inside", "/nowhere", "x"), ("ls", "--inside")],
)
def test_a_persons_words_are_a_persons_words(arguments):
    done = python(CALLED, *arguments, TOKEN="secret", TZ="UTC", CONDOR_CONFIG="/theirs")
    found, environ, started, outside, kept = json.loads(done.stdout)
    assert tuple(found) == arguments
    assert environ["TOKEN"] == "secret"
    assert (started, outside) == (5.5, True)
    assert kept == {"TZ": "UTC", "CONDOR_CONFIG": "ONLY_ENV"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer("a.b", file="README"), True),
        (Answer("a.b", revision=0), True),
        (Answer("a.b", "UNREAD"), False),
        (Answer("a.b", "EIO", file="README", revision=5), False),
        (Answer("a.b", "LATE"), False),
    ],
)
def test_what_proves_that_a_repository_is_mounted(answer, expected):
    assert readable(answer) is expected


def test_the_config_repository_comes_first():
    assert arrive.mounted(("a.b", "c.d")) == (names.CONFIG, "a.b", "c.d")


def test_an_order_goes_through_a_socket_as_it_is():
    order = arrive.Order(
        {"A": "ü\n", "B": "x" * 5000}, 1.5, ("a.b",), "/l", "n", 7, (warning("i", "f", "w", "c", "r"),)
    )
    script = f"""
import sys
sys.path.insert(0, {ENTRYPOINT!r})
import dataclasses, json, os, socket
from ospool_ep.cvmfs import arrive
order = arrive._received(socket.socket(fileno=int(sys.argv[1])))
print(json.dumps(dataclasses.asdict(order)), type(order.warnings[0]).__name__, flush=True)
os.write(2, b"to the other end's standard error")
"""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = subprocess.Popen((sys.executable, "-c", script, str(theirs.fileno())), pass_fds=(theirs.fileno(),),
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        read, write = os.pipe()
        saved = os.dup(1), os.dup(2)
        try:
            os.dup2(write, 1), os.dup2(write, 2)
            arrive.send(order, ours)
        finally:
            for number, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, number)
                os.close(copy)
        os.close(write)
        child.wait(20)
        with os.fdopen(read, encoding="utf-8") as said:
            whole = json.dumps(dataclasses.asdict(order))
            assert said.read() == f"{whole} Problem\nto the other end's standard error"


# --- a pilot that runs here


def process(root, pid, *words, namespace="mnt:[1]"):
    for name in (pid, "self"):
        (root / f"proc/{name}/ns").mkdir(parents=True, exist_ok=True)
        (root / f"proc/{name}/ns/mnt").unlink(missing_ok=True)
    (root / f"proc/{pid}/ns/mnt").symlink_to(namespace)
    (root / "proc/self/ns/mnt").symlink_to("mnt:[1]")
    text = "".join(f"{word}\0" for word in words)
    put(root, f"/proc/{pid}/cmdline", text.encode("utf-8", "surrogateescape"))


def test_the_pilots_init_is_found_and_its_payload(tmp_path):
    process(tmp_path, 1, running.INIT, "7", "1234", "/x/leave")
    process(tmp_path, 7, "/x/cvmfsexec", "-N")
    os.chown(tmp_path / "proc/1", *([4321, 4321] if os.geteuid() == 0 else [-1, -1]))
    assert running.payload(Machine(root=tmp_path)) == Running(1234, 4321 if os.geteuid() == 0 else os.geteuid())


def test_of_pid_1_of_another_uid_the_namespaces_cannot_be_seen(tmp_path):
    process(tmp_path, 1, running.INIT, "7", "1234", "/x/leave")
    (tmp_path / "proc/1/ns/mnt").unlink()
    assert running.payload(Machine(root=tmp_path)).pid == 1234


@pytest.mark.parametrize(
    "words",
    [
        (), ("",), ("/usr/bin/python3", running.INIT, "5"), (f"{running.INIT}x", "7", "12"), (running.INIT,),
        (running.INIT, "7"), (running.INIT, "7", "x"), ("\udcff",),
    ],
)  # fmt: skip
def test_nobody_else_is_taken_for_it(tmp_path, words):
    process(tmp_path, 1, *words)
    put(tmp_path, "/proc/self/cmdline", f"{running.INIT}\x007\x0012\x00")
    (tmp_path / "proc/3").mkdir()
    assert running.payload(Machine(root=tmp_path)) is None


def test_the_init_of_another_container_is_not_ours(tmp_path):
    """docker run --pid=host: its pids mean nothing here."""
    process(tmp_path, 77, running.INIT, "7", "1234", "/x/leave", namespace="mnt:[2]")
    assert running.payload(Machine(root=tmp_path)) is None
    process(tmp_path, 78, running.INIT, "7", "5678", "/x/leave")
    assert running.payload(Machine(root=tmp_path)).pid == 5678


def test_another_uid_is_told_how_to_come_in():
    with pytest.raises(Refused) as refused:
        running.enter(Machine(uid=0), Running(1234, 4321), ("ls",), {})
    (problem,) = refused.value.problems
    assert problem.id == "cvmfs-enter"
    assert "the pilot runs as uid 4321, and this is uid 0" in problem.found
    assert "docker exec -u 4321 PILOT" in problem.cure


def test_another_uid_is_told_so_by_the_selftest_too():
    with pytest.raises(Refused, match="cvmfs-enter"):
        running.given(Machine(uid=0), Running(1234, 4321), ())


@pytest.mark.parametrize("act", [lambda here, there: running.enter(here, there, ("ls",), {}),
                                 lambda here, there: running.given(here, there, ())])  # fmt: skip
def test_a_pilot_that_is_just_ending_is_a_refusal_and_no_bug(tmp_path, act):
    here = Machine(root=tmp_path)
    with pytest.raises(Refused, match="cvmfs-enter"):
        act(here, Running(1234, here.uid))


@pytest.mark.parametrize(("namespace", "flags"), [("pid:[1]", ""), ("pid:[2]", "--pid ")])
def test_beside_a_pilot_its_mounts_are_asked_in_there(tmp_path, namespace, flags):
    """Where /proc is masked cvmfsexec makes no PID namespace, and our own may not be entered."""
    for name, link in (("self", "pid:[1]"), ("1234", namespace)):
        (tmp_path / f"proc/{name}/ns").mkdir(parents=True)
        (tmp_path / f"proc/{name}/ns/pid").symlink_to(link)
    line = json.dumps({"name": names.CONFIG, "error": "", "file": "x", "numbers": {"revision": 5}})
    way = f"nsenter --target 1234 --user --preserve-credentials --mount {flags}-- python3"
    here = fakes.machine(tmp_path, answers=((way, Result(0, line, "")),))
    found = running.given(here, Running(1234, here.uid), ("a.b",))
    assert (found.state.source, found.note) == ("cvmfsexec", "by the pilot that runs here")
    assert [(one.name, one.usable(here.now)) for one in found.state.repositories] == [
        (names.CONFIG, True),
        ("a.b", False),
    ]


def test_without_proc_there_is_none(tmp_path):
    assert running.payload(fakes.machine(tmp_path)) is None


# --- ospool-cvmfs


def test_the_command_replaces_it_with_its_own_status_and_output():
    done = python(COMMAND, "sh", "-c", 'echo "out $1"; echo err >&2; exit 42', "sh", "two words $x *")
    assert (done.returncode, done.stdout, done.stderr) == (42, "out two words $x *\n", "err\n")


def test_it_has_the_environment_but_for_the_token():
    given = {"GLIDEIN_Site": "LAB", "CONDOR_CONFIG": "/theirs", "MINE": "x", "LANG": "C.UTF-8"}
    done = python(COMMAND, "env", TOKEN="secret", **given)
    environ = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert environ == {"PATH": os.environ["PATH"]} | given


def test_signals_are_as_a_program_expects_them():
    done = python(COMMAND, "cat", "/proc/self/status")
    ignored = next(int(line.split()[1], 16) for line in done.stdout.splitlines() if line.startswith("SigIgn"))
    assert not ignored & (1 << 12 | 1 << 24 | 1 << 14 | 1 << 1)


def test_help():
    done = python(COMMAND, "--help")
    assert done.returncode == 0
    assert "docker exec PILOT ospool-cvmfs ls" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no command"),
        (("no-such-program",), "no-such-program: No such file"),
        (("/etc",), "/etc: Permission denied"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_usage(arguments, words):
    done = python(COMMAND, *arguments)
    assert done.returncode == 78
    assert done.stdout == "", "that is the command's"
    assert words in done.stderr
    assert "docker exec PILOT ospool-cvmfs ls" in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [
        {"CVMFSEXEC_REPOS": "oasis"}, {"CVMFSEXEC_REPOS": "$(touch x).y.z"}, {"CVMFS_QUOTA_LIMIT": "abc"},
        {"CVMFS_HTTP_PROXY": "http://a:1,http://b:1"}, {"CVMFS_REQUIRED": "perhaps"}, {"OSG_SQUID_LOCATION": "$(x)"},
    ],
)  # fmt: skip
def test_where_a_variable_of_cvmfs_is_refused_the_command_is_not_run(wrong):
    """It would run without /cvmfs, and with status 0."""
    done = python(COMMAND, "echo", "ran", **fakes.GOOD | {"CVMFSEXEC_REPOS": "oasis.opensciencegrid.org"} | wrong)
    assert (done.returncode, done.stdout) == (78, "")
    assert "setting-invalid" in done.stderr
    assert "".join(wrong) in done.stderr


def test_a_variable_of_the_pilots_does_not_keep_a_command_from_running():
    done = python(COMMAND, "echo", "ran", GLIDEIN_Site="", NUM_CPUS="abc")
    assert (done.returncode, done.stdout) == (0, "ran\n")


def test_where_it_cannot_be_mounted_the_command_is_not_run():
    done = python(COMMAND, "echo", "ran", CVMFSEXEC_REPOS="oasis.opensciencegrid.org", **fakes.GOOD)
    assert (done.returncode, done.stdout) == (69, "")
    assert "cvmfs-not-in-image" in done.stderr
