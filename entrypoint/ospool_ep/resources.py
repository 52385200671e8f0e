"""What there is to offer. Cgroup limits, GPUs and Slurm allocations will be weighed here too."""

import os
from dataclasses import dataclass

from ospool_ep.problem import Problem, warning
from ospool_ep.settings import Settings


@dataclass(frozen=True)
class Host:
    """What this process may see: CPUs it may run on, physical memory."""

    cpus: int
    memory_mb: int


@dataclass(frozen=True)
class Offer:
    """What the partitionable slot gets, and where each number comes from."""

    cpus: int
    memory_mb: int
    source: str


def look() -> Host:
    """Read the affinity mask and the physical memory."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return Host(len(os.sched_getaffinity(0)), pages * size >> 20)


def decide(host: Host, settings: Settings) -> tuple[Offer, tuple[Problem, ...]]:
    """The smaller of what was asked for and what is there; never more than there is."""
    problems = (
        *_lowered("NUM_CPUS", settings.num_cpus, host.cpus, "CPUs this process may run on"),
        *_lowered("MEMORY", settings.memory_mb, host.memory_mb, "MB of the machine"),
    )
    cpus, memory_mb = (
        min(settings.num_cpus or host.cpus, host.cpus),
        min(settings.memory_mb or host.memory_mb, host.memory_mb),
    )
    asked = f"NUM_CPUS {settings.num_cpus or 'not set'}, MEMORY {settings.memory_mb or 'not set'}"
    return Offer(
        cpus, memory_mb, f"{cpus} CPUs, {memory_mb} MB (host {host.cpus} and {host.memory_mb}; {asked})"
    ), problems


def _lowered(name: str, asked: int | None, there: int, what: str) -> tuple[Problem, ...]:
    if asked is None or asked <= there:
        return ()
    found = f"{name}={asked} is more than the {there} {what}"
    return (warning("offer-lowered", found, f"the pilot offers {there}", f"-e {name}={there}, or leave {name} out"),)
