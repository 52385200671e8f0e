"""Facts about the machine itself, as far as a container sees them."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Host:
    """CPUs are logical ones. `visible_mb` is what /proc/meminfo says: less than the kernel's own word under lxcfs."""

    cpus: int
    affinity: int
    memory_mb: int
    visible_mb: int | None


def look() -> Host:
    """Ask the kernel; without a readable /proc/meminfo its own word stands alone."""
    import psutil  # takes 10 ms: here, beside the other checks, they cost no time

    return Host(
        cpus=psutil.cpu_count() or 1,
        affinity=len(os.sched_getaffinity(0)),
        memory_mb=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        visible_mb=_visible(psutil.virtual_memory),
    )


# What psutil raises where /proc is not as it expects.
_NOT_SHOWN = (OSError, RuntimeError, ValueError, LookupError)


def _visible(memory: Callable[[], Any]) -> int | None:
    try:
        return int(memory().total) >> 20
    except _NOT_SHOWN:
        return None
