"""Containers that did not start, as front and retest see them."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import NOW
from ospool_ep.containers.failures import CONTAINERS, DEFAULT, IMAGE, SIF, WINDOW_S, Failure, add, recent, struck


@pytest.fixture
def path(tmp_path):
    return tmp_path / "failures"


def test_failures_are_remembered_for_ten_minutes_in_their_order(path):
    assert recent(path, NOW) == ()
    made = [Failure(NOW, CONTAINERS, "one"), Failure(NOW + 1, SIF, "two words")]
    for failure in made:
        add(path, failure)
    assert recent(path, NOW + 2) == tuple(made)
    assert recent(path, NOW + WINDOW_S - 1) == tuple(made)
    assert recent(path, NOW + WINDOW_S) == (made[1],)


def test_the_old_are_forgotten_when_they_are_many(path):
    for number in range(600):
        add(path, Failure(NOW - WINDOW_S * (number % 3 > 0), SIF, f"{number} " + "x" * 60))
    size = path.stat().st_size
    assert len(recent(path, NOW)) == 200
    assert path.stat().st_size < size / 2
    assert len(recent(path, NOW)) == 200
    assert [file.name for file in path.parent.iterdir()] == ["failures"]


def test_after_many_old_ones_there_is_room_for_new_ones(path):
    for _ in range(1000):
        add(path, Failure(NOW - WINDOW_S, SIF, "x" * 200))
    assert recent(path, NOW) == ()
    add(path, Failure(NOW, SIF, "x"))
    assert recent(path, NOW) == (Failure(NOW, SIF, "x"),)


def test_a_reason_of_several_lines_is_one_line(path):
    add(path, Failure(NOW, SIF, "one\ntwo\r\n  three"))
    assert recent(path, NOW) == (Failure(NOW, SIF, "one two   three"),)


@given(st.binary())
def test_garbage_among_the_failures_is_no_crash(tmp_path_factory, garbage):
    path = tmp_path_factory.mktemp("record") / "failures"
    path.write_bytes(garbage + b"\n")
    add(path, Failure(NOW, SIF, "x"))
    assert Failure(NOW, SIF, "x") in recent(path, NOW)


@pytest.mark.parametrize("line", ["² sif x", "-5 sif x", "x sif x", "5", f"{NOW} sif", "9" * 5000 + " sif x"])
def test_lines_that_are_none(path, line):
    path.write_text(f"{line}\n{NOW} sif x\n")
    assert recent(path, NOW) == (Failure(NOW, SIF, "x"),)


def test_two_jobs_that_fail_at_once_are_two_failures(path):
    def fail(number):
        for time in range(50):
            add(path, Failure(NOW + time, CONTAINERS, f"job {number} "))

    threads = [threading.Thread(target=fail, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recent(path, NOW + 50)) == 200


def test_the_file_of_failures_is_bounded(path):
    for _ in range(3000):
        add(path, Failure(NOW, CONTAINERS, "x" * 200))
    assert path.stat().st_size < 1 << 17


def test_a_file_that_cannot_be_written_is_an_error_for_the_caller_and_one_that_cannot_be_read_is_none(tmp_path):
    with pytest.raises(OSError):
        add(tmp_path, Failure(NOW, SIF, "x"))
    assert recent(tmp_path, NOW) == ()


def test_three_of_a_kind_are_too_many():
    assert WINDOW_S == 600
    made = tuple(Failure(NOW, kind, "x") for kind in (CONTAINERS, SIF, SIF, DEFAULT, IMAGE, SIF, CONTAINERS))
    assert struck(made, SIF) == (Failure(NOW, SIF, "x"),) * 3
    assert struck(made, CONTAINERS) == struck(made, DEFAULT) == struck((), SIF) == ()
