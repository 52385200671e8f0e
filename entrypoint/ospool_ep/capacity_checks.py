"""The checks of what there is to offer: CPUs, memory, processes, and how jobs are kept to their shares."""

from collections.abc import Callable

from ospool_ep import cgroups, delegation, host, process_limits, resources
from ospool_ep.account import Share
from ospool_ep.check import Check, Outcome
from ospool_ep.machine import Machine
from ospool_ep.report import Line
from ospool_ep.settings import Settings


def cpus(machine: Machine, settings: Settings) -> Check[Share]:
    """CPUs."""

    def look() -> Outcome[Share]:
        share, problems = resources.cpus(host.look(), cgroups.quota(machine), cgroups.cpuset(machine), settings)
        return Outcome(share, Line("CPUs", share.text, problems))

    return Check("CPUs", look, Share(0))


def memory(machine: Machine, settings: Settings) -> Check[Share]:
    """Memory."""

    def look() -> Outcome[Share]:
        limits, high = cgroups.memory(machine), cgroups.memory_high(machine)
        share, problems = resources.memory(host.look(), limits, high, settings)
        return Outcome(share, Line("Memory", share.text, problems))

    return Check("Memory", look, Share(0))


def limits(machine: Machine, cpus: Callable[[], int]) -> Check[process_limits.ProcessLimits]:
    """Processes, open files, shared memory; how many are enough depends on the CPUs."""

    def look() -> Outcome[process_limits.ProcessLimits]:
        groups = cgroups.processes(machine)
        found = process_limits.look(machine, groups)
        problems = process_limits.judge(found, cpus(), groups)
        return Outcome(found, Line("limits", process_limits.summary(found), problems))

    return Check("limits", look, process_limits.ProcessLimits())


def job_cgroups(machine: Machine) -> Check[delegation.Delegation]:
    """May jobs have cgroups of their own?"""

    def look() -> Outcome[delegation.Delegation]:
        found = delegation.look(machine)
        return Outcome(found, Line("job limits", found.text))

    return Check("job limits", look, delegation.Delegation(None, "not known"))
