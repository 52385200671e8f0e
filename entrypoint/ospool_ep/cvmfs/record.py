"""What boot and renewal know of CVMFS: a small file in the pilot's private directory."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.cvmfs import names
from ospool_ep.cvmfs.repositories import Repository
from ospool_ep.saved import save

DIRECTORY = "cvmfs"
BOUND, MOUNTED = "bound", "cvmfsexec"


@dataclass(frozen=True)
class State:
    """`source`: BOUND, MOUNTED, or empty where there is no CVMFS. `asked`: those that cvmfsexec mounted.

    `leave`: the file that makes init end with a code of its own; empty where the pilot never leaves for CVMFS's sake.
    """

    source: str = ""
    repositories: tuple[Repository, ...] = ()
    asked: tuple[str, ...] = ()
    leave: str = ""
    log: str | None = None

    @property
    def lost(self) -> bool:
        """Every repository that this pilot mounted, and that it was asked for, is dead."""
        ours = [one for one in self.repositories if one.name in self.asked]
        return bool(self.leave and ours) and all(one.dead for one in ours)


@dataclass(frozen=True)
class Record:
    """The files of one pilot."""

    path: Path

    def create(self, state: State) -> None:
        """Raises OSError."""
        self.path.mkdir(mode=0o700)
        self.save(state)

    def state(self) -> State:
        """Raises OSError or ValueError: jobs that run directly have our uid, so anything may be there."""
        try:
            said = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
            repositories = tuple(Repository(**one) for one in said["repositories"])
            found = State(**said | {"repositories": repositories, "asked": tuple(said["asked"])})
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"state.json is not what the pilot wrote: {error}") from error
        if not (_plausible(found) and all(map(_likely, repositories))):
            raise ValueError("state.json is not what the pilot wrote")
        return found

    def save(self, state: State) -> None:
        """At once, or not at all. Raises OSError."""
        save(self.path / "state.json", state)


def _plausible(state: State) -> bool:
    texts = (state.leave, "" if state.log is None else state.log)
    return (
        state.source in ("", BOUND, MOUNTED)
        and all(isinstance(text, str) for text in texts)
        and all(isinstance(name, str) and names.is_repository(name) for name in state.asked)
    )


def _likely(one: Repository) -> bool:
    """Everything of it reaches the ad."""
    numbers = (
        one.failed,
        *(value for value in (one.revision, one.nioerr, one.last_ioerr) if value is not None),
    )
    return (
        isinstance(one.name, str)
        and names.is_repository(one.name)
        and isinstance(one.error, str)
        and re.fullmatch("[A-Z0-9]*", one.error) is not None
        and isinstance(one.seen, bool)
        and all(type(value) is int for value in numbers)
    )
