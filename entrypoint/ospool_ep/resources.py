"""CPUs and memory to offer: the smallest of all limits, and which one it was. Values in, values out."""

from dataclasses import dataclass

from ospool_ep import cgroups, slurm
from ospool_ep.cgroups import Limit, Reading
from ospool_ep.host import Host
from ospool_ep.problem import Exit, Problem, warning
from ospool_ep.settings import Settings

# The daemons and a starter for each job live inside the same limit as the jobs.
KEPT_MB = 100
# Less than this runs no job of the pool.
_FLOOR_MB = 256
_NUMBER_WIDTH = 7


@dataclass(frozen=True)
class Share:
    """What the partitionable slot gets of one resource (CPUs or MB), and where the number comes from."""

    amount: int
    source: str = ""

    @property
    def text(self) -> str:
        """For the report."""
        return f"{self.amount:<{_NUMBER_WIDTH}}{self.source}"


@dataclass(frozen=True)
class _Account:
    """The bounds of one resource, the host's own first; what may be offered, and what the variable asks for."""

    variable: str
    asked: int | None
    bounds: tuple[Limit, ...]
    allowed: int
    kept: int = 0

    @property
    def tightest(self) -> Limit:
        return _tightest(self.bounds)

    @property
    def arithmetic(self) -> str:
        return f"{self.tightest.source} minus {self.kept} MB kept for the pilot" if self.kept else self.tightest.source

    @property
    def as_asked(self) -> bool:
        return self.asked is not None and self.asked <= self.allowed

    @property
    def share(self) -> Share:
        return Share(max(0, min(self.asked or self.allowed, self.allowed)), _source(self))


def cpus(host: Host, quota: Reading, cpuset: Reading, settings: Settings) -> tuple[Share, tuple[Problem, ...]]:
    """At least one, whole ones only."""
    mask = Limit(host.affinity, f"affinity mask {host.affinity}")
    bounds = (Limit(host.cpus, "all of the host"), *quota.limits, *cpuset.limits, mask, *slurm.cpus(settings))
    account = _Account("NUM_CPUS", settings.num_cpus, bounds, max(1, int(_tightest(bounds).amount)))
    unseen = cgroups.unseen("cpu-limit-unseen", "CPU quota", "-e NUM_CPUS=N says what may be offered", quota)
    return account.share, (*_lowered(account), *_below_one(account.tightest), *unseen)


def memory(host: Host, limits: Reading, high: Reading, settings: Settings) -> tuple[Share, tuple[Problem, ...]]:
    """Where a limit decides, some of it is the pilot's own; a host that has no limit keeps nothing back."""
    seen = Limit(host.visible_mb or host.memory_mb, f"MemTotal {host.visible_mb} MB of /proc/meminfo")
    bounds = (Limit(host.memory_mb, "all of the host"), *limits.limits, seen, *slurm.memory(settings))
    kept = KEPT_MB if _tightest(bounds).amount < host.memory_mb else 0
    account = _Account("MEMORY", settings.memory_mb, bounds, int(_tightest(bounds).amount) - kept, kept)
    unseen = cgroups.unseen("memory-limit-unseen", "memory limit", "-e MEMORY=MB says what may be offered", limits)
    if account.allowed < _FLOOR_MB:
        return account.share, (*unseen, _too_little(account))
    return account.share, (*_lowered(account), *_slowed(account, high), *unseen)


def _tightest(bounds: tuple[Limit, ...]) -> Limit:
    return min(bounds, key=lambda bound: bound.amount)


def _source(account: _Account) -> str:
    """Who decided, and in brackets the host and every other number that is not the same again."""
    host, name = account.bounds[0], account.variable
    told = {host.amount} if account.as_asked else {host.amount, account.tightest.amount}
    texts = [f"host {host.amount:.0f}"] if account.as_asked or account.tightest is not host else []
    for bound in account.bounds:
        texts += [] if bound.amount in told or bound.amount > host.amount else [bound.source]
        told.add(bound.amount)
    if account.as_asked:
        return f"{name} ({', '.join(texts)})"
    texts.append(f"{name} not set" if account.asked is None else f"{name} {account.asked} lowered")
    return f"{account.arithmetic} ({', '.join(texts)})"


def _lowered(account: _Account) -> tuple[Problem, ...]:
    if account.asked is None or account.as_asked:
        return ()
    name, allowed, option = account.variable, account.allowed, account.tightest.option
    found = f"{name}={account.asked} is more than the {allowed} that can be offered: {account.arithmetic}"
    cure = f"-e {name}={allowed}, or leave {name} out"
    cure += f"; or raise the limit: {option.format(account.asked + account.kept)}" if option else ""
    return (warning("offer-lowered", found, f"the pilot offers {allowed}", cure),)


def _below_one(tightest: Limit) -> tuple[Problem, ...]:
    if tightest.amount >= 1:
        return ()
    why = "a job gets one CPU at least, and runs slower than its owner expects"
    cure = f"{tightest.option.format(1) or 'a higher CPU quota'}, or more"
    return (warning("cpus-below-one", tightest.source, why, cure),)


def _slowed(account: _Account, high: Reading) -> tuple[Problem, ...]:
    lowest, offered = min(high.limits, key=lambda limit: limit.amount, default=None), account.share.amount
    if lowest is None or lowest.amount >= min(offered + KEPT_MB, account.bounds[0].amount):
        return ()
    why = f"the kernel slows down everything above it, and the pilot offers {offered} MB"
    fits = int(lowest.amount) - KEPT_MB
    cure = (
        f"-e MEMORY={fits}, or a higher memory.high"
        if fits >= _FLOOR_MB
        else "a higher memory.high (systemd: MemoryHigh=)"
    )
    return (warning("memory-high", lowest.source, why, cure),)


def _too_little(account: _Account) -> Problem:
    found = f"{account.allowed} MB are left for jobs, {_FLOOR_MB} are needed: {account.arithmetic}"
    option = account.tightest.option.format(_FLOOR_MB + account.kept) or "a machine with more memory"
    cure = f"{option} at least; jobs of the OSPool ask for 1000 MB and more"
    return Problem("memory-too-little", found, "no job would match", cure, Exit.UNFIT)
