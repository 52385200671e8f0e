import os
import socket
import sys
import time

import pytest

from ospool_ep.machine import Entry, Machine, run


def test_a_command_gives_status_and_both_streams():
    result = run(("sh", "-c", "echo out; echo err >&2; exit 5"), 10)
    assert (result.status, result.stdout, result.stderr) == (5, "out\n", "err\n")


def test_a_missing_program_is_a_result():
    result = run(("no-such-program-here",), 10)
    assert result.status == 127
    assert "no-such-program-here" in result.stderr


def test_a_command_sees_nothing_of_the_administrators_environment(monkeypatch):
    monkeypatch.setenv("TOKEN", "secret")
    result = run(("env",), 10, {"EXTRA": "1"})
    assert "TOKEN" not in result.stdout
    assert "EXTRA=1" in result.stdout


def test_a_time_out_ends_the_program_and_what_it_started(tmp_path):
    start = time.monotonic()
    result = run(("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; wait"), 0.3)
    assert time.monotonic() - start < 10
    assert result.status == 124
    assert "no answer within 0.3 s" in result.stderr
    assert _ends(int((tmp_path / "pid").read_text()))


def test_a_time_out_also_ends_what_has_a_process_group_of_its_own(tmp_path):
    result = run(("bash", "-c", f"set -m; sleep 61 & echo $! > {tmp_path}/pid; wait"), 0.3)
    assert result.status == 124
    assert _ends(int((tmp_path / "pid").read_text()))


def test_what_was_said_before_a_time_out_counts_though_the_pipe_stays_open(tmp_path):
    """What left the session stands in for what the kernel holds: neither can be ended, and both keep the pipes."""
    start = time.monotonic()
    program = f"echo half; echo words >&2; setsid sleep 62 & echo $! > {tmp_path}/pid; wait"
    result = run(("sh", "-c", program), 0.3)
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert time.monotonic() - start < 5
    assert (result.status, result.stdout) == (124, "half\n")
    assert result.stderr == "words\n\nno answer within 0.3 s"


def test_a_lock_is_handed_on_to_what_is_started(tmp_path):
    with (tmp_path / "lock").open("w") as lock:
        number = lock.fileno()
        look = ("readlink", f"/proc/self/fd/{number}")
        assert Machine(inherited=(number,)).run(look, 10).stdout.strip() == str(tmp_path / "lock")
        assert Machine().run(look, 10).stdout == ""


def _ends(pid):
    """Within two seconds: a signal takes its time."""
    end = time.monotonic() + 2
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not _runs(pid)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_output_that_is_no_text_is_no_crash():
    assert run((sys.executable, "-c", "import os; os.write(1, b'a\\xffb')"), 10).stdout == "a\ufffdb"


def test_paths_stay_below_the_root(tmp_path):
    assert Machine(root=tmp_path).path("/etc/condor") == tmp_path / "etc/condor"
    assert Machine(root=tmp_path).path("//etc") == tmp_path / "etc"


def test_kinds_of_entries(tmp_path):
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "d/file").write_text("x")
    (tmp_path / "d/link").symlink_to("file")
    (tmp_path / "d/dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "d/pipe")
    kinds = {entry.name: entry.kind for entry in Machine(root=tmp_path).list("/d")}
    assert kinds == {"sub": "directory", "file": "file", "link": "file", "dangling": "missing", "pipe": "other"}


def test_a_directory_that_is_not_there_is_empty_and_names_are_sorted(tmp_path):
    assert Machine(root=tmp_path).list("/none") == ()
    for name in "cab":
        (tmp_path / name).touch()
    assert Machine(root=tmp_path).list("/") == tuple(Entry(name, "file") for name in "abc")


def test_reading_stops_at_the_limit(tmp_path):
    (tmp_path / "f").write_text("0123456789")
    assert Machine(root=tmp_path).read("/f", 4) == b"0123"
    with pytest.raises(FileNotFoundError):
        Machine(root=tmp_path).read("/none")


def test_facts_about_this_process():
    machine = Machine()
    assert (machine.uid, machine.gid, machine.hostname) == (os.geteuid(), os.getegid(), socket.gethostname())
    assert abs(machine.now - time.time()) < 5
    assert Machine(uid=2**31 - 5).user_name() is None
