"""What cvmfsexec and the client have written, in the directory of their logs."""

from pathlib import Path

from ospool_ep.cvmfs import default_local

_TAIL = 1 << 14


def sizes(directory: Path) -> dict[Path, int]:
    """Logs on a volume are those of earlier pilots, too: what is there now says nothing about us."""
    try:
        return {path: path.stat().st_size for path in directory.iterdir() if path.is_file()}
    except OSError:
        return {}


def news(directory: Path, before: dict[Path, int], debug: bool) -> str:
    """What was written since."""
    after = sizes(directory)
    debugging = Path(default_local.DEBUG_LOG).name
    wanted = [path for path in sorted(after) if path.suffix == ".log" and (debug or path.name != debugging)]
    return "".join(tail(path, before.get(path, 0)) for path in wanted if after[path] > before.get(path, 0))


def tail(path: Path, start: int = 0) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(start, path.stat().st_size - _TAIL))
            return file.read(_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""
