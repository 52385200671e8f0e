"""The cache directory: what is seen of it, its quota, and the lock that two pilots fight for with real processes."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import fakes
from fakes import NOW, ids
from ospool_ep import scratch
from ospool_ep.cvmfs import cache
from ospool_ep.cvmfs.cache import FLOOR_MB, LOGS, PATH, QUOTA_MB, Cache
from ospool_ep.machine import Machine, Result

GOOD = Cache(exists=True, writable=True, logs_writable=True, free_mb=50_000)
ENTRYPOINT = str(Path(__file__).parent.parent / "entrypoint")
# Another pilot: takes the lock, says so, and keeps it until it is told to end; its child inherits the lock.
OTHER = f"""
import subprocess, sys
sys.path.insert(0, {ENTRYPOINT!r})
from pathlib import Path
from ospool_ep.cvmfs import cache
from ospool_ep.machine import Machine
lock, reason = cache.take(Machine(root=Path(sys.argv[1]), hostname="other"), {NOW})
child = subprocess.Popen(("sleep", "60"), pass_fds=(lock,)) if sys.argv[2] == "child" else None
print(child.pid if child else "mine", flush=True)
if not child:
    sys.stdin.read()
"""


@pytest.fixture
def here(tmp_path):
    for path in (PATH, LOGS, scratch.PATH):
        (tmp_path / path.lstrip("/")).mkdir()
    return Machine(root=tmp_path, hostname="node17", now=NOW)


def look(machine, quota=None):
    return cache.look(machine, quota)


# --- looking


def test_what_is_there(here):
    found = look(here)
    assert (found.exists, found.writable, found.logs_writable, found.on_scratch) == (True, True, True, True)
    volume = os.statvfs(here.root)
    assert abs(found.free_mb - (volume.f_bavail * volume.f_frsize >> 20)) < 1000
    assert found.used_mb == 0


def test_a_cache_on_a_volume_of_its_own_takes_nothing_from_the_jobs(here):
    here.path(PATH).rmdir()
    here.path(PATH).symlink_to("/dev/shm")
    assert not look(here).on_scratch


def test_what_earlier_pilots_fetched_counts_as_room_where_there_is_little(tmp_path):
    for path in (PATH, LOGS):
        (tmp_path / path.lstrip("/")).mkdir()
    here = fakes.machine(tmp_path, answers=(("du -sxm", Result(0, "321\t/cvmfs-cache\n", "")),))
    assert look(here, 1).used_mb == 0
    assert look(here, 1 << 30).used_mb == 321
    assert look(here, look(here).free_mb - 100).used_mb == 321, "the scratch volume keeps something for itself"


@pytest.mark.parametrize("result", [Result(124, "", "no answer"), Result(1, "du: x\n", ""), Result(127, "", "")])
def test_where_it_cannot_be_counted_it_counts_as_nothing(tmp_path, result):
    for path in (PATH, LOGS):
        (tmp_path / path.lstrip("/")).mkdir()
    assert look(fakes.machine(tmp_path, answers=(("du", result),)), 1 << 30).used_mb == 0


def test_real_files_are_counted_though_some_cannot_be_read(here):
    fakes.put(here.root, f"{PATH}/shared/00/x", b"x" * (3 << 20))
    assert look(here, 1 << 30).used_mb in (3, 4)


def test_nothing_there(tmp_path):
    found = look(Machine(root=tmp_path))
    assert (found.exists, found.writable, found.logs_writable) == (False, False, False)
    assert ids(cache.judge(found, 1000, None)) == ["cvmfs-cache-permission"]


@pytest.mark.parametrize(("mode", "writable"), [(0o555, False), (0o700, True), (0o600, False)])
def test_permissions_of_the_one_that_we_are(nobodys, mode, writable):
    (nobodys / "cvmfs-cache").mkdir()
    (nobodys / "cvmfs-logs").mkdir()
    (nobodys / "cvmfs-cache").chmod(mode)
    (nobodys / "cvmfs-logs").chmod(mode)
    found = look(Machine(root=nobodys))
    assert (found.writable, found.logs_writable) == (writable, writable)


# --- judging


def judge(wanted=None, **changes):
    return cache.judge(dataclasses.replace(GOOD, **changes), 4321, wanted)


def test_nothing_to_complain_about():
    assert judge() == judge(5000) == ()


def test_a_directory_of_another_uid_names_ours_and_what_to_type():
    (problem,) = judge(writable=False)
    assert (problem.id, problem.exit_code) == ("cvmfs-cache-permission", 69)
    assert "uid 4321" in problem.found
    assert "chown 4321" in problem.cure


def test_a_read_only_one():
    (problem,) = judge(writable=False, read_only=True)
    assert (problem.id, problem.found) == ("cvmfs-cache-permission", "/cvmfs-cache is read-only")
    assert "docker run -v /cvmfs-cache-dir:/cvmfs-cache   (without :ro)" in problem.cure
    assert ids(judge(writable=False, read_only=True, logs_writable=False))[1:] == ["cvmfs-logs"]


def test_a_log_that_another_uid_has_left_is_in_the_clients_way(nobodys):
    for name in ("cvmfs-cache", "cvmfs-logs"):
        (nobodys / name).mkdir()
    here = Machine(root=nobodys)
    log, other = nobodys / "cvmfs-logs/a.b.log", nobodys / "cvmfs-logs/notes.txt"
    for path in (log, other):
        path.write_text("x")
    other.chmod(0o444)
    assert look(here).logs_writable
    log.chmod(0o444)
    assert not look(here).logs_writable
    (nobodys / "cvmfs-cache").chmod(0o555)
    assert not look(here).logs_writable


def test_logs_that_cannot_be_written_are_a_warning():
    (problem,) = judge(logs_writable=False)
    assert (problem.id, problem.warning) == ("cvmfs-logs", True)
    assert ids(judge(writable=False, logs_writable=False)) == ["cvmfs-cache-permission", "cvmfs-logs"]
    assert ids(judge(free_mb=0, logs_writable=False)) == ["cvmfs-cache-space", "cvmfs-logs"]


@pytest.mark.parametrize(
    ("changes", "wanted", "fits"),
    [
        ({"free_mb": FLOOR_MB}, None, True),
        ({"free_mb": FLOOR_MB - 1}, None, False),
        ({"free_mb": 0, "used_mb": FLOOR_MB}, None, True),
        ({"free_mb": FLOOR_MB + 511, "on_scratch": True}, None, False),
        ({"free_mb": FLOOR_MB + 512, "on_scratch": True}, None, True),
        ({"free_mb": 5000}, 5000, True),
        ({"free_mb": 4999}, 5000, False),
        ({"free_mb": 999, "used_mb": 4001}, 5000, True),
        ({"free_mb": 5511, "on_scratch": True}, 5000, False),
        ({"free_mb": 200}, 100, True),
        ({}, 1 << 30, False),
    ],
)
def test_room_for_the_quota(changes, wanted, fits):
    problems = judge(wanted, **changes)
    assert ids(problems) == ([] if fits else ["cvmfs-cache-space"])
    assert not fits or cache.quota(dataclasses.replace(GOOD, **changes), wanted) > 0
    if wanted and not fits:
        assert f"needs {wanted} MB (CVMFS_QUOTA_LIMIT)" in problems[0].found


@given(st.integers(0, 20_000), st.integers(0, 20_000), st.booleans(), st.none() | st.integers(100, 30_000))
@example(1000, 0, False, None)
@example(1600, 0, True, None)
def test_a_quota_that_is_not_refused_fits_and_is_what_was_asked_for(free, used, on_scratch, wanted):
    facts = dataclasses.replace(GOOD, free_mb=free, used_mb=used, on_scratch=on_scratch)
    chosen = cache.quota(facts, wanted)
    if cache.judge(facts, 0, wanted):
        return
    assert chosen <= free + used - (scratch.RESERVE_MB if on_scratch else 0)
    assert chosen == wanted if wanted else FLOOR_MB <= chosen <= QUOTA_MB


@pytest.mark.parametrize(("free", "quota"), [(1000, 1000), (2000, 1800), (4400, 3960), (4500, 4000), (90_000, 4000)])
def test_without_a_wish_the_clients_default_or_nine_tenths_of_the_room(free, quota):
    assert cache.quota(dataclasses.replace(GOOD, free_mb=free), None) == quota


# --- the lock


def other(root, kind="alone"):
    process = subprocess.Popen(
        (sys.executable, "-c", OTHER, str(root), kind), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def taken(here):
    """Whether we get the lock, and what is said where we do not."""
    lock, reason = cache.take(here, NOW)
    if lock is not None:
        os.close(lock)
    return lock is not None, reason


def test_a_free_cache_is_signed(here):
    lock = here.path(PATH) / "ospool-ep.lock"
    lock.write_text("something longer that an earlier pilot has left here, many words\n" * 3)
    assert taken(here) == (True, "")
    assert lock.read_text() == "pilot in container node17, since 2026-11-18T11:06:40Z\n"
    assert lock.stat().st_mode & 0o777 == 0o666, "the next pilot may be another user"


def test_one_that_another_pilot_uses_is_not_ours_and_its_holder_is_named(here):
    process, _ = other(here.root)
    try:
        free, reason = taken(here)
    finally:
        process.communicate("")
    assert not free
    assert reason == "it is in use: pilot in container other, since 2026-11-18T11:06:40Z"
    problem = cache.in_use(reason, "node17")
    assert (problem.id, problem.exit_code) == ("cvmfs-cache-in-use", 69)
    assert "container other" in problem.found
    ours = cache.in_use(reason, "other")
    assert (ours.id, ours.cure) == ("cvmfs-cache-in-use", "try again in a moment")
    assert "the pilot of this container" in ours.found
    assert taken(here) == (True, ""), "one after the other is fine"
    assert "container node17" in (here.path(PATH) / "ospool-ep.lock").read_text()


def test_the_clients_hold_it_for_as_long_as_they_live(here):
    """The pilot that took it is gone: what it started still works in there."""
    process, child = other(here.root, "child")
    process.wait()
    try:
        assert taken(here)[0] is False
    finally:
        os.kill(int(child), 9)
    assert taken(here) == (True, "")


def test_a_pilot_that_is_just_leaving_is_waited_for(here):
    process, _ = other(here.root)
    killer = subprocess.Popen(("sh", "-c", f"sleep 0.5; kill {process.pid}"))
    assert taken(here) == (True, "")
    killer.wait()
    process.communicate()


def test_a_lock_of_another_uid_can_be_locked_and_is_left_as_it_is(nobodys):
    directory = nobodys / "cvmfs-cache"
    directory.mkdir()
    (directory / "ospool-ep.lock").write_text("theirs\n")
    (directory / "ospool-ep.lock").chmod(0o444)
    assert taken(Machine(root=nobodys)) == (True, "")
    assert (directory / "ospool-ep.lock").read_text() == "theirs\n"
    (directory / "ospool-ep.lock").chmod(0)
    assert taken(Machine(root=nobodys)) == (False, "its lock cannot be opened: Permission denied")


@pytest.mark.parametrize(("make", "words"), [("directory", "Is a directory"), ("none", "No such file or directory")])
def test_a_lock_that_cannot_be_opened(tmp_path, make, words):
    if make == "directory":
        (tmp_path / "cvmfs-cache/ospool-ep.lock").mkdir(parents=True)
    assert taken(Machine(root=tmp_path)) == (False, f"its lock cannot be opened: {words}")


def test_a_holder_without_a_name(here):
    process, _ = other(here.root)
    (here.path(PATH) / "ospool-ep.lock").write_bytes(b"")
    try:
        assert taken(here) == (False, "it is in use: its holder left no name")
        (here.path(PATH) / "ospool-ep.lock").write_bytes(b"\xff" * 5000)
        assert len(taken(here)[1]) < 300
    finally:
        process.communicate("")
