"""What the boot decides about job containers, from its settings and its tests."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ospool_ep.containers import binds, cache, default_image, examine, probe, registry, verdict
from ospool_ep.containers.default_image import Image
from ospool_ep.containers.record import BELIEVED, Setup, State
from ospool_ep.containers.verdict import Ability
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem, warning
from ospool_ep.scratch import PATH
from ospool_ep.settings import Settings

_LASTING = frozenset({"apptainer-pid-namespaces", "bind-missing"})


@dataclass(frozen=True)
class Containers:
    """Frozen: what was seen to work, what is mounted, and the default images that were drawn.

    `later`: a CVMFS that does not answer now; jobs get it when it does. `lasting`: a comment on what will not change
    during the pilot's life, `comment` on the rest. `questions`: see ask.resolve.
    """

    able: Ability = field(default_factory=Ability)
    binds: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    chosen: str = ""
    chosen_gpu: str = ""
    image: Image = field(default_factory=Image)
    gpu_image: Image = field(default_factory=Image)
    lasting: str = ""
    comment: str = ""
    questions: str = ""


def look(
    machine: Machine, settings: Settings, draw: float, questions: Path | None = None
) -> tuple[Containers, tuple[Problem, ...]]:
    """Test what jobs will get. `draw` in [0, 1) chooses the default image; `questions`: see ask.resolve."""
    cvmfs = binds.cvmfs(machine)
    locks = questions if cvmfs else None  # nobody else asks at boot, and a look leaves nothing behind
    alive, _ = binds.present(machine, cvmfs, locks)  # what is wrong with it has a check of its own
    there, missing = binds.present(machine, binds.read(settings.bind_extra), locks)
    mounted, later = (*alive, *there), tuple(bind.text for bind in cvmfs if bind.text not in alive)
    able, problems = examine.examine(machine, PATH, mounted, not settings.disable_pid_namespaces)
    chosen, chosen_gpu = (
        default_image.choose(default_image.distribution(text), draw)
        for text in (settings.default_distribution, settings.default_distribution_gpu)
    )
    image, gpu_image = default_image.locate_all(machine, (chosen, chosen_gpu), registry=False, questions=locks)
    unfit = _unfit(machine, able, mounted, chosen, image)
    problems = (*missing, *problems, *unfit)
    lasting, others = (
        verdict.comment(tuple(one for one in problems if (one.id in _LASTING) is wanted)) for wanted in (True, False)
    )
    image = Image() if unfit else image
    asked = str(questions or "")
    return Containers(able, mounted, later, chosen, chosen_gpu, image, gpu_image, lasting, others, asked), problems


def _unfit(machine: Machine, able: Ability, mounted: tuple[str, ...], chosen: str, image: Image) -> tuple[Problem, ...]:
    """A site's own default image that is not there, or is none. CVMFS has no time-out that a boot could wait for."""
    if not able.usable or not chosen.startswith("/"):
        return ()
    why, cure = "jobs that name no image run directly", "correct OSG_DEFAULT_CONTAINER_DISTRIBUTION, or mount the image"
    if not image.name:
        return (warning("default-image", f"the default image {chosen} is not here", why, cure),)
    if probe.starts(machine, PATH, mounted, able.pid_namespaces, probe.Start(image.name)):
        return ()
    return (warning("default-image", f"the default image {chosen} does not start", why, cure),)


def without(found: Containers, unusable: Callable[[str], bool]) -> Containers:
    """The kernel still shows directories of a CVMFS that has died: `unusable` says which paths are in one."""
    images = (Image() if unusable(one.name) else one for one in (found.image, found.gpu_image))
    return dataclasses.replace(found, image=next(images), gpu_image=next(images))


def setup(found: Containers, settings: Settings, free_mb: int, gpu_libraries: tuple[str, ...] = ()) -> Setup:
    """What front and retest need to know. The proxies and certificates are those that go on to HTCondor too.

    `free_mb`: of the scratch volume. No image is pulled where .sif files do not run, and nothing kept back for it.
    """
    mirror, plain_http = registry.address(settings.registry_mirror)
    return Setup(
        version=found.able.version,
        comment=found.lasting,
        pid_namespaces=found.able.pid_namespaces,
        binds=(*found.later, *found.binds),
        mirror=mirror,
        plain_http=plain_http,
        environment={name: value for name, value in settings.passed_on if name != "TZ"},
        default_image=found.chosen,
        default_gpu_image=found.chosen_gpu,
        cache_mb=cache.size_mb(free_mb) if found.able.sif else 0,
        gpu_libraries=gpu_libraries,
        questions=found.questions,
    )


def state(found: Containers, now: int) -> State:
    """The first one: no registry has been asked, so the first answer counts."""
    return State(
        containers=BELIEVED if found.able.usable else 0,
        sif=BELIEVED if found.able.sif else 0,
        registry=BELIEVED - 1,
        cvmfs=binds.CVMFS in found.binds,
        image=found.image.name,
        image_source=found.image.source,
        gpu_image=found.gpu_image.name,
        comment=found.comment,
        tested=now,
    )


def summary(found: Containers) -> str:
    """One line for people."""
    extra = f", binds {' '.join(found.binds)}" if found.binds else ""
    return f"{verdict.summary(found.able)}{extra}"


def summary_of_image(found: Containers) -> str:
    """Where the jobs run that name no image."""
    if not found.able.usable:
        return "jobs run directly"
    if found.image.name:
        return f"{found.image.name} for jobs that name none"
    pulled = found.able.sif and found.chosen and not found.chosen.startswith("/")
    later = ", until a registry answers" if pulled else ""
    return f"no {found.chosen or 'default image'} here: jobs that name none run directly{later}"
