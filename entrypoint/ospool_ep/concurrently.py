"""Functions side by side, none of them waited for longer than a time-out."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Running(Generic[T]):
    """A function that has been started in a thread of its own."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._answer: T | BaseException | None = None
        self._function = function
        self._thread: threading.Thread | None = threading.Thread(target=self._work, daemon=True)
        try:
            self._thread.start()
        except (
            RuntimeError
        ):  # no more threads to be had (docker run --pids-limit=5): then one after the other, without time-outs
            self._thread = None
            self._work()

    def _work(self) -> None:
        try:
            self._answer = self._function()
        except BaseException as error:  # noqa: BLE001 - a check that crashes is a result, never a traceback
            self._answer = error

    @property
    def at_work(self) -> bool:
        """It has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def result(self, timeout_s: float) -> T | BaseException:
        """What it returned or raised; TimeoutError where it has not ended `timeout_s` from now."""
        if self._thread is not None:
            self._thread.join(max(0.0, timeout_s))
            if self._thread.is_alive():
                return TimeoutError("no answer")
        return self._answer  # type: ignore[return-value]  # set by then, and None only where T is


def concurrently(functions: Sequence[Callable[[], T]], timeout_s: float) -> list[T | BaseException]:
    """The results in order; each function has about `timeout_s` from the common start."""
    started = [Running(function) for function in functions]
    end = time.monotonic() + timeout_s
    return [running.result(end - time.monotonic()) for running in started]
