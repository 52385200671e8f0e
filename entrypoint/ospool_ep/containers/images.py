"""Which images a job may name: everything but a way around the walls of its container."""

import os
from pathlib import Path

from ospool_ep.containers.binds import exposes
from ospool_ep.containers.registry import SCHEME


def refused(image: str, directory: str) -> str:
    """Why this image is not run for the job whose scratch directory this is; empty where nothing is wrong.

    A directory image such as / would show the job the pilot's own file system, its token with it.
    """
    if SCHEME.match(image):
        return ""
    transport, colon, _ = image.partition("/")[0].partition(":")
    if colon:
        return f"jobs cannot use Apptainer's {transport}: images"
    return _private(image, directory)


def shown(sources: tuple[str, ...], directory: str) -> str:
    """The same for what HTCondor mounts: the directory of a job that brings no files is its own choice."""
    return next(filter(None, (_private(source, directory) for source in sources)), "")


def _private(path: str, directory: str) -> str:
    try:
        real, own = os.path.realpath(Path(directory, path)), os.path.realpath(directory)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    if real == own or real.startswith(f"{own}/"):
        return ""
    return f"{real} holds the pilot's own files" if exposes(real) else ""
