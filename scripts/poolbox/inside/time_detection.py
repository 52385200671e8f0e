"""Runs in a pilot's container: how long it takes to find out what there is to offer. Arguments: ROUNDS.

Prints milliseconds: the first round, with nothing cached, and the median of all. Imports are not in them.
"""

import statistics
import sys
import time

import psutil  # noqa: F401 - the boot imports it beside the other checks

from ospool_ep import cgroups, host, process_limits, resources
from ospool_ep.machine import Machine
from ospool_ep.settings import Settings


def detect() -> None:
    machine, settings = Machine(), Settings()
    groups = cgroups.processes(machine)
    cpus, _ = resources.cpus(host.look(), cgroups.quota(machine), cgroups.cpuset(machine), settings)
    resources.memory(host.look(), cgroups.memory(machine), cgroups.memory_high(machine), settings)
    process_limits.judge(process_limits.look(machine, groups), cpus.amount, groups)


def timed() -> float:
    begin = time.perf_counter()
    detect()
    return (time.perf_counter() - begin) * 1e3


rounds = [timed() for _ in range(int(sys.argv[1]))]
print(f"{rounds[0]:.2f} {statistics.median(rounds):.2f}")
