"""Run the tests: Apptainer is asked for what a job will ask for. Nothing is judged here."""

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ospool_ep.concurrently import concurrently
from ospool_ep.containers import command
from ospool_ep.machine import TIMED_OUT, Machine, Result

# Healthy tests take a tenth of a second each; a machine that swaps takes longer.
TIMEOUT_S = 20.0
# What Apptainer says before it unpacks an image instead of mounting it.
UNPACKED = "Converting SIF file to temporary sandbox"
# An exit status that no failure of Apptainer or of the loader has: it must come through unchanged.
EXPECTED = 37
# No image has this path: it takes an overlay or underlay to bind something there.
_MISSING = "/ospool-ep/not/in/any/image"
# A job writes into its scratch directory, and runs what is in it.
_INSIDE = (
    f"cd {command.INSIDE} && [ $HOME = $PWD ] && printf '#!/bin/sh\\nexit {EXPECTED}\\n' >run && chmod 0755 run"
    f" && [ -x {_MISSING}/run ] && exec {command.INSIDE}/run"
)
# What a PID namespace takes first: where /proc is masked this says so in 4 ms, and a .sif run in a second.
_PROC_MOUNT = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "true")
# Nothing that works in such a directory takes as long.
_ABANDONED_S = 600
_ELSEWHERE = "/tmp"
NOT_ASKED = Result(0, "", "")


@dataclass(frozen=True)
class Seen:
    """How the tests ended. `pid` is false where containers were run without a PID namespace in the end;
    `with_pid` is then the failure that led there (status 0: nobody asked for one).
    """

    version: Result
    directory: Result
    sif: Result
    pid: bool
    with_pid: Result = NOT_ASKED

    @property
    def wanted_pid(self) -> bool:
        """Whether containers were to have a PID namespace."""
        return self.pid or self.with_pid is not NOT_ASKED


@dataclass(frozen=True)
class Start:
    """An image, and what Apptainer needs for it in its environment: proxies and cache for one of a registry."""

    image: str
    environment: dict[str, str] = field(default_factory=dict)
    patience_s: float = TIMEOUT_S


def passed(result: Result) -> bool:
    """The command inside has run and its exit status came through; no image had to be unpacked for it."""
    return result.status == EXPECTED and UNPACKED not in result.stderr


def run(machine: Machine, parent: str, binds: tuple[str, ...], pid_namespaces: bool, known: str = "") -> Seen:
    """Everything, in a scratch directory below `parent` that is gone afterwards.

    `pid_namespaces` false: the site does not want them. `known`: the version, where it need not be asked for.
    Raises OSError where there is no room for a directory.
    """
    with workplace(machine, parent) as work:
        proc = machine.run(_PROC_MOUNT, TIMEOUT_S) if pid_namespaces else Result(1, "", "")
        pid = proc.status == 0
        version = Result(0, known, "") if known else None
        version, directory, sif = _side_by_side(machine, work, binds, pid, version)
        if pid and not passed(directory) and directory.status != TIMED_OUT:
            # Seccomp can allow unshare and forbid clone, which Apptainer uses.
            _, again, sif = _side_by_side(machine, work, binds, False, version)
            return Seen(version, again, sif, False, directory)
        return Seen(version, directory, sif, pid, proc if pid_namespaces and not pid else NOT_ASKED)


def control(machine: Machine, parent: str, binds: tuple[str, ...], pid_namespaces: bool) -> tuple[Result, Result]:
    """The image's own directory and .sif file where a job's did not start: whose fault was it? Raises OSError."""
    with workplace(machine, parent) as work:
        return _side_by_side(machine, work, binds, pid_namespaces, NOT_ASKED)[1:]


def starts(machine: Machine, parent: str, binds: tuple[str, ...], pid_namespaces: bool, start: Start) -> bool:
    """Whether an image, which may have nothing that can be called, is started at all. It is not where there is no
    room for a directory.
    """
    try:
        with workplace(machine, parent) as work:
            flags = command.like_a_job(work, (*binds, command.TRUE_BIND), pid_namespaces)
            environment = places(work) | start.environment | {"APPTAINER_TMPDIR": work}
            return machine.run((*flags, start.image, command.TRUE), start.patience_s, environment).status == 0
    except OSError:
        return False


def places(work: str) -> dict[str, str]:
    """Apptainer makes a directory in its user's home, wherever that is."""
    return {"HOME": work, "APPTAINER_CONFIGDIR": f"{work}/.config"}


def _side_by_side(
    machine: Machine, work: str, binds: tuple[str, ...], pid: bool, known: Result | None
) -> tuple[Result, Result, Result]:
    """The version, unless it is known, a directory and a .sif file."""

    def version() -> Result:
        return known or machine.run((command.BINARY, "--version"), TIMEOUT_S, places(work))

    def directory() -> Result:
        return _exec(machine, work, binds, pid, "tiny")

    def sif() -> Result:
        return _exec(machine, work, binds, pid, "tiny.sif")

    first, second, third = (_result(found) for found in concurrently((version, directory, sif), 2 * TIMEOUT_S))
    return first, second, third


def _result(answer: Result | BaseException) -> Result:
    return Result(1, "", repr(answer)) if isinstance(answer, BaseException) else answer


def _exec(machine: Machine, work: str, binds: tuple[str, ...], pid: bool, image: str) -> Result:
    flags = command.like_a_job(work, (*binds, f"{work}:{_MISSING}"), pid, silent=not image.endswith(".sif"))
    return machine.run((*flags, f"{command.IMAGES}/{image}", "/bin/sh", "-c", _INSIDE), TIMEOUT_S, places(work))


def tidy(parent: Path) -> None:
    """Remove what tests left behind that were killed."""
    for path in parent.glob("ep-????????"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def workplace(machine: Machine, parent: str) -> Iterator[str]:
    """A directory like a job's. Its name is that of a pilot's, so that a later start removes one that was left."""
    there = machine.path(parent)
    # Where it cannot be used at all its own check says so; containers are another matter.
    usable = os.access(there, os.W_OK | os.X_OK) and there.is_dir()
    path = (there if usable else machine.path(_ELSEWHERE)) / f"ep-{os.urandom(4).hex()}"
    path.mkdir(mode=0o700)
    try:
        yield str(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)
