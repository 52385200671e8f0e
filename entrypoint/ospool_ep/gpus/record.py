"""What boot and renewal know of the GPUs: a small file in the pilot's private directory, and links to libraries."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.saved import save

# Good looks in a row before a GPU that was lost is offered again.
BELIEVED = 2


@dataclass(frozen=True)
class Gpu:
    """One that was offered at boot: `passes` counts good looks in a row, up to BELIEVED; `why` it is off."""

    id: str
    uuid: str
    passes: int = BELIEVED
    why: str = ""

    @property
    def usable(self) -> bool:
        """Offered now."""
        return self.passes >= BELIEVED


@dataclass(frozen=True)
class State:
    """`directories`: of the driver's libraries; `lasting`: a comment on what was never offered."""

    gpus: tuple[Gpu, ...] = ()
    directories: tuple[str, ...] = ()
    lasting: str = ""
    log: str | None = None


@dataclass(frozen=True)
class Record:
    """The files of one pilot."""

    path: Path

    @property
    def links(self) -> Path:
        """LD_LIBRARY_PATH of the startd, where it needs one."""
        return self.path / "lib"

    @property
    def withdrawn(self) -> Path:
        """A part of HTCondor's configuration: the GPUs that are off."""
        return self.path / "withdrawn"

    @property
    def inventory(self) -> Path:
        """What the startd is told at its start."""
        return self.path / "inventory"

    @property
    def lock(self) -> Path:
        """Held by a question to the driver for as long as it takes."""
        return self.path / "lock"

    def create(self, state: State) -> None:
        """Raises OSError."""
        self.path.mkdir(mode=0o700)
        self.save(state)

    def state(self) -> State:
        """Raises OSError or ValueError: jobs that run directly have our uid, so anything may be there."""
        try:
            said = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
            gpus = tuple(Gpu(**one) for one in said["gpus"])
            found = State(**said | {"gpus": gpus, "directories": tuple(said["directories"])})
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"state.json is not what the pilot wrote: {error}") from error
        if not (_plausible(found) and all(map(_likely, gpus))):
            raise ValueError("state.json is not what the pilot wrote")
        return found

    def save(self, state: State) -> None:
        """At once, or not at all. Raises OSError."""
        save(self.path / "state.json", state)


def _plausible(state: State) -> bool:
    texts = (*state.directories, state.lasting, "" if state.log is None else state.log)
    return all(isinstance(text, str) for text in texts)


def _likely(one: Gpu) -> bool:
    """The name reaches HTCondor's configuration."""
    texts = (one.id, one.uuid)
    return (
        all(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9/-]+", text) for text in texts)
        and isinstance(one.why, str)
        and type(one.passes) is int
    )
