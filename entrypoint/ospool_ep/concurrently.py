"""Functions side by side, none of them waited for longer than a time-out."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def concurrently(functions: Sequence[Callable[[], T]], timeout_s: float) -> list[T | BaseException]:
    """Results in order; in place of a result the exception that was raised, TimeoutError for no answer."""
    results: list[T | BaseException] = [TimeoutError(f"no answer within {timeout_s:g} s") for _ in functions]

    def work(number: int) -> None:
        try:
            results[number] = functions[number]()
        except BaseException as error:  # noqa: BLE001 - a check that crashes is a result, never a traceback
            results[number] = error

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(functions))]
    for thread in threads:
        thread.start()
    end = time.monotonic() + timeout_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    # A thread that answers after this moment must not change what the caller has seen.
    return list(results)
