"""What the cgroups around this process allow: CPU quota, CPU set, memory, processes.

A limit of any cgroup around ours binds us too; those outside of the container's view are not seen, but for version 1's
memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ospool_ep import cgroup_files, cgroup_paths
from ospool_ep.cgroup_files import Parse, Read
from ospool_ep.cgroup_paths import Chain, Level
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem, warning


@dataclass(frozen=True)
class Limit:
    """An upper bound (CPUs, MB or processes), who sets it, and the option that raises it (`{}`: to how much)."""

    amount: float
    source: str
    option: str = ""


@dataclass(frozen=True)
class Reading:
    """All limits that were found, and what could not be read."""

    limits: tuple[Limit, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kind:
    """A kind of limit: its controller, the files by version, how a person reads it (amount, whose)."""

    controller: str
    parse: Mapping[int, Parse]
    text: str
    option: str = ""


_QUOTA = _Kind("cpu", cgroup_files.QUOTA, "cpu quota {:.5} of {}", "docker run --cpus={}")
_CPUSET = _Kind("cpuset", cgroup_files.CPUSET, "cpuset {:.0f}", "docker run --cpuset-cpus=... with {} CPUs")
_MEMORY = _Kind("memory", cgroup_files.MEMORY, "memory limit {:.0f} MB of {}", "docker run --memory={}m")
_AROUND = _Kind("memory", cgroup_files.MEMORY_AROUND, "memory limit {:.0f} MB of a cgroup outside of this container")
_HIGH = _Kind("memory", cgroup_files.MEMORY_HIGH, "memory.high {:.0f} MB of {}")
_PIDS = _Kind("pids", cgroup_files.PROCESSES, "pids.max {:.0f} of {}", "docker run --pids-limit={}")


def quota(machine: Machine) -> Reading:
    """CPU time per time, in CPUs."""
    return _read(machine, _QUOTA)


def cpuset(machine: Machine) -> Reading:
    """How many CPUs the set of our cgroup has. No doubts: the affinity mask says the same."""
    return Reading(_read(machine, _CPUSET).limits[:1])


def memory(machine: Machine) -> Reading:
    """Limits in MB above which the kernel kills."""
    chain = cgroup_paths.find(machine, _MEMORY.controller)
    seen = _along(machine, chain, _MEMORY)
    smallest = min((limit.amount for limit in seen.limits), default=float("inf"))
    around = min(_along(machine, chain, _AROUND).limits, key=lambda limit: limit.amount, default=None)
    hidden = () if around is None or around.amount >= smallest else (around,)
    return Reading((*seen.limits, *hidden), seen.doubts)


def memory_high(machine: Machine) -> Reading:
    """Limits in MB above which the kernel slows down; version 2 only. No doubts: `memory` has them."""
    return Reading(_read(machine, _HIGH).limits)


def processes(machine: Machine) -> Reading:
    """Limits of the number of processes and threads."""
    return _read(machine, _PIDS)


def unseen(id: str, what: str, cure: str, reading: Reading) -> tuple[Problem, ...]:
    """What could not be read, and what is assumed in its place."""
    if not reading.doubts:
        return ()
    assumed = "the limits that were found are all" if reading.limits else "there is none"
    why = f"assumed: {assumed}; if that is wrong, jobs are slowed down or killed"
    return (warning(id, f"the {what} cannot be read", why, cure, "\n".join(reading.doubts)),)


def _read(machine: Machine, kind: _Kind) -> Reading:
    return _along(machine, cgroup_paths.find(machine, kind.controller), kind)


def _along(machine: Machine, chain: Chain, kind: _Kind) -> Reading:
    """One parser at every level. A file that no level has is a doubt, unless we look at the machine's root."""
    limits: list[Limit] = []
    doubts = [chain.doubt] if chain.doubt else []
    missing, seen = "", False
    for level in chain.levels:
        try:
            amount = kind.parse[chain.version](_reader(machine, level))
        except FileNotFoundError as error:
            gone = not machine.path(level.directory).is_dir()
            doubts += [f"{level.directory} is missing"] if gone else []
            missing = missing or f"{error.filename} is missing"
            seen = seen or _is_root(machine, level, chain.version)
        except (OSError, ValueError) as error:
            doubts.append(_said(error, level))
        else:
            seen = True
            # What sets the limit of an outer cgroup, we cannot know
            option = kind.option if level is chain.levels[0] and not chain.doubt else ""
            limits += [] if amount is None else [Limit(amount, kind.text.format(amount, level.name), option)]
    return Reading(tuple(limits), tuple(doubts) if doubts or seen or not missing else (missing,))


def _reader(machine: Machine, level: Level) -> Read:
    def read(name: str) -> str:
        path = f"{level.directory}/{name}"
        try:
            return machine.text(path).strip()
        except OSError as error:
            raise type(error)(error.errno, error.strerror, path) from None

    return read


def _said(error: OSError | ValueError, level: Level) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else f"{level.directory}/{error}"


def _is_root(machine: Machine, level: Level, version: int) -> bool:
    """The machine's own root cgroup has no limits, and some of the files for them are not there."""
    directory = machine.path(level.directory)
    if version == 1:
        return (directory / "release_agent").exists()
    return (directory / "cgroup.procs").exists() and not (directory / "cgroup.type").exists()
