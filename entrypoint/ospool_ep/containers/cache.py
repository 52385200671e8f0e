"""The cache of images that were pulled: shared by the jobs of a pilot, and bounded."""

import os
import shutil
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from ospool_ep import locks

# What Apptainer 1.4.5 says when a layer's list, a layer or an image in the cache is damaged; it never repairs them.
_SPOILED = ("unexpected end of JSON input", "invalid tar header", "read the squashfs image", "invalid character")
# A tenth of the scratch volume, at most so much: it is kept back from what jobs are offered.
_SHARE = 10
_MOST_MB = 50_000
# Jobs need a smaller volume for themselves.
_LEAST_MB = 5000
_TURN_S = 0.2


def size_mb(free_mb: int) -> int:
    """How much the cache may hold, given the free space of the scratch volume. At 0 it holds one image at a time."""
    return min(free_mb // _SHARE, _MOST_MB) if free_mb >= _LEAST_MB else 0


def trim(directory: Path, limit_mb: int) -> None:
    """Remove what was used longest ago until less than the limit is left; before each pull.

    A container that runs from a file that is removed keeps it open. Never raises: a job must not fail for this.
    """
    entries = sorted(_entries(directory), key=lambda entry: entry[1])
    total = sum(size for _, _, size in entries)
    for path, _, size in entries:
        if total <= limit_mb << 20:
            return
        _remove(path)
        total -= size


def mended(directory: Path, error: str) -> bool:
    """After a failed pull: empty a cache that a killed pull or a full disk has spoiled, so that the next one works."""
    if not any(words in error for words in _SPOILED):
        return False
    for path, _, _ in _entries(directory):
        _remove(path)
    return True


def alone(directory: Path, patience_s: float) -> AbstractContextManager[int | None]:
    """One pull at a time: two into one cache can spoil its list of layers. None: it is not our turn yet."""
    return locks.held(directory / "lock", patience_s, _TURN_S)


def _entries(directory: Path) -> list[tuple[Path, float, int]]:
    """Path, time of last use (seconds since 1970) and size (bytes) of what can be removed by itself.

    Images are files of cache/oci-tmp; the layers they were made of are one store, cache/blob, without them useless.
    """
    cache = directory / "cache"
    kinds = [path for path in _listed(cache) if path.name != "blob"]
    paths = [path for kind in kinds for path in _listed(kind)] + [path for path in [cache / "blob"] if path.exists()]
    found = []
    for path in paths:
        try:
            status = path.stat()
            found.append((path, max(status.st_atime, status.st_mtime), _size(path)))
        except OSError:
            continue
    return found


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_blocks * 512
    return sum((Path(top) / name).lstat().st_blocks * 512 for top, _, names in os.walk(path) for name in names)


def _listed(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()
