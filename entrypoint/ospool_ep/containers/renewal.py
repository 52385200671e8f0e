"""When the retest tests, and what its results mean for what is offered."""

import dataclasses
from dataclasses import dataclass

from ospool_ep.containers import failures
from ospool_ep.containers.failures import CONTAINERS, DEFAULT, SIF, Failure
from ospool_ep.containers.record import BELIEVED, Setup, State
from ospool_ep.containers.verdict import Ability

# Seconds between two tests: of what works, and of what has just begun to work again.
USUAL_S = 300
SOON_S = 60
# The startd is not exact about when it starts us.
_EARLY_S = 5
# What is pulled becomes a .sif file; that those do not run is told anyway.
NO_SIF = "no .sif files"
_AGAIN = "a test has passed again, and counts after a second one"
_KINDS = {
    CONTAINERS: "job containers",
    SIF: "job containers from .sif files",
    DEFAULT: "containers from the default image",
}


@dataclass(frozen=True)
class Answer:
    """What was learned about registries: empty errors where they answer, and the default images that can be had."""

    registry_error: str
    image: str
    image_source: str
    gpu_image: str
    default_error: str = ""


def due(state: State, now: int, last_failure: int) -> bool:
    """Whether to test now: at the usual time, sooner after a failure or where a second pass is missing."""
    waiting = 1 in (state.containers, state.sif)
    return _over(state.tested, SOON_S if waiting else USUAL_S, now) or last_failure >= state.tested


def asking(state: State, now: int, last_failure: int = -1) -> bool:
    """Whether to ask the registries now; for the first time as soon as the pilot runs."""
    return _over(state.asked, SOON_S if state.registry == 1 else USUAL_S, now) or last_failure >= state.asked


def _over(since: int, seconds: int, now: int) -> bool:
    """Also where the clock was set back."""
    return now < since or now - since >= seconds - _EARLY_S


def tested(before: State, setup: Setup, able: Ability, faults: tuple[str, ...], found: tuple[Failure, ...]) -> State:
    """After a test. `faults`: what keeps containers from running although the test passed. `tested` stays."""
    found = tuple(failure for failure in found if failure.when > before.lost)
    blocking = (*struck(found, CONTAINERS), *faults)
    files, default = struck(found, SIF), struck(found, DEFAULT)
    as_jobs = _as_jobs(setup, able) and not blocking
    containers = _counted(before.containers, as_jobs)
    sif = _counted(before.sif, as_jobs and able.sif and not files)
    again = _AGAIN if 1 in (containers, sif) else ""
    told = "; ".join(filter(None, (*blocking, *files, *default, able.comment, again)))
    return dataclasses.replace(before, containers=containers, sif=sif, default_fails=bool(default), comment=told)


def lost(before: State, setup: Setup, able: Ability) -> bool:
    """Whether the test itself has seen what made jobs fail: their failures up to now are explained."""
    return bool(before.containers and not _as_jobs(setup, able)) or bool(before.sif and not able.sif)


def _as_jobs(setup: Setup, able: Ability) -> bool:
    """The flags of jobs are chosen for life."""
    return able.usable and able.pid_namespaces == setup.pid_namespaces


def answered(before: State, answer: Answer, now: int) -> State:
    """After a question to the registries."""
    told = answer.registry_error not in ("", NO_SIF)
    registry = f"images of registries cannot be had: {answer.registry_error}" if told else ""
    return dataclasses.replace(
        before,
        registry=_counted(before.registry, not answer.registry_error),
        registry_comment="; ".join(filter(None, (answer.default_error, registry))),
        image=answer.image,
        image_source=answer.image_source,
        gpu_image=answer.gpu_image,
        asked=now,
    )


def stuck(before: State) -> State:
    """The last test hangs: nothing is promised before one has passed twice."""
    why = "the last test of job containers has not ended (a hanging mount?)"
    return dataclasses.replace(before, containers=0, sif=0, comment=why)


def struck(found: tuple[Failure, ...], what: str) -> tuple[str, ...]:
    """Three jobs whose containers this machine could not start within ten minutes."""
    strikes = failures.struck(found, what)
    if not strikes:
        return ()
    return (f"{len(strikes)} {_KINDS[what]} could not be started within ten minutes: {strikes[-1].why}",)


def _counted(passes: int, passed: bool) -> int:
    return min(BELIEVED, passes + 1) if passed else 0
