"""The checks, one function each: look, judge, and say in one line what was found.

Nothing here changes anything outside the container, but for a directory that a test of containers removes again.
preflight.py runs them.
"""

from collections.abc import Callable

from ospool_ep import (
    extra_attributes,
    identity,
    job_environment,
    network,
    policy,
    pools,
    proxy,
    scratch,
    tokens,
)
from ospool_ep.check import Check, Outcome
from ospool_ep.containers import offer
from ospool_ep.cvmfs import bound
from ospool_ep.cvmfs.ask import questions
from ospool_ep.cvmfs.given import Given, summary
from ospool_ep.cvmfs.record import MOUNTED
from ospool_ep.gpus import offer as gpu_offer
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.found import summary as gpus_summary
from ospool_ep.machine import Machine
from ospool_ep.report import Line
from ospool_ep.settings import Settings

# Why a check does not apply: there is nothing to look at.
_NO_ATTRIBUTES = f"{extra_attributes.PATH} is not here, or has nothing in it"
_NO_CVMFS = "neither bound in nor asked for (CVMFSEXEC_REPOS)"
_NO_GPUS = "none here"


def user(machine: Machine) -> Check[str]:
    """Who we are; comes first, because Apptainer must find the user."""

    def look() -> Outcome[str]:
        name, problems = identity.ensure(machine)
        text = f"{name} (uid {machine.uid}, gid {machine.gid}) on {machine.hostname}"
        return Outcome(name, Line("user", text, problems))

    return Check("user", look, "")


def volume(machine: Machine) -> Check[scratch.Scratch]:
    """Scratch. How much of it is offered depends on the containers, so the words are added later."""

    def look() -> Outcome[scratch.Scratch]:
        facts = scratch.look(machine)
        return Outcome(facts, Line("scratch", "", scratch.judge(facts, machine.uid)))

    return Check("scratch", look, scratch.Scratch())


def interfaces(machine: Machine) -> Check[None]:
    """Is there a network at all?"""
    return Check("network", lambda: Outcome(None, Line("network", "", network.judge(network.look(machine)))), None)


def token(machine: Machine, settings: Settings, pool: pools.Pool) -> Check[tokens.Credentials]:
    """Tokens and passwords."""

    def look() -> Outcome[tokens.Credentials]:
        found, problems = tokens.collect(machine, settings.token, pool.issuer)
        return Outcome(found, Line("token", tokens.summary(found, machine.now) or "none that can be used", problems))

    return Check("token", look, tokens.Credentials())


def attributes(machine: Machine) -> Check[tuple[extra_attributes.Attribute, ...]]:
    """The site's own attributes."""

    def look() -> Outcome[tuple[extra_attributes.Attribute, ...]]:
        extra, problems = extra_attributes.read(machine)
        return Outcome(extra, Line("attributes", extra_attributes.summary(extra), problems, _NO_ATTRIBUTES))

    return Check("attributes", look, ())


def environment(machine: Machine, settings: Settings) -> Check[None]:
    """EXTRA_JOB_ENV."""

    def look() -> Outcome[None]:
        absent = "" if settings.extra_job_env else _unset("EXTRA_JOB_ENV", settings)
        return Outcome(None, Line("job env", "", job_environment.judge(machine, settings), absent))

    return Check("job env", look, None)


def containers(
    machine: Machine, settings: Settings, draw: float, given: Given | None = None
) -> Check[offer.Containers]:
    """Job containers. `draw` in [0, 1) chooses their default image; `given`: CVMFS, where it was mounted."""

    def look() -> Outcome[offer.Containers]:
        asked = questions(machine, own=given is not None and given.state.source == MOUNTED)
        found, problems = offer.look(machine, settings, draw, asked)
        return Outcome(found, Line("apptainer", offer.summary(found), problems))

    return Check("apptainer", look, offer.Containers())


def cvmfs(machine: Machine, settings: Settings, given: Given | None) -> Check[Given]:
    """CVMFS: what was mounted with cvmfsexec, or why not; otherwise what is bound in."""

    def look() -> Outcome[Given]:
        found = bound.verified(machine, settings.cvmfs_required) if given is None else given
        return Outcome(found, Line("cvmfs", summary(found, machine.now), found.problems, _NO_CVMFS))

    return Check("cvmfs", look, Given())


def gpus(machine: Machine, settings: Settings, able: Callable[[], offer.Containers]) -> Check[Gpus]:
    """GPUs: what the driver says, and then, in a container like a job's, what a job would find."""

    def look() -> Outcome[Gpus]:
        found, problems = gpu_offer.look(machine, settings)
        if found.offered:
            containers = able()
            found, more = gpu_offer.contained(machine, found, containers.able, containers.binds)
            problems = (*problems, *more)
        return Outcome(found, Line("gpus", gpus_summary(found), problems, _NO_GPUS))

    return Check("gpus", look, Gpus(), "on the host: nvidia-smi; a driver that hangs takes a reboot", spare=True)


def proxy_answers(settings: Settings) -> Check[bool]:
    """OSG_SQUID_LOCATION."""

    def look() -> Outcome[bool]:
        error = proxy.failure(settings.squid)
        absent = _unset("OSG_SQUID_LOCATION", settings)
        return Outcome(not error, Line("proxy", settings.squid, proxy.judge(settings.squid, error), absent))

    return Check("proxy", look, False)


def plain(machine: Machine, settings: Settings) -> tuple[Check[None], ...]:
    """Checks that only say yes or no."""
    return interfaces(machine), environment(machine, settings)


def start(
    settings: Settings,
    own: Callable[[], dict[str, str]],
    extra: tuple[extra_attributes.Attribute, ...],
    cpus: int,
    memory_mb: int,
) -> Check[dict[str, str]]:
    """START against the attributes of the machine ad that are the pilot's own or the site's; they are its value."""

    def look() -> Outcome[dict[str, str]]:
        published = own() | {attribute.name: attribute.text for attribute in extra}
        # What a slot has shrinks with its jobs, but it never gets more than these.
        totals = {"TotalCpus": str(cpus), "TotalMemory": str(memory_mb)}
        problems = policy.judge(settings, published | totals)
        return Outcome(published, Line("start", f"GLIDEIN_Start_Extra: {settings.start_extra}", problems))

    return Check("start", look, {})


def _unset(name: str, settings: Settings) -> str:
    return f"{name} is {'refused' if name in settings.refused else 'not set'}"
