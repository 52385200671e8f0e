"""Containers that did not start: one line each in a file that front and retest share."""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# So many containers that this machine could not start, within so many seconds, and no more are promised.
STRIKES = 3
WINDOW_S = 600
_MOST_BYTES = 1 << 16
_LINE = re.compile(r"([0-9]{1,12}) (\S+) (.+)")

CONTAINERS, SIF, DEFAULT, IMAGE = "containers", "sif", "default", "image"


@dataclass(frozen=True)
class Failure:
    """A container that was not started: when (epoch), what cannot be run here, why.

    For IMAGE, a job's own, the reason is `user image`: nobody else's job has to wait for it.
    """

    when: int
    what: str
    why: str


def add(path: Path, failure: Failure) -> None:
    """Remember a failure. Raises OSError."""
    with path.open("a", encoding="utf-8") as file:
        if file.tell() < _MOST_BYTES:
            file.write(_line(failure))


def recent(path: Path, now: int) -> tuple[Failure, ...]:
    """Those of the last ten minutes; older ones are forgotten when they are many. What is no failure is passed over."""
    found = read(path)
    kept = tuple(failure for failure in found if abs(now - failure.when) < WINDOW_S)
    with suppress(OSError):
        if path.stat().st_size > _MOST_BYTES / 2:
            _rewrite(path, kept)
    return kept


def read(path: Path) -> tuple[Failure, ...]:
    """All that are there; nothing is changed."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    rows = [match for line in lines if (match := _LINE.fullmatch(line))]
    return tuple(Failure(int(row[1]), row[2], row[3]) for row in rows)


def struck(failures: tuple[Failure, ...], what: str) -> tuple[Failure, ...]:
    """All of a kind, where they are too many."""
    found = tuple(failure for failure in failures if failure.what == what)
    return found if len(found) >= STRIKES else ()


def _rewrite(path: Path, kept: tuple[Failure, ...]) -> None:
    """A failure that is added at this very moment is lost; it will not be the last."""
    new = path.with_suffix(".new")
    with suppress(OSError):
        new.write_text("".join(map(_line, kept)), encoding="utf-8")
        new.replace(path)


def _line(failure: Failure) -> str:
    return f"{failure.when} {failure.what} {' '.join(failure.why.splitlines())}\n"
