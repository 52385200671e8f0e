"""Locks that programs share with those that they start."""

import os
import subprocess
import threading
import time

import pytest

from ospool_ep import locks


def test_one_at_a_time(tmp_path):
    with locks.held(tmp_path / "lock") as first, locks.held(tmp_path / "lock") as second:
        assert first is not None
        assert second is None
    with locks.held(tmp_path / "lock") as third:
        assert third is not None


def test_it_is_free_again_after_an_error(tmp_path):
    with pytest.raises(KeyError), locks.held(tmp_path / "lock"):
        raise KeyError
    with locks.held(tmp_path / "lock") as lock:
        assert lock is not None


def test_who_was_too_late_frees_nothing(tmp_path):
    with locks.held(tmp_path / "lock"):
        for _ in range(2):
            with locks.held(tmp_path / "lock") as late:
                assert late is None


def test_files_have_nothing_to_do_with_one_another(tmp_path):
    with locks.held(tmp_path / "a") as first, locks.held(tmp_path / "b") as second:
        assert None not in (first, second)


def test_patience_lasts_until_it_is_free(tmp_path):
    held, end = threading.Event(), threading.Event()

    def other():
        with locks.held(tmp_path / "lock"):
            held.set()
            end.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(10)
    threading.Timer(0.1, end.set).start()
    with locks.held(tmp_path / "lock", 10) as lock:
        assert end.is_set()
        assert lock is not None
    thread.join()


def test_patience_ends(tmp_path):
    with locks.held(tmp_path / "lock"):
        start = time.monotonic()
        with locks.held(tmp_path / "lock", 0.2) as late:
            assert late is None
        assert 0.2 <= time.monotonic() - start < 5


def test_a_program_that_inherits_it_holds_it_until_it_ends(tmp_path):
    with locks.held(tmp_path / "lock") as lock:
        child = subprocess.Popen(("sleep", "60"), pass_fds=(lock,))
    try:
        with locks.held(tmp_path / "lock") as early:
            assert early is None
    finally:
        child.kill()
        child.wait()
    with locks.held(tmp_path / "lock") as late:
        assert late is not None


def test_other_programs_do_not_hold_it(tmp_path):
    with locks.held(tmp_path / "lock") as lock:
        assert not os.get_inheritable(lock)
        child = subprocess.Popen(("sleep", "60"), close_fds=False)
    try:
        with locks.held(tmp_path / "lock") as later:
            assert later is not None
    finally:
        child.kill()
        child.wait()


def test_the_file_is_ours_alone_and_what_is_in_it_stays(tmp_path):
    with locks.held(tmp_path / "new"):
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
    (tmp_path / "old").write_text("words")
    with locks.held(tmp_path / "old"):
        assert (tmp_path / "old").read_text() == "words"


def test_what_cannot_be_opened_is_an_error(tmp_path):
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError), locks.held(tmp_path / "none/lock"):
        pass
    with pytest.raises(IsADirectoryError), locks.held(tmp_path):
        pass
    assert len(os.listdir("/proc/self/fd")) == len(before)
