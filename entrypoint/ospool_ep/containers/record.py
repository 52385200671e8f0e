"""What boot, front and retest know of one another: small files below the pilot's home, out of every job's sight."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ospool_ep.containers import failures
from ospool_ep.containers.failures import Failure
from ospool_ep.saved import save

# Below the pilot's home, on the scratch volume: images can be large.
DIRECTORY = "apptainer"
# Passes in a row that make a capability believed: one that came back must show it twice.
BELIEVED = 2


@dataclass(frozen=True)
class Setup:
    """What the boot decided, for the life of the pilot. `environment` is for pulls: proxies, certificates;
    `comment` on what will not change: no PID namespaces, binds that were not there. `gpu_libraries`: the driver's
    that Apptainer's --nv does not find by itself; `library_path`: where jobs that run directly find them.
    `questions`: the directory of ask.resolve's locks.
    """

    version: str = ""
    comment: str = ""
    pid_namespaces: bool = False
    binds: tuple[str, ...] = ()
    mirror: str = ""
    plain_http: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    default_image: str = ""
    default_gpu_image: str = ""
    cache_mb: int = 0
    gpu_libraries: tuple[str, ...] = ()
    library_path: str = ""
    questions: str = ""
    log: str | None = None

    @property
    def locks(self) -> Path | None:
        """Of questions to paths that may hang."""
        return Path(self.questions) if self.questions else None


@dataclass(frozen=True)
class State:
    """What is offered now. The first numbers count passes in a row, up to BELIEVED; the last are times (epoch)
    of the last test, of the last question to a registry, and of the last test that found something lost.
    """

    containers: int = 0
    sif: int = 0
    registry: int = 0
    cvmfs: bool = False
    disk_full: bool = False
    default_fails: bool = False
    image: str = ""
    image_source: str = ""
    gpu_image: str = ""
    comment: str = ""
    registry_comment: str = ""
    tested: int = 0
    asked: int = 0
    lost: int = 0


Kind = TypeVar("Kind", Setup, State)


@dataclass(frozen=True)
class Record:
    """The files of one pilot."""

    path: Path

    @property
    def cache(self) -> Path:
        """APPTAINER_CACHEDIR: shared by the jobs of this pilot, bounded by the front."""
        return self.path / "cache"

    @property
    def lock(self) -> Path:
        """Held by a test and by everything it started, however long that takes."""
        return self.path / "lock"

    def create(self, setup: Setup, state: State) -> None:
        """Make the directory; proxies may have passwords. Raises OSError."""
        self.path.mkdir(mode=0o700)
        self.cache.mkdir()
        save(self.path / "setup.json", setup)
        self.save(state)

    def setup(self) -> Setup:
        """Raises OSError or ValueError."""
        found = _read(self.path / "setup.json", Setup)
        return dataclasses.replace(found, binds=tuple(found.binds), gpu_libraries=tuple(found.gpu_libraries))

    def state(self) -> State:
        """Raises OSError or ValueError."""
        return _read(self.path / "state.json", State)

    def save(self, state: State) -> None:
        """At once, or not at all. Raises OSError."""
        save(self.path / "state.json", state)

    def add(self, failure: Failure) -> None:
        """Remember a failure. Raises OSError."""
        failures.add(self._failures, failure)

    def failures(self, now: int) -> tuple[Failure, ...]:
        """The recent ones."""
        return failures.recent(self._failures, now)

    @property
    def _failures(self) -> Path:
        return self.path / "failures"


def of_job(execute: str) -> Record:
    """The record of the pilot that a job's directory (HOME/execute/dir_PID) belongs to."""
    home = Path(execute).parents[1] if execute.count("/") > 2 else Path("/")
    return Record(home / DIRECTORY)


def _read(path: Path, kind: type[Kind]) -> Kind:
    """What was written; jobs that run directly have our uid, so it may be anything."""
    try:
        found, default = kind(**json.loads(path.read_text(encoding="utf-8"))), kind()
    except TypeError as error:
        raise ValueError(f"{path.name} is not what the pilot wrote: {error}") from error
    for one in dataclasses.fields(kind):
        if not _like(getattr(found, one.name), getattr(default, one.name)):
            raise ValueError(f"{path.name} is not what the pilot wrote: {one.name}")
    return found


def _like(value: object, default: object) -> bool:
    """JSON knows neither tuples nor what is in its lists."""
    if default is None:
        return value is None or isinstance(value, str)
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if isinstance(default, dict):
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return type(value) is type(default)
