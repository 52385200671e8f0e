"""Build the pilot's image with CUDA's run-time libraries on top."""

from __future__ import annotations

import re

from poolbox import image
from poolbox.engine import Engine, EngineError
from poolbox.progress import Steps

VERSION = "11.8.0"
LIBRARIES = "cudart"
DOCKERFILE = image.REPO / "image/Dockerfile.cuda"
SPELLING = re.compile(r"[0-9]+([.][0-9]+)*")  # it becomes part of a tag; the build knows which versions there are
REFUSAL = re.compile(r"CUDA_(?:VERSION|LIBRARIES)=\S*: .+")


def tags(version: str) -> tuple[str, str]:
    """Both names of the image: sites know it under either."""
    name, tag = image.TAG.split(":")
    series, _, release = tag.partition("-")
    number = version.replace(".", "_")
    return f"{name}:{series}-cuda-{number}-{release}", f"{name}:{series}-cuda_{number}-{release}"


def build(engine: Engine, steps: Steps, version: str = VERSION, libraries: str = LIBRARIES) -> tuple[str, str]:
    """Build it on the pilot's image that is there, and return its tags; raises EngineError."""
    if not SPELLING.fullmatch(version):
        raise EngineError(f"CUDA_VERSION={version}: use, for example, {VERSION}")
    tag, also = tags(version)
    values = {"BASE": image.TAG, "CUDA_VERSION": version, "CUDA_LIBRARIES": libraries}
    try:
        image.build_with(engine, steps, DOCKERFILE, tag, also=also, values=values)
    except EngineError as error:
        raise EngineError(refusal(str(error)) or str(error)) from None
    return tag, also


def refusal(said: str) -> str:
    """The sentence with which image/cuda/get refuses what it was asked for, among all that the engine said."""
    found = REFUSAL.search(said)
    return found[0] if found else ""
