"""One line per step of a long script, with its time; something moves while a step runs."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

TTY_TICK_S = 1.0
PLAIN_TICK_S = 30.0  # a log file needs a sign of life, not a clock
CLEAR_LINE = "\r\x1b[K"


class Steps:
    """Prints steps to `stream`: a counter that moves on a terminal, a sparse log elsewhere.

    Not re-entrant: steps follow one another.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.tty = self.stream.isatty()

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Run the body as one step; yields note(text), shown at the end of the step's line.

        The line says `ok` or, when the body raises (also SystemExit and Ctrl-C), `FAILED`; the error goes on.
        """
        notes: list[str] = []
        start = time.monotonic()
        done = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(title, start, done), daemon=True)
        self._show(f"...     {title}", end="" if self.tty else "\n")
        ticker.start()
        word = "FAILED"
        try:
            yield notes.append
            word = "ok"
        finally:
            done.set()
            ticker.join()
            details = "".join(f"  ({text})" for text in notes)
            self._show(f"{word:<6}  {title}  {time.monotonic() - start:.1f} s{details}")

    def say(self, text: str) -> None:
        """Print one line that belongs to no step (or between two)."""
        self._show(text)

    def _tick(self, title: str, start: float, done: threading.Event) -> None:
        while not done.wait(TTY_TICK_S if self.tty else PLAIN_TICK_S):
            elapsed = time.monotonic() - start
            if self.tty:
                self._show(f"...     {title}  {elapsed:.0f} s", end="")
            else:
                self._show(f"still: {title}  {elapsed:.0f} s")

    def _show(self, text: str, end: str = "\n") -> None:
        prefix = CLEAR_LINE if self.tty else ""
        self.stream.write(f"{prefix}{text}{end}")
        self.stream.flush()
