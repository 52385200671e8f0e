"""Who waits for longer than a second is told what for."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_PERIOD_S = 1.0
_USUAL = 80
# Carriage return, clear to the end of the row
_AGAIN = "\r\x1b[K"


@contextmanager
def shown(running: Callable[[], tuple[str, ...]]) -> Iterator[None]:
    """On standard error, on one row that is taken away again; nothing where that is no terminal."""
    if not _terminal():
        yield
        return
    done = threading.Event()
    thread = threading.Thread(target=_work, args=(running, done), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_PERIOD_S)


def _terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except ValueError:  # closed
        return False


def _work(running: Callable[[], tuple[str, ...]], done: threading.Event) -> None:
    seconds, told = 0, False
    while not done.wait(_PERIOD_S):
        seconds += 1
        names = running()
        if names:
            _write(f"... {', '.join(names)}: {seconds} s"[: _width() - 1])
            told = True
    if told:
        _write("")


def _width() -> int:
    """A longer row would go on in the next one, and stay there."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL
    except (OSError, ValueError):
        return _USUAL


def _write(text: str) -> None:
    with suppress(OSError, ValueError):  # a terminal that has gone must not stop the checks
        print(f"{_AGAIN}{text}", end="", file=sys.stderr, flush=True)
