"""The files of a cgroup as numbers; None where there is no limit. Versions 1 and 2.

Sources: the kernel's Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, scheduler/sched-bwc.rst. A reader
gets the name of a file and returns its text without blanks around it, or raises OSError. What a file should not say is
a ValueError with its name.
"""

import re
from collections.abc import Callable, Mapping

from ospool_ep.problem import shorten

Read = Callable[[str], str]
Parse = Callable[[Read], float | None]

# Version 1 writes "no limit" as a number near 2^63, rounded to pages.
_NO_LIMIT = 1 << 60


def _parser(parse: Callable[[str], float | None], *names: str) -> Parse:
    """Reads the first of the files that exists."""

    def first(read: Read) -> float | None:
        for name in names[:-1]:
            try:
                return _parsed(read(name), parse, name)
            except FileNotFoundError:
                continue
        return _parsed(read(names[-1]), parse, names[-1])

    return first


def _parsed(text: str, parse: Callable[[str], float | None], name: str) -> float | None:
    try:
        return parse(text)
    except ValueError:
        raise ValueError(f"{name} says {shorten(text)!r}") from None


def _whole(text: str) -> int:
    """int() takes more than the kernel writes: -5, 1_0, numbers that no float holds."""
    if not re.fullmatch(r"[0-9]{1,19}", text):
        raise ValueError
    return int(text)


def _number(text: str) -> float | None:
    return None if text == "max" or _whole(text) >= _NO_LIMIT else _whole(text)


def _megabytes(text: str) -> float | None:
    limit = _number(text)
    return None if limit is None else int(limit) >> 20


def _cpus(text: str) -> float | None:
    """`0-3,8` are five CPUs; empty is a group that never got its set."""
    spans = [span.split("-", 1) for span in text.split(",") if span]
    counts = [_whole(span[-1]) - _whole(span[0]) + 1 for span in spans]
    if any(count < 1 for count in counts):
        raise ValueError
    return sum(counts) or None


def _positive(text: str) -> int:
    if not _whole(text):
        raise ValueError
    return int(text)


def _share(quota: str, period: int) -> float | None:
    return None if quota in ("max", "-1") else _positive(quota) / period


def _quota_v1(read: Read) -> float | None:
    period = _parsed(read("cpu.cfs_period_us"), _positive, "cpu.cfs_period_us")
    return _parsed(read("cpu.cfs_quota_us"), lambda quota: _share(quota, int(period or 1)), "cpu.cfs_quota_us")


def _quota_v2(text: str) -> float | None:
    quota, period = text.split()
    return _share(quota, _positive(period))


def _hierarchy(text: str) -> float | None:
    found = re.search(r"^hierarchical_memory_limit (.*)$", text, re.MULTILINE)
    return _megabytes(found[1]) if found else None


def _none(_: Read) -> float | None:
    """This version has no such file."""
    return None


# By version. CPUs:
QUOTA: Mapping[int, Parse] = {1: _quota_v1, 2: _parser(_quota_v2, "cpu.max")}
CPUSET: Mapping[int, Parse] = {
    1: _parser(_cpus, "cpuset.effective_cpus", "cpuset.cpus"),
    2: _parser(_cpus, "cpuset.cpus.effective"),
}
# MB (2^20 bytes), rounded down:
MEMORY: Mapping[int, Parse] = {1: _parser(_megabytes, "memory.limit_in_bytes"), 2: _parser(_megabytes, "memory.max")}
MEMORY_HIGH: Mapping[int, Parse] = {1: _none, 2: _parser(_megabytes, "memory.high")}
# The smallest limit of all cgroups around, also of those that nobody shows us; version 2 has no such file.
MEMORY_AROUND: Mapping[int, Parse] = {1: _parser(_hierarchy, "memory.stat"), 2: _none}
# Processes and threads:
PROCESSES: Mapping[int, Parse] = {1: _parser(_number, "pids.max"), 2: _parser(_number, "pids.max")}
