"""What started this container: cures are worded for it. Where nothing tells, nothing is guessed."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from ospool_ep import mounts
from ospool_ep.machine import Machine

DOCKER, PODMAN, KUBERNETES, APPTAINER = "docker", "podman", "Kubernetes", "Apptainer"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# Every engine mounts these from a directory of its own.
_MOUNTED = ("/etc/resolv.conf", "/etc/hostname", "/etc/hosts")
_SOURCES = (
    (KUBERNETES, r"/kubelet/pods/|io\.containerd\.grpc\.v1\.cri"),
    (PODMAN, r"overlay-containers/[0-9a-f]+/userdata/"),
    (DOCKER, r"/containers/[0-9a-f]{64}/(resolv\.conf|hostname|hosts)$"),
)
_CGROUPS = {"kubepods": KUBERNETES, "libpod": PODMAN, "docker": DOCKER}


@dataclass(frozen=True)
class Facts:
    """`marks`: variables that a runtime sets. `containerenv`: podman's file, None where there is none.

    `sources`: where the files come from that every engine mounts; `cgroups`: the paths of our cgroups.
    """

    marks: Mapping[str, str] = field(default_factory=dict)
    dockerenv: bool = False
    containerenv: str | None = None
    singularity: bool = False
    account: bool = False
    sources: tuple[str, ...] = ()
    cgroups: str = ""


@dataclass(frozen=True)
class Runtime:
    """`engine`: one of the four, empty where nothing tells. `slurm`: in a job of Slurm's, whatever the engine is.

    `service`: the unit of our service package that called the engine.
    """

    engine: str = ""
    slurm: bool = False
    service: str = ""

    @property
    def text(self) -> str:
        """For people."""
        of_unit = f", started by {self.service}" if self.service else ""
        return f"{self.engine or 'unknown runtime'}{' in a Slurm job' if self.slurm else ''}{of_unit}"


def look(machine: Machine, marks: Mapping[str, str]) -> Runtime:
    """`marks`: what settings.py has read of the environment."""
    facts = _facts(machine, marks)
    found = decide(facts)
    # The table of mounts may be long: it is asked last
    return found if found.engine else decide(replace(facts, sources=_sources(machine)))


def decide(facts: Facts) -> Runtime:
    """The innermost: what surrounds an Apptainer hands its variables on to it, and nothing goes the other way."""
    engine = next((name for name, fits in _ENGINES if fits(facts)), "") or _by_sources(facts) or _by_cgroups(facts)
    slurm = bool(facts.marks.get("SLURM_JOB_ID")) or "/slurm" in facts.cgroups or "slurmstepd" in facts.cgroups
    return Runtime(engine, slurm, _unit(facts.marks.get("OSPOOL_EP_SERVICE", "")))


def _apptainer(facts: Facts) -> bool:
    """An image that was once Apptainer's may run in another engine."""
    named = bool(facts.marks.get("APPTAINER_CONTAINER") or facts.marks.get("SINGULARITY_CONTAINER"))
    return named or (facts.singularity and not facts.dockerenv and facts.containerenv is None)


def _kubernetes(facts: Facts) -> bool:
    """CRI-O makes podman's file as well, and a kubelet above Docker has Docker's."""
    return bool(facts.marks.get("KUBERNETES_SERVICE_HOST")) or facts.account


def _podman(facts: Facts) -> bool:
    return facts.containerenv is not None or facts.marks.get("container") == "podman"


_ENGINES: tuple[tuple[str, Callable[[Facts], bool]], ...] = (
    (APPTAINER, _apptainer),
    (KUBERNETES, _kubernetes),
    (PODMAN, _podman),
    (DOCKER, lambda facts: facts.dockerenv),
)


def _by_sources(facts: Facts) -> str:
    """In cvmfsexec's namespaces the root directory is another one, without the engines' files."""
    found = (name for name, pattern in _SOURCES if any(re.search(pattern, source) for source in facts.sources))
    return next(found, "")


def _by_cgroups(facts: Facts) -> str:
    """The last word is the innermost engine's. Slurm's own nodes may be containers, and its jobs in none."""
    if "slurm" in facts.cgroups:
        return ""
    word = max(_CGROUPS, key=facts.cgroups.rfind)
    return _CGROUPS[word] if word in facts.cgroups else ""


def _unit(name: str) -> str:
    """Whatever somebody has put there is printed."""
    return name if re.fullmatch(r"[\w.@:-]{1,100}", name) else ""


def _facts(machine: Machine, marks: Mapping[str, str]) -> Facts:
    return Facts(
        marks=marks,
        dockerenv=_there(machine, "/.dockerenv"),
        containerenv=_text(machine, "/run/.containerenv") if _there(machine, "/run/.containerenv") else None,
        singularity=_there(machine, "/.singularity.d"),
        account=_there(machine, _ACCOUNT),
        cgroups=_text(machine, "/proc/self/cgroup"),
    )


def _there(machine: Machine, path: str) -> bool:
    try:
        return machine.path(path).exists()
    except OSError:
        return False


def _text(machine: Machine, path: str) -> str:
    with suppress(OSError):
        return machine.text(path)
    return ""


def _sources(machine: Machine) -> tuple[str, ...]:
    try:
        return tuple(mount.root for mount in mounts.read(machine) if mount.point in _MOUNTED)
    except OSError:
        return ()
