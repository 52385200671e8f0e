"""The one place that writes for people; it knows the secrets and never prints them."""

import re
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TextIO

from ospool_ep.problem import Problem

# Anything of a JWT's shape is redacted even if nobody declared it: a token pasted into the wrong variable.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{6,}(\.[A-Za-z0-9_-]*){0,2}")
REDACTED = "[redacted]"
# Programs colour their errors even where nobody sees it.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# A shorter piece of a secret would redact innocent words; no signature or payload is that short.
_SHORTEST_PIECE = 8


def redact(text: str, secrets: tuple[str, ...]) -> str:
    """Replace every secret, each dot-separated piece of one, and everything that looks like a JWT."""
    whole = {secret.strip().strip("\"'") for secret in secrets}
    pieces = {piece for secret in whole for piece in (secret, *secret.split("."), *secret.splitlines())}
    for piece in sorted((p for p in pieces if len(p) >= _SHORTEST_PIECE), key=len, reverse=True):
        text = text.replace(piece, REDACTED)
    return _JWT.sub(REDACTED, text)


def printable(text: str) -> str:
    """On one row, and without what a terminal would obey: names of files, and words of drivers, may hold anything."""
    return "".join(one if one.isprintable() else "?" for one in _COLOUR.sub("", text))


@dataclass(frozen=True)
class Log:
    """Lines like HTCondor's in the same stream: `2026-11-21T09:46:13+0000 BOOT message`."""

    secrets: tuple[str, ...] = ()
    stream: TextIO = field(default_factory=lambda: sys.stdout)
    name: str = "BOOT"

    def clean(self, text: str) -> str:
        """Redacted, and without what a terminal would obey. To be done before text is wrapped or quoted: a secret that
        goes over two rows, or has a backslash before its quotes, would not be found any more.
        """
        return "\n".join(map(printable, redact(text, self.secrets).split("\n")))

    def redacted(self, problem: Problem) -> Problem:
        """All its parts, clean."""
        found, why, cure, raw = map(self.clean, (problem.found, problem.why, problem.cure, problem.raw))
        return replace(problem, found=found, why=why, cure=cure, raw=raw)

    def line(self, text: str) -> None:
        """One line with the time."""
        self.block(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {self.name} {printable(text)}")

    def block(self, text: str) -> None:
        """Text as it is, redacted; a broken stdout must not stop a pilot that could work."""
        try:
            print(redact(text, self.secrets), file=self.stream, flush=True)
        except (OSError, ValueError):
            return
