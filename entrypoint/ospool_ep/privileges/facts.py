"""What is known of this container's privileges: from checks that have run, and from a few files of the kernel's."""

import os
import re
from contextlib import suppress
from dataclasses import dataclass, field

from ospool_ep.containers import surroundings
from ospool_ep.containers.surroundings import Surroundings
from ospool_ep.cvmfs.record import MOUNTED
from ospool_ep.delegation import Delegation
from ospool_ep.gpus.found import Gpus, summary
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan
from ospool_ep.problem import Problem
from ospool_ep.runtime import Runtime

# capability.h; those that matter to a pilot, or to who gives them.
CAPABILITIES = {
    "CHOWN": 0, "DAC_OVERRIDE": 1, "KILL": 5, "SETGID": 6, "SETUID": 7, "NET_ADMIN": 12, "NET_RAW": 13,
    "SYS_MODULE": 16, "SYS_RAWIO": 17, "SYS_CHROOT": 18, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_RESOURCE": 24,
    "MKNOD": 27,
}  # fmt: skip
# A directory of the image's: cvmfsexec makes a root of its own, with this one in it.
_OF_IMAGE = "/usr"


@dataclass(frozen=True)
class Status:
    """Of /proc/self/status: masks of capabilities, no_new_privs, seccomp's mode (0 off, 1 strict, 2 filter).

    None where the kernel does not say.
    """

    effective: int | None = None
    bounding: int | None = None
    no_new_privileges: bool | None = None
    seccomp: int | None = None


@dataclass(frozen=True)
class Facts:
    """`containers`, `pid_namespaces` and `sif`: what Apptainer was seen to run; `errors`: what it said else, by id.

    `nested`: we are in a user namespace of our own (cvmfsexec's), which says nothing of the container's capabilities.
    """

    runtime: Runtime = field(default_factory=Runtime)
    status: Status = field(default_factory=Status)
    apparmor: str = ""
    read_only: bool = False
    nested: bool = False
    around: Surroundings = field(default_factory=Surroundings)
    containers: bool = False
    pid_namespaces: bool = False
    pid_wanted: bool = True
    sif: bool = False
    errors: tuple[tuple[str, str], ...] = ()
    delegation: Delegation = field(default_factory=lambda: Delegation(None))
    gpus: Gpus = field(default_factory=Gpus)
    gpus_text: str = ""
    gpu_problems: tuple[Problem, ...] = ()

    def error(self, id: str) -> str:
        """What Apptainer said; empty where there is no such problem."""
        return dict(self.errors).get(id, "")


def look(machine: Machine, plan: Plan) -> Facts:
    """Nothing is tried again: the plan knows what works."""
    ids = {problem.id for problem in plan.problems}
    return Facts(
        runtime=plan.runtime,
        status=status(_text(machine, "/proc/self/status")),
        apparmor=_apparmor(machine),
        read_only=_read_only(machine),
        nested=plan.cvmfs.state.source == MOUNTED,
        around=surroundings.look(machine),
        # Where it is the site's own binds that break them, containers do run
        containers=plan.state.containers > 0 or "bind-breaks" in ids,
        pid_namespaces=plan.setup.pid_namespaces,
        pid_wanted=not plan.settings.disable_pid_namespaces,
        sif=plan.state.sif > 0,
        errors=tuple((problem.id, problem.raw) for problem in plan.problems if problem.id.startswith("apptainer")),
        delegation=plan.delegation,
        gpus=plan.gpus,
        gpus_text=summary(plan.gpus),
        gpu_problems=tuple(problem for problem in plan.problems if problem.id.startswith("gpu-")),
    )


def status(text: str) -> Status:
    """From the file's text."""
    found = dict(re.findall(r"^(\w+):\s*(\w+)$", text, re.MULTILINE))
    privileges = found.get("NoNewPrivs")
    return Status(
        effective=_number(found.get("CapEff"), 16),
        bounding=_number(found.get("CapBnd"), 16),
        no_new_privileges=None if privileges is None else privileges == "1",
        seccomp=_number(found.get("Seccomp"), 10),
    )


def names(mask: int) -> tuple[str, ...]:
    """Those that matter, in a mask of capabilities."""
    return tuple(name for name, bit in CAPABILITIES.items() if mask >> bit & 1)


def _number(text: str | None, base: int) -> int | None:
    with suppress(TypeError, ValueError):
        return int(text or "?", base)
    return None


def _apparmor(machine: Machine) -> str:
    """The profile, with its mode; empty where there is none. SELinux has the second file as well."""
    found = (_text(machine, f"/proc/self/attr/{name}").strip("\0\n ") for name in ("apparmor/current", "current"))
    return next((text for text in found if text and (text == "unconfined" or text.endswith(")"))), "")


def _text(machine: Machine, path: str) -> str:
    with suppress(OSError):
        return machine.text(path)
    return ""


def _read_only(machine: Machine) -> bool:
    try:
        return bool(os.statvfs(machine.path(_OF_IMAGE)).f_flag & os.ST_RDONLY)
    except OSError:
        return False
