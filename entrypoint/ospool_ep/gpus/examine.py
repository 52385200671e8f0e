"""One examination of the GPUs: what the driver, CUDA and HTCondor say, and what of it was given to us."""

import dataclasses

from ospool_ep.concurrently import Running
from ospool_ep.gpus import agree, discovery, driver, grant, judge, opencl, seen
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.judge import without
from ospool_ep.gpus.opencl import OpenCL
from ospool_ep.gpus.present import Present
from ospool_ep.gpus.rows import rows
from ospool_ep.gpus.seen import Seen
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem
from ospool_ep.settings import Settings

_PATIENCE_S = 30.0
_UNSEEN = {
    "gpu-cuda": "CUDA cannot use it",
    "gpu-discovery-disagrees": "condor_gpu_discovery does not list it",
}


def examine(machine: Machine, settings: Settings, there: Present) -> tuple[Gpus, tuple[Problem, ...]]:
    """OpenCL's vendors beside NVIDIA's driver."""
    vendors = Running(lambda: opencl.ask(machine, there.vendors, there.directories))
    found, problems = _nvidia(machine, settings, there)
    answer = vendors.result(_PATIENCE_S)
    said = answer if isinstance(answer, OpenCL) else OpenCL(stuck=repr(answer))
    return dataclasses.replace(found, opencl=opencl.summary(said)), (*problems, *opencl.judge(said))


def _nvidia(machine: Machine, settings: Settings, there: Present) -> tuple[Gpus, tuple[Problem, ...]]:
    said = seen.ask(machine, there.directories) if there.worth_asking else Seen()
    grants = (grant.nvidia(settings.nvidia_visible), grant.cuda(settings.cuda_visible))
    given = tuple(grant.granted(one, said.devices) for one in grants if one)
    table = () if said.stuck or said.failed else rows(said, given)
    problems = judge.judge(there, said, settings.nvidia_visible, given, table)
    found = Gpus(table, said.driver, said.cuda, there.directories, note=_note(there, settings))
    if not table:
        return dataclasses.replace(found, comment="; ".join(one.found for one in problems)), problems
    if not found.offered:
        return found, problems
    found, differences = _agreed(machine, _with_libraries(machine, found, said), said)
    return found, (*problems, *differences)


def _note(there: Present, settings: Settings) -> str:
    if there.worth_asking:
        return "none can be used"
    return "none here" if grant.asks(settings.nvidia_visible) else ""


def _with_libraries(machine: Machine, found: Gpus, said: Seen) -> Gpus:
    one = driver.look(machine, said, found.directories)
    return dataclasses.replace(found, files=one.files, links=one.links, plain=one.plain, bound=one.bound)


def _agreed(machine: Machine, found: Gpus, said: Seen) -> tuple[Gpus, tuple[Problem, ...]]:
    """Only what CUDA and HTCondor see as well."""
    offered = found.offered
    used, theirs = agree.ask(machine, found, said)
    lost, problems = agree.judge(offered, used, theirs)
    for id, why in _UNSEEN.items():
        found = without(found, tuple(device for device in offered if lost.get(device.uuid) == id), id, why)
    return dataclasses.replace(found, inventory=discovery.inventory(theirs, found.offered, found.version)), problems
