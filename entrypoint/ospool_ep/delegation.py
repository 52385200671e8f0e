"""A cgroup of our own to divide among jobs: the kernel then keeps each within its memory (version 2, no root needed).

HTCondor makes a cgroup for each job beside that of its daemons. The kernel hands controllers down only from a cgroup
that has no processes of its own, so the pilot moves down into a leaf first. Sources: cgroup-v2.rst ("No Internal
Process Constraint"), HTCondor's vanilla_proc.cpp and proc_family_direct_cgroup_v2.cpp.
"""

import errno
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ospool_ep import cgroup_paths
from ospool_ep.machine import Machine

# HTCondor looks nowhere else.
_MOUNT = "/sys/fs/cgroup"
_LEAF = "ospool-ep"
BASE = "htcondor"  # the jobs' cgroups are in it
_NEEDED = ("memory", "pids")
_WELCOME = ("cpu", "io")
_WAITS_S = (0.01, 0.05, 0.2, 0.5)


@dataclass(frozen=True)
class Delegation:
    """`directory` is the cgroup that we may divide; None where there is none, and why."""

    directory: str | None
    why_not: str = ""

    @property
    def text(self) -> str:
        """For the report."""
        if self.directory:
            return "each job is to have a cgroup of its own: the kernel keeps it within its memory"
        return f"jobs are measured every few seconds; they have no cgroups of their own: {self.why_not}"


def look(machine: Machine) -> Delegation:
    """Could we? Nothing is changed."""
    chain = cgroup_paths.find(machine, "memory")
    if chain.version == 1:
        return Delegation(None, "cgroup version 1")
    if chain.doubt or not chain.levels:
        return Delegation(None, "our own is not shown")
    own = chain.levels[0].directory
    if own != _MOUNT and not own.startswith(f"{_MOUNT}/"):
        return Delegation(None, f"not mounted on {_MOUNT}")
    return _judge(machine, own)


def _judge(machine: Machine, own: str) -> Delegation:
    directory = machine.path(own)
    if not (directory / "cgroup.type").exists():
        return Delegation(None, "we are in the machine's own root cgroup")
    files = (directory, directory / "cgroup.procs", directory / "cgroup.subtree_control")
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        return Delegation(None, f"{own} is read-only")
    if not all(os.access(file, os.W_OK, effective_ids=True) for file in files):
        return Delegation(None, f"{own} is not ours to write to")
    try:
        given = machine.text(f"{own}/cgroup.controllers").split()
    except OSError as error:
        return Delegation(None, f"cgroup.controllers: {error.strerror}")
    lacking = [name for name in _NEEDED if name not in given]
    return Delegation(None, f"no {' and '.join(lacking)} controller") if lacking else Delegation(own)


def enter(machine: Machine, delegation: Delegation) -> str:
    """Make room for the jobs' cgroups: empty on success, else why it did not work (the pilot does without)."""
    if delegation.directory is None:
        return delegation.why_not
    own = machine.path(delegation.directory)
    try:
        if delegation.directory != _MOUNT and _processes(own) != [str(machine.pid)]:
            return f"{delegation.directory} has other processes, and it is not a container's"
        (own / _LEAF).mkdir(exist_ok=True)
        _empty(own)
        for name in _WELCOME:
            with suppress(OSError):
                _hand_down(own, (name,))
        _rehearse(own)
    except OSError as error:
        return f"{error.filename or own}: {error.strerror}"
    return ""


def _rehearse(own: Path) -> None:
    """What HTCondor will do for a job. Were it to fail then, the job would run without any limit, and unmeasured."""
    (own / BASE).mkdir(exist_ok=True)
    _hand_down(own / BASE, _NEEDED)
    job = own / BASE / "rehearsal.slice"
    try:
        (job / "rehearsal.scope").mkdir(parents=True, exist_ok=True)
        (job / "memory.max").write_text("max")
    finally:
        for directory in (job / "rehearsal.scope", job):
            with suppress(OSError):
                directory.rmdir()


def _empty(own: Path) -> None:
    """All processes move down, ours and a runtime's init. A thread of ours that is just ending does not, and keeps
    the cgroup busy for a moment.
    """
    for wait in (*_WAITS_S, None):
        for pid in _processes(own):
            with suppress(ProcessLookupError):
                (own / _LEAF / "cgroup.procs").write_text(pid)
        try:
            _hand_down(own, _NEEDED)
            break
        except OSError as error:
            if error.errno != errno.EBUSY or wait is None:
                raise
            time.sleep(wait)


def _processes(own: Path) -> list[str]:
    """0 is a process outside of this container: it cannot be moved from here."""
    return [pid for pid in (own / "cgroup.procs").read_text().split() if pid != "0"]


def _hand_down(own: Path, controllers: tuple[str, ...]) -> None:
    (own / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
