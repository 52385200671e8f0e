"""What a process here may have of other things: processes, open files, shared memory."""

import os
import resource
from dataclasses import dataclass

from ospool_ep import cgroups
from ospool_ep.cgroups import Limit, Reading
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, warning

_SHM = "/dev/shm"
_PROCESSES_PER_CPU = 256
# The daemons, a starter, and one job in Apptainer with the threads of its helpers.
_PROCESSES_LEAST = 32
_FILES = 4096
# The boot itself asks many questions at once; a .sif file takes more.
_FILES_LEAST = 64
_SHM_MB = 64


@dataclass(frozen=True)
class ProcessLimits:
    """The smallest limits found, None for none; shared memory in all and still free."""

    processes: Limit | None = None
    files: int | None = None
    shm_mb: int = 0
    shm_free_kb: int = 0


def look(machine: Machine, groups: Reading) -> ProcessLimits:
    """`groups`: what the cgroups say about processes."""
    own = _soft(resource.RLIMIT_NPROC)
    bounds = (*groups.limits, *(() if own is None else (Limit(own, f"ulimit -u {own}"),)))
    total_mb, free_kb = _shared_memory(machine)
    smallest = min(bounds, key=lambda bound: bound.amount, default=None)
    return ProcessLimits(smallest, _soft(resource.RLIMIT_NOFILE), total_mb, free_kb)


def _soft(kind: int) -> int | None:
    """What a job gets without asking for more."""
    soft, _ = resource.getrlimit(kind)
    return None if soft == resource.RLIM_INFINITY else soft


def _shared_memory(machine: Machine) -> tuple[int, int]:
    try:
        volume = os.statvfs(machine.path(_SHM))
    except OSError:
        return 0, 0
    return volume.f_blocks * volume.f_frsize >> 20, volume.f_bavail * volume.f_frsize >> 10


def summary(limits: ProcessLimits) -> str:
    """For the report."""
    processes = f"processes: {limits.processes.source}" if limits.processes else "no limit of processes"
    files = "no limit of open files" if limits.files is None else f"{limits.files} open files"
    return f"{processes}, {files}, {limits.shm_mb} MB shared memory"


def judge(limits: ProcessLimits, cpus: int, groups: Reading) -> tuple[Problem, ...]:
    """Too little of these breaks some jobs: a warning. Hardly any processes stop the pilot itself."""
    problems = (_processes(limits, cpus), _files(limits), _shm(limits))
    cure = "show it to the pilot: docker run --cgroupns=host -v /sys/fs/cgroup:/sys/fs/cgroup:ro"
    unseen = cgroups.unseen("processes-limit-unseen", "limit of processes", cure, groups)
    return (*(problem for problem in problems if problem), *unseen)


def _processes(limits: ProcessLimits, cpus: int) -> Problem | None:
    need = _PROCESSES_PER_CPU * cpus
    if limits.processes is None or limits.processes.amount >= need:
        return None
    option = f"--pids-limit={need}" if "pids" in limits.processes.source else f"--ulimit nproc={need}:{need}"
    if limits.processes.amount < _PROCESSES_LEAST:
        found = f"{limits.processes.source}: HTCondor and one job in Apptainer need {_PROCESSES_LEAST}"
        cure = f"docker run {option}, or more"
        return Problem("processes-too-few", found, "the pilot or its jobs could not start", cure, Exit.UNFIT)
    found = f"{limits.processes.source}: fewer than {_PROCESSES_PER_CPU} processes and threads for each of {cpus} CPUs"
    return warning("processes-few", found, "jobs with many threads fail to start them", f"docker run {option}, or more")


def _files(limits: ProcessLimits) -> Problem | None:
    if limits.files is None or limits.files >= _FILES:
        return None
    cure = f"docker run --ulimit nofile={_FILES}:{_FILES}, or more"
    if limits.files < _FILES_LEAST:
        found = f"a process may open {limits.files} files: the pilot and a job in Apptainer need {_FILES_LEAST}"
        return Problem("files-too-few", found, "the pilot or its jobs could not start", cure, Exit.UNFIT)
    return warning("files-few", f"a process may open {limits.files} files", "jobs that open more fail", cure)


def _shm(limits: ProcessLimits) -> Problem | None:
    if limits.shm_mb >= _SHM_MB:
        return None
    found = f"{_SHM} has {limits.shm_mb} MB"
    why = "parallel programs and machine learning frameworks share data there, and die where it is full"
    return warning("shm-small", found, why, f"docker run --shm-size={_SHM_MB}m, or more")
