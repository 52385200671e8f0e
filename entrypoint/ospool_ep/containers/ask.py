"""Ask a path that may hang: a dead CVMFS or NFS holds whoever touches it, for ever, and some cannot be killed."""

import dataclasses
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ospool_ep import locks
from ospool_ep.cvmfs import names
from ospool_ep.machine import TIMED_OUT, Machine

# What is healthy answers in milliseconds.
PATIENCE_S = 2.0
# realpath alone asks the parents of the path only, not a mount that is dead at its own root.
_QUESTION = 'stat -L -- "$1" >/dev/null && exec realpath -e -- "$1"'
HANGS = "does not answer (a hanging mount)"


@dataclass(frozen=True)
class Found:
    """The path behind all links; or why there is none, for the end of a sentence."""

    real: str = ""
    error: str = ""


def resolve(machine: Machine, path: str, questions: Path | None = None) -> Found:
    """Ask in another process, which is left behind where it hangs.

    `questions`: a directory for locks. While an earlier question about the path hangs no second one is asked; about a
    path in a repository of CVMFS, while anybody's about that repository does (cvmfs.look has the same locks).
    """
    with _lock(questions, path) as lock:
        if lock is None:
            return Found(error=HANGS)
        asking = dataclasses.replace(machine, inherited=lock)
        result = asking.run(("sh", "-c", _QUESTION, "sh", path), PATIENCE_S)
    if result.status == 0:
        return Found(result.stdout.rstrip("\n"))
    if result.status == TIMED_OUT:
        return Found(error=HANGS)
    # realpath: PATH: No such file or directory
    return Found(error=f"cannot be used: {result.stderr.strip().rpartition(': ')[2]}")


@contextmanager
def _lock(directory: Path | None, path: str) -> Iterator[tuple[int, ...] | None]:
    """A lock that the child inherits, and holds for as long as it hangs. None where it is held already.

    Others ask as well; one that still holds it after PATIENCE_S hangs.
    """
    with ExitStack() as stack:
        inherited: tuple[int, ...] | None = ()
        # On a full disk there is no lock: a second question is the lesser evil.
        with suppress(OSError):
            if directory is not None:
                directory.mkdir(mode=0o700, exist_ok=True)
                lock = stack.enter_context(locks.held(directory / _name(path), PATIENCE_S))
                inherited = None if lock is None else (lock,)
        yield inherited


def _name(path: str) -> str:
    """Of the lock: the repository, or the whole path."""
    root, _, inside = path.partition(f"{names.ROOT}/")
    repository = inside.partition("/")[0]
    if not root and names.is_repository(repository):
        return repository
    return path.replace("%", "%25").replace("/", "%2F")
