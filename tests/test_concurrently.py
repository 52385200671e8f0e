import threading
import time

from ospool_ep.concurrently import concurrently


def test_results_come_in_the_order_of_the_functions():
    assert concurrently((lambda: time.sleep(0.02) or "slow", lambda: "fast"), 5) == ["slow", "fast"]


def test_they_run_side_by_side():
    barrier = threading.Barrier(3, timeout=5)
    assert sorted(concurrently([barrier.wait] * 3, 5)) == [0, 1, 2]


def test_a_crash_is_a_result():
    def crash():
        raise KeyError("x")

    def leave():
        raise SystemExit(3)

    first, second, third = concurrently((crash, leave, lambda: 1), 5)
    assert isinstance(first, KeyError)
    assert isinstance(second, SystemExit)
    assert third == 1


def test_one_that_hangs_is_not_waited_for_and_cannot_change_its_mind():
    release = threading.Event()
    start = time.monotonic()
    results = concurrently((lambda: release.wait(10) and "late", lambda: "quick"), 0.1)
    assert time.monotonic() - start < 5
    assert isinstance(results[0], TimeoutError)
    assert results[1] == "quick"
    release.set()
    time.sleep(0.05)
    assert isinstance(results[0], TimeoutError)


def test_nothing_to_do():
    assert concurrently((), 1) == []
