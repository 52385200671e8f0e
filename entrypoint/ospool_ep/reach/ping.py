"""Ask collectors whether the token may advertise, with HTCondor's own condor_ping: nothing is advertised.

The configuration is the pilot's own, as far as it concerns the pool, in a private directory that is gone afterwards.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ospool_ep import config_text, handover, instance, joining, private, scratch, tokens
from ospool_ep.concurrently import concurrently
from ospool_ep.known import Known
from ospool_ep.machine import Machine, Result
from ospool_ep.pools import Pool
from ospool_ep.reach.addresses import Server
from ospool_ep.reach.answer import COMMANDS, Answer, read
from ospool_ep.tokens import Credentials

# A directory of its own in one of these; the root file system may be read-only, /pilot may not be there.
_PLACES = (*private.PARENTS, scratch.PATH, "/tmp")
# What the killed program may take to go.
MARGIN_S = 2.0


@dataclass(frozen=True)
class Heard:
    """A collector and what it said, between two readings of this machine's clock."""

    server: Server
    answer: Answer
    before: int
    after: int


def look(
    machine: Machine, known: Known, credentials: Credentials, collectors: Sequence[Server], timeout_s: float
) -> tuple[Heard, ...]:
    """All collectors at once. Raises OSError where no directory for the token can be made."""
    with _installed(machine, known.pool, credentials) as home:
        environ = handover.environment(known.settings, home / "condor_config", home)
        asked = [partial(_ask, machine, environ, server, timeout_s) for server in collectors]
        return tuple(map(_raised, concurrently(asked, timeout_s + MARGIN_S)))


def _raised(heard: Heard | BaseException) -> Heard:
    if isinstance(heard, BaseException):
        raise heard
    return heard


def _ask(machine: Machine, environ: dict[str, str], server: Server, timeout_s: float) -> Heard:
    argv = ("condor_ping", "-debug", "-pool", server.name, "-type", "collector", "-table", *COMMANDS)
    before = int(time.time())
    result: Result = machine.run(argv, timeout_s, environ)
    return Heard(server, read(result), before, int(time.time()))


@contextmanager
def _installed(machine: Machine, pool: Pool, credentials: Credentials) -> Iterator[Path]:
    """A private directory with tokens and configuration; removed afterwards."""
    home = _first(machine, pool, credentials)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _first(machine: Machine, pool: Pool, credentials: Credentials) -> Path:
    """The next place serves where one cannot be written to, or is full. Raises the last one's OSError."""
    for place in _PLACES:
        # By this name a pilot finds what a test that was killed has left
        home = machine.path(place) / f"ep-{instance.new_name()}"
        try:
            private.create(machine, home)
            _fill(home, pool, credentials)
            return home
        except OSError as error:
            shutil.rmtree(home, ignore_errors=True)
            last = error
    raise last


def _fill(home: Path, pool: Pool, credentials: Credentials) -> None:
    there, passwords = home / "tokens.d", home / "passwords.d"
    tokens.install(credentials, there, passwords)
    knobs = (
        joining.directories(str(home))
        | joining.hosts(pool.managers, pool.collectors, pool.ccb)
        | joining.credentials(str(there), str(passwords), bool(credentials.passwords))
        | {"TOOL_DEBUG": "D_SECURITY"}
    )
    text = config_text.render((joining.SECURITY,), knobs)
    (home / "condor_config").write_text(text, encoding="utf-8")
