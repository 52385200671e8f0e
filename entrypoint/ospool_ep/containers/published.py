"""The attributes of the machine ad that speak of containers: the same from the boot and from the retest."""

import re

from ospool_ep import classads
from ospool_ep.containers import requirements
from ospool_ep.containers.command import BINARY
from ospool_ep.containers.record import BELIEVED, Setup, State

# So many images that failed are enough: the ad is sent to the pool with each change.
_MOST = 50
_NONE = "none: jobs that name no image run directly"


def attributes(setup: Setup, state: State, failed: tuple[str, ...] = ()) -> dict[str, str]:
    """Attribute to ClassAd expression. All are always there: the retest's output replaces what the boot wrote.

    `failed`: `user image` of what could not be started in the last minutes, and not for a fault of ours.
    """
    usable = state.containers >= BELIEVED
    sif = usable and state.sif >= BELIEVED
    plain = [one for one in failed if re.fullmatch(requirements.PLAIN, one)][-_MOST:]
    comments = (setup.comment, state.comment, state.registry_comment)
    facts = {
        "HAS_SINGULARITY": str(usable),
        "SINGULARITY_USE_PID_NAMESPACES": str(usable and setup.pid_namespaces),
        "SINGULARITY_CAN_USE_SIF": str(sif),
        "SINGULARITY_CAN_USE_REGISTRY": str(sif and state.registry >= BELIEVED and not state.disk_full),
        "SINGULARITY_DISK_IS_FULL": str(state.disk_full),
        "SINGULARITY_CAN_USE_CVMFS": str(usable and state.cvmfs),
        "OSG_FAILED_IMAGES": f"{{{', '.join(classads.quote(one) for one in plain)}}}",
        "SINGULARITY_COMMENT": classads.told("; ".join(filter(None, comments))),
    }
    return facts | _default(state, sif) | _software(setup, usable)


def _default(state: State, sif: bool) -> dict[str, str]:
    """The image of jobs that name none; on a machine with GPUs the GPU variant. Undefined where there is none,
    and the source says what that means.
    """
    wanted = ("", "") if state.default_fails else (state.image, state.gpu_image)
    names = [name if _runs(name, sif, state.disk_full) else "" for name in wanted]
    plain, gpu = (classads.told(name) if name else "undefined" for name in names)
    image = plain if gpu == plain else f"((MY.TotalGPUs > 0) =?= True ? {gpu} : {plain})"
    return {"OSG_DEFAULT_SINGULARITY_IMAGE": image, "OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE": _source(state, names)}


def _source(state: State, names: list[str]) -> str:
    if names[0]:
        return classads.told(state.image_source)
    return "undefined" if names[1] else classads.told(_NONE)


def _runs(image: str, sif: bool, disk_full: bool) -> bool:
    """What is pulled takes space, and becomes a .sif file."""
    pulled = image.startswith("docker://")
    return bool(image) and (sif or not (pulled or image.endswith(".sif"))) and not (pulled and disk_full)


def _software(setup: Setup, usable: bool) -> dict[str, str]:
    named = {"PATH": BINARY, "VERSION": setup.version, "MODE": "unprivileged"}
    texts = {name: classads.told(text) if usable else "undefined" for name, text in named.items()}
    families = ("SINGULARITY", "GWMS_SINGULARITY", "CONTAINERSW")
    return {f"{family}_{name}": text for family in families for name, text in texts.items()}
