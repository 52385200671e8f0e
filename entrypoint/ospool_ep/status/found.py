"""What is known of a running pilot. Times are seconds since 1970; the names are those of the JSON document."""

from dataclasses import dataclass

STARTING, RUNNING, STOPPING, SILENT = "starting", "running", "shutting down", "not answering"


@dataclass(frozen=True)
class Job:
    """A job that runs in a dynamic slot. `started` is 0 until it has."""

    id: str
    project: str
    slot: str
    state: str
    activity: str
    started: int
    cpus: int
    memory_mb: int
    disk_mb: int
    gpus: int


@dataclass(frozen=True)
class Amount:
    """Of the partitionable slot."""

    free: int
    total: int


@dataclass(frozen=True)
class Slot:
    """The partitionable slot. `idle_since`: since when it has had no job, 0 while it has one; `refuses`: clauses of
    START that are false for every job now; `comments`: the ad's own, on what is wrong.
    """

    cpus: Amount
    memory_mb: Amount
    disk_mb: Amount
    gpus: Amount
    started: int
    mips: int
    jobs_started: int
    idle_since: int
    leaves_idle: int
    accepts_until: int
    leaves: int
    refuses: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collector:
    """`registered`: whether it has the slot's ad, None where it does not say; `updated`: when it last heard of it."""

    host: str
    registered: bool | None
    master: bool = False
    updated: int = 0
    error: str = ""
    denied: bool = False


@dataclass(frozen=True)
class Ended:
    """A job that has ended here; `how` in words, and whether it was the pilot that could not run it."""

    id: str
    project: str
    when: int
    how: str
    failed: bool


@dataclass(frozen=True)
class Trouble:
    """The latest thing that went wrong."""

    when: int
    what: str


@dataclass(frozen=True)
class Pilot:
    """All of it; `why` explains a state in which there is no slot."""

    state: str
    pid: int
    uid: int
    name: str = ""
    why: str = ""
    booted: int = 0
    slot: Slot | None = None
    jobs: tuple[Job, ...] = ()
    collectors: tuple[Collector, ...] = ()
    token_expires: int | None = None
    last_job: Ended | None = None
    trouble: Trouble | None = None

    @property
    def registered(self) -> bool | None:
        """With any collector; None where not one of them says."""
        said = [one.registered for one in self.collectors]
        return True if True in said else False if False in said else None
