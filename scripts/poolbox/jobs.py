"""Jobs of an ordinary user (osg) at the pool's access point."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from poolbox.pool import SUBMIT_DIR, Pool, PoolError

USER = "osg"


@dataclass(frozen=True)
class Job:
    """A submitted job: its cluster id and its directory at the access point."""

    cluster: int
    directory: str


@dataclass(frozen=True)
class JobResult:
    """How a job ended; `state` is done, held, removed or waiting (still in the queue at the time-out)."""

    state: str
    exit_code: int | None
    signal: int | None
    hold_reason: str
    hold_code: int | None
    stdout: str
    stderr: str
    events: tuple[str, ...]  # HTCondor's names in order: SUBMIT, EXECUTE, IMAGE_SIZE, JOB_TERMINATED ...


def new_directory(pool: Pool) -> str:
    """A new directory of the user's at the access point, to prepare a job in."""
    return pool.exec("mktemp", "-d", f"{SUBMIT_DIR}/job.XXXXXX", user=USER).stdout.strip()


def put_file(pool: Pool, path: str, text: str) -> None:
    """Write an executable text file at the access point as the user."""
    pool.exec("sh", "-c", 'cat > "$1" && chmod 0755 "$1"', "sh", path, user=USER, input=text)


def submit(pool: Pool, text: str, files: Mapping[str, str] | None = None, directory: str | None = None) -> Job:
    """Write `files` into `directory` (by default a new one) and submit a description from there.

    Output, error and log are chosen here, whatever the text says. EngineError with condor_submit's words.
    """
    where = directory or new_directory(pool)
    for name, content in (files or {}).items():
        put_file(pool, f"{where}/{name}", content)
    chosen = ("-a", "output=out", "-a", "error=err", "-a", "log=log")
    # `cd` rather than exec's own -w: old podmans lack it.
    script = 'cd "$1" && shift && exec condor_submit -terse "$@" -'
    said = pool.exec("sh", "-c", script, "sh", where, *chosen, user=USER, input=text).stdout
    first = said.strip().splitlines()[-1].split(".")[0]
    return Job(int(first), where)


def wait_for_job(pool: Pool, job: Job, timeout_s: float = 60) -> JobResult:
    """Wait until the job has ended or is on hold; after `timeout_s` the result's state is `waiting`."""
    watched = pool.python("watch_job.py", f"{job.directory}/log", str(timeout_s), user=USER, timeout=timeout_s + 30)
    if watched.returncode != 0:
        raise PoolError(f"cannot follow job {job.cluster}: {watched.stderr.strip()}")
    said = json.loads(watched.stdout)
    return JobResult(
        state=said["state"],
        exit_code=said["exit_code"],
        signal=said["signal"],
        hold_reason=said["hold_reason"],
        hold_code=said["hold_code"],
        stdout=read_file(pool, f"{job.directory}/out"),
        stderr=read_file(pool, f"{job.directory}/err"),
        events=tuple(said["events"]),
    )


def read_file(pool: Pool, path: str) -> str:
    """A text file at the access point; empty if there is none."""
    return pool.exec("cat", path, user=USER, check=False).stdout


def why_idle(pool: Pool, job: Job) -> str:
    """condor_q -better-analyze on the job: which clause of whom keeps it waiting."""
    return pool.exec("condor_q", "-better-analyze", str(job.cluster), check=False).stdout
