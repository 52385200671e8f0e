"""CPUs and memory to offer: the smallest of all limits, and which one it was. Values in, values out."""

from ospool_ep import cgroups, slurm
from ospool_ep.account import Account, Share, lowered, tightest
from ospool_ep.cgroups import Limit, Reading
from ospool_ep.host import Host
from ospool_ep.problem import Exit, Problem, warning
from ospool_ep.settings import Settings

# The daemons and a starter for each job live inside the same limit as the jobs.
KEPT_MB = 100
# Less than this runs no job of the pool.
_FLOOR_MB = 256


def cpus(host: Host, quota: Reading, cpuset: Reading, settings: Settings) -> tuple[Share, tuple[Problem, ...]]:
    """At least one, whole ones only."""
    mask = Limit(host.affinity, f"affinity mask {host.affinity}")
    bounds = (Limit(host.cpus, "all of the host"), *quota.limits, *cpuset.limits, mask, *slurm.cpus(settings))
    refused = "NUM_CPUS" in settings.refused
    account = Account("NUM_CPUS", settings.num_cpus, refused, bounds, max(1, int(tightest(bounds).amount)))
    cure = "-e NUM_CPUS=N says what may be offered"
    unseen = () if account.as_asked else cgroups.unseen("cpu-limit-unseen", "CPU quota", cure, quota)
    return account.share, (*lowered(account), *_below_one(account.tightest), *unseen)


def memory(host: Host, limits: Reading, high: Reading, settings: Settings) -> tuple[Share, tuple[Problem, ...]]:
    """Where a limit decides, some of it is the pilot's own; a host that has no limit keeps nothing back."""
    seen = Limit(host.visible_mb or host.memory_mb, f"MemTotal {host.visible_mb} MB of /proc/meminfo")
    bounds = (Limit(host.memory_mb, "all of the host"), *limits.limits, seen, *slurm.memory(settings))
    kept = KEPT_MB if tightest(bounds).amount < host.memory_mb else 0
    refused, allowed = "MEMORY" in settings.refused, int(tightest(bounds).amount) - kept
    account = Account("MEMORY", settings.memory_mb, refused, bounds, allowed, kept)
    cure = "-e MEMORY=MB says what may be offered"
    unseen = () if account.as_asked else cgroups.unseen("memory-limit-unseen", "memory limit", cure, limits)
    if allowed < _FLOOR_MB:
        return account.share, (*unseen, _too_little(account))
    return account.share, (*lowered(account), *_slowed(account, high), *unseen)


def _below_one(decides: Limit) -> tuple[Problem, ...]:
    if decides.amount >= 1:
        return ()
    why = "a job gets one CPU at least, and runs slower than its owner expects"
    cure = f"{decides.option.format(1) or 'a higher CPU quota'}, or more"
    return (warning("cpus-below-one", decides.source, why, cure),)


def _slowed(account: Account, high: Reading) -> tuple[Problem, ...]:
    lowest, offered = min(high.limits, key=lambda limit: limit.amount, default=None), account.share.amount
    if lowest is None or lowest.amount >= min(offered + KEPT_MB, account.bounds[0].amount):
        return ()
    why = f"the kernel slows down everything above it, and the pilot offers {offered} MB"
    fits, higher = int(lowest.amount) - KEPT_MB, "a higher memory.high (systemd: MemoryHigh=)"
    cure = f"-e MEMORY={fits}, or {higher}" if fits >= _FLOOR_MB else higher
    return (warning("memory-high", lowest.source, why, cure),)


def _too_little(account: Account) -> Problem:
    found = f"{max(0, account.allowed)} MB are left for jobs, {_FLOOR_MB} are needed: {account.arithmetic}"
    option = account.tightest.option.format(_FLOOR_MB + account.kept) or "a machine with more memory"
    cure = f"{option} at least; jobs of the OSPool ask for 1000 MB and more"
    return Problem("memory-too-little", found, "no job would match", cure, Exit.UNFIT)
