"""Where images can be had now: whether registries answer, and which default image there is."""

from functools import partial

from ospool_ep.concurrently import concurrently
from ospool_ep.containers import binds, default_image, probe, reachable, registry
from ospool_ep.containers.default_image import Image
from ospool_ep.containers.record import BELIEVED, Record, Setup, State
from ospool_ep.containers.renewal import NO_SIF, Answer
from ospool_ep.machine import Machine

# For all registries together: names are resolved without a time-out, and a name can have many addresses.
_PATIENCE_S = 15.0
# Images of these places are tried: it costs no pull.
_TRIED = ("CVMFS", "local")


def look(machine: Machine, found: Record, setup: Setup, state: State) -> Answer:
    """The registry that most images come from, and the default images: of a registry that answers, or that start."""
    names = (setup.default_image, setup.default_gpu_image)
    places = list(default_image.locate_all(machine, names, True, setup.locks))
    failures = _failures(setup, state, {registry.host_of(one.name) for one in places if one.source == "registry"})
    had = [one if _had(machine, found, setup, one, failures) else Image() for one in places]
    return Answer(failures[registry.DOCKER_HUB], had[0].name, had[0].source, had[1].name, _broken(places, had))


def _broken(places: list[Image], had: list[Image]) -> str:
    pairs = zip(places, had, strict=True)
    names = [place.name for place, image in pairs if place.source in _TRIED and not image.name]
    return f"the default image does not start: {', '.join(names)}" if names else ""


def _failures(setup: Setup, state: State, others: set[str]) -> dict[str, str]:
    """By registry: why it cannot be used; Docker Hub, or its mirror, and the others."""
    hosts = sorted({registry.DOCKER_HUB, *others})
    if min(state.containers, state.sif) < BELIEVED:
        return dict.fromkeys(hosts, NO_SIF)
    mirror = (setup.mirror, setup.plain_http) if setup.mirror else (registry.DOCKER_HUB, False)
    calls = [partial(reachable.failure, *(mirror if host == registry.DOCKER_HUB else (host,))) for host in hosts]
    answers = concurrently(calls, _PATIENCE_S)
    return {host: _words(host, answer) for host, answer in zip(hosts, answers, strict=True)}


def _words(host: str, answer: str | BaseException) -> str:
    if isinstance(answer, BaseException):
        return f"{host} does not answer within {_PATIENCE_S:g} s" if isinstance(answer, TimeoutError) else str(answer)
    return answer


def _had(machine: Machine, found: Record, setup: Setup, image: Image, failures: dict[str, str]) -> bool:
    """Whether a default image can be run now. One in CVMFS or on a disk is tried, one of a registry is not pulled."""
    if image.source == "registry":
        return not failures[registry.host_of(image.name)]
    if not image.name:
        return False
    mounted, _ = binds.again(machine, setup.binds, setup.locks)
    return probe.starts(machine, str(found.path.parent), mounted, setup.pid_namespaces, probe.Start(image.name))
