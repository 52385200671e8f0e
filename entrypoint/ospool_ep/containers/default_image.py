"""The image for jobs that name none: a weighted choice, made once for the life of the pilot."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ospool_ep.concurrently import concurrently
from ospool_ep.containers import ask, binds
from ospool_ep.machine import Machine
from ospool_ep.problem import shorten

# Where the OSPool's images are: in CVMFS as directories, in its registry otherwise.
CVMFS = "/cvmfs/singularity.opensciencegrid.org"
REGISTRY = "hub.opensciencegrid.org"
_ENTRY = re.compile(r"(\d+)%__(\S+)")
_NAME = r"\w[\w.-]*(/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?"
_IMAGE = re.compile(rf"docker://[\w.-]+(:[0-9]+)?(/[\w./-]+)?(:[\w.-]+)?(@sha256:[0-9a-f]{{64}})?|/[\w./:@+-]+|{_NAME}")
_EXAMPLE = "10%__htc/rocky:8 90%__htc/rocky:9"


@dataclass(frozen=True)
class Image:
    """What Apptainer is given, and the kind of place: CVMFS, local, registry or nothing."""

    name: str = ""
    source: str = ""


def distribution(text: str) -> tuple[tuple[int, str], ...]:
    """OSG_DEFAULT_CONTAINER_DISTRIBUTION: `weight%__image`, separated by blanks. ValueError for a person.

    An image is a name of the OSPool's, an absolute path, or a docker:// address.
    """
    found = []
    for word in text.split():
        entry = _ENTRY.fullmatch(word)
        if not entry or not _IMAGE.fullmatch(entry[2]) or ".." in entry[2].split("/"):
            raise ValueError(f"is not weight%__image, as in {_EXAMPLE}{_which(word, text)}")
        if entry[2].startswith("/") and binds.exposes(entry[2]):
            raise ValueError(f"would give jobs the pilot's own files as their image{_which(word, text)}")
        found.append((int(entry[1]), entry[2]))
    if found and not sum(weight for weight, _ in found):
        raise ValueError(f"gives no image a weight above 0; write it as in {_EXAMPLE}")
    return tuple(found)


def _which(word: str, text: str) -> str:
    """The part that is meant, where there are others."""
    return "" if word == text.strip() else f": {shorten(word)!r}"


def choose(entries: tuple[tuple[int, str], ...], draw: float) -> str:
    """An image by weight; `draw` is in [0, 1). The weights need not add up to 100. Empty where there are none."""
    left = draw * sum(weight for weight, _ in entries)
    for weight, image in entries:
        left -= weight
        if left < 0:
            return image
    return ""


def locate_all(
    machine: Machine, images: tuple[str, ...], registry: bool, questions: Path | None = None
) -> tuple[Image, ...]:
    """The same for several, side by side: each may wait for a mount that hangs."""
    calls = [partial(locate, machine, image, registry, questions) for image in images]
    answers = concurrently(calls, 4 * ask.PATIENCE_S)
    crash = next((one for one in answers if isinstance(one, BaseException) and not isinstance(one, TimeoutError)), None)
    if crash:
        raise crash
    return tuple(one if isinstance(one, Image) else Image() for one in answers)


def locate(machine: Machine, image: str, registry: bool, questions: Path | None = None) -> Image:
    """Where an image can be had now; `registry`: whether images of registries can be run here. `questions`: see ask."""
    if image.startswith("docker://"):
        return Image(image, "registry") if registry else Image()
    if image.startswith("/"):
        return Image(image, "local") if ask.resolve(machine, image, questions).real else Image()
    path = f"{CVMFS}/{image}"
    if image and ask.resolve(machine, path, questions).real:
        return Image(path, "CVMFS")
    return Image(f"docker://{REGISTRY}/{image}", "registry") if image and registry else Image()
