"""A job's container with --nv: do the driver's libraries open in it, and the devices?"""

import dataclasses
import os
from pathlib import Path

from ospool_ep.containers import command, probe
from ospool_ep.containers.verdict import Ability
from ospool_ep.gpus import look
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.judge import without
from ospool_ep.gpus.present import CUDA, NVML
from ospool_ep.gpus.seen import Device, Seen, understood
from ospool_ep.machine import Machine, Result
from ospool_ep.problem import Problem, warning
from ospool_ep.scratch import PATH

# The image has neither loader nor Python: it borrows ours, and so a second way to the libraries, which does not count.
_BORROWED = (("/usr", "/usr"), ("/usr/lib", "/lib"), ("/usr/lib64", "/lib64"))
_LIBRARIES = "/.singularity.d/libs/"
_PROGRAM = ("/usr/bin/python3", "-I", "-S", str(Path(look.__file__)), look.INSIDE)
_TIMEOUT_S = 15.0


def run(machine: Machine, parent: str, able: Ability, binds: tuple[str, ...], bound: tuple[str, ...]) -> Result:
    """A container as a job gets it, with a scratch directory below `parent`."""
    borrowed = tuple(f"{ours}:{there}:ro" for ours, there in _BORROWED if machine.path(ours).is_dir())
    try:
        with probe.workplace(machine, parent) as work:
            flags = command.like_a_job(work, (*binds, *borrowed), able.pid_namespaces, silent=False)
            words = (*flags, "--nv", f"{command.IMAGES}/tiny", *_PROGRAM)
            return machine.run(words, _TIMEOUT_S, probe.places(work) | command.with_libraries(bound))
    except OSError as error:
        return Result(1, "", f"no directory for a test can be made: {os.strerror(error.errno or 0)}")


def tested(machine: Machine, found: Gpus, able: Ability, binds: tuple[str, ...]) -> tuple[Gpus, tuple[Problem, ...]]:
    """Where GPUs cannot be used in a job's container they are not offered: jobs run in containers here."""
    problems = judge(run(machine, PATH, able, binds, found.bound), found.offered)
    if problems:
        found = without(found, found.offered, problems[0].id, "not usable in a job's container")
    return dataclasses.replace(found, contained=True), problems


def judge(result: Result, devices: tuple[Device, ...]) -> tuple[Problem, ...]:
    """`devices`: what would be offered."""
    wrong = missing(understood(result.stdout), devices)
    if result.status == 0 and not wrong:
        return ()
    found = "; ".join(wrong) or f"Apptainer's --nv does not work: it ended with status {result.status}"
    cure = "start this container with NVIDIA's runtime, NVIDIA_DRIVER_CAPABILITIES=compute,utility, and the devices "\
        "/dev/nvidia* (docker run --gpus all)"  # fmt: skip
    why = "jobs run in containers here, and would find no GPU there: none is offered"
    return (warning("gpu-job-container", f"in a job's container: {found}", why, cure, result.stderr.strip()[-600:]),)


def missing(seen: Seen, devices: tuple[Device, ...]) -> tuple[str, ...]:
    """What a job would miss. Programs look in Apptainer's directory, for their images have no driver."""
    told = [f"{name} cannot be opened" for name in (NVML, CUDA) if not seen.library(name).path.startswith(_LIBRARIES)]
    told += [f"{node} cannot be opened ({error})" for node, error in dict.fromkeys(map(seen.closed, devices)) if error]
    return tuple(dict.fromkeys(told))
