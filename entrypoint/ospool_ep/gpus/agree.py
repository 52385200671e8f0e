"""NVML, CUDA and HTCondor must see the same GPUs; what one of them does not see is not offered."""

import dataclasses
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ospool_ep import private
from ospool_ep.concurrently import concurrently
from ospool_ep.gpus import cuda, discovery, driver
from ospool_ep.gpus.cuda import Cuda
from ospool_ep.gpus.discovery import Discovered
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.seen import Device, Seen
from ospool_ep.machine import Machine, Result
from ospool_ep.problem import Problem

# Each has a time-out of its own.
_PATIENCE_S = 25.0


def ask(machine: Machine, found: Gpus, said: Seen) -> tuple[Cuda, Discovered]:
    """Both at once, for each starts all devices."""
    hindered = any(one.failed for one in said.devices)
    answers = concurrently(
        (lambda: cuda.ask(machine, found.directories), lambda: _discovered(machine, found, hindered)), _PATIENCE_S
    )
    first, second = answers
    theirs = second if isinstance(second, Discovered) else Discovered(frozenset(), Result(1, "", repr(second)))
    used = first if isinstance(first, Cuda) else Cuda(stuck=repr(first))
    return dataclasses.replace(used, partial=any(one.parent for one in said.devices)), theirs


def _discovered(machine: Machine, found: Gpus, hindered: bool) -> Discovered:
    """`hindered`: NVML complains of a GPU, which keeps HTCondor's program from listing any. Raises OSError."""
    with _place(machine) as place:
        environment = driver.link(place / "lib", found)
        if not hindered:
            return discovery.discover(machine, found.offered, environment)
        alone = discovery.without_nvml(place / "none", environment)
        return discovery.discover(machine, found.offered, alone)


@contextmanager
def _place(machine: Machine) -> Iterator[Path]:
    """For the moment; a later start removes what was left of that name."""
    place = (private.parent(machine) or machine.path("/tmp")) / f"ep-{os.urandom(4).hex()}"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def judge(devices: tuple[Device, ...], used: Cuda, theirs: Discovered) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """UUID to the id of the problem that keeps it from being offered; and the problems."""
    problems = cuda.judge(used, devices)
    lost = {device.uuid: "gpu-cuda" for device in devices if not cuda.usable(used, device)}
    left = tuple(device for device in devices if device.uuid not in lost)
    if not left:
        return lost, problems
    ids = theirs.ids if theirs.sound else frozenset[str]()
    lost |= {device.uuid: "gpu-discovery-disagrees" for device in left if device.id not in ids}
    ignored = frozenset(device.id for device in devices) - {device.id for device in left}
    return lost, (*problems, *discovery.judge(left, theirs, ignored))
