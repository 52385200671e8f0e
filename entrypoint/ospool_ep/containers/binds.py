"""What is mounted into job containers beside their scratch directory: CVMFS, and what the site asks for."""

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ospool_ep import mounts
from ospool_ep.concurrently import concurrently
from ospool_ep.containers import ask
from ospool_ep.containers.command import INSIDE, OWN
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem, warning

CVMFS = "/cvmfs"
# Whoever sees one of these sees tokens, the configuration, or other jobs' files.
PRIVATE = ("/run/ospool-ep", "/dev/shm", "/etc/condor", "/etc/osg", "/pilot", "/proc")
# A mount over one of these leaves nothing of the image that works.
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
_OPTIONS = re.compile(r"ro|rw|id=\d+|image-src=/.*")


@dataclass(frozen=True)
class Bind:
    """One mount, and how it was written."""

    text: str
    source: str
    target: str


def read(text: str) -> tuple[Bind, ...]:
    """SINGULARITY_BIND_EXTRA: separated by commas or blanks. ValueError, for a person, for what can work in no job."""
    found = tuple(_bind(part) for part in re.split(r"[,\s]+", text) if part)
    wrong = [words for bind in found if (words := _wrong(bind, text))]
    if wrong:
        raise ValueError("; ".join(wrong))
    return found


def exposes(path: str) -> bool:
    """Whether something private is at, above or below an absolute path (links are the caller's affair)."""
    parts = Path(_plain(path)).parts
    return any(parts == Path(one).parts[: len(parts)] or Path(one).parts == parts[: len(Path(one).parts)]
               for one in PRIVATE)  # fmt: skip


def present(
    machine: Machine, found: tuple[Bind, ...], questions: Path | None = None
) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The specifications whose source is there, and a warning for each other one. A job never waits for them.

    `questions`: see ask.resolve.
    """
    calls = [partial(ask.resolve, machine, bind.source, questions) for bind in found]
    answers = [_answer(one) for one in concurrently(calls, 4 * ask.PATIENCE_S)]
    there = tuple(bind.text for bind, answer in zip(found, answers, strict=True) if not answer)
    return there, tuple(_absent(bind, answer) for bind, answer in zip(found, answers, strict=True) if answer)


def again(
    machine: Machine, texts: tuple[str, ...], questions: Path | None
) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The same for specifications that were there before."""
    return present(machine, read(",".join(texts)), questions)


def cvmfs(machine: Machine) -> tuple[Bind, ...]:
    """CVMFS, where somebody has mounted it: the image's own /cvmfs is an empty directory."""
    return (Bind(CVMFS, CVMFS, CVMFS),) if mounts.below(machine, CVMFS) else ()


def _plain(path: str) -> str:
    """normpath keeps two slashes at the beginning."""
    return os.path.normpath(f"/{path.lstrip('/')}")


def _bind(text: str) -> Bind:
    source, _, rest = text.partition(":")
    return Bind(text, source, rest.partition(":")[0] or source)


def _wrong(bind: Bind, whole: str) -> str:
    which = "" if bind.text == whole.strip() else f": {bind.text!r}"
    options = bind.text.split(":")[2:]
    if not bind.source.startswith("/") or not bind.target.startswith("/"):
        return f"names a path that does not begin with /{which}"
    if len(options) > 1 or any(not _OPTIONS.fullmatch(option) for option in options):
        return f"asks for {':'.join(options)!r}, which is neither ro nor rw{which}"
    if _plain(bind.target) in ("/", INSIDE, *OWN, *_SYSTEM):
        return f"hides {bind.target}, which jobs and their images need{which}"
    if exposes(bind.source):
        return f"would show every job what is the pilot's or another job's{which}"
    return ""


def _answer(found: ask.Found | BaseException) -> str:
    """Empty where the source is there and may be shown."""
    if isinstance(found, BaseException):
        return ask.HANGS if isinstance(found, TimeoutError) else f"cannot be used: {found}"
    return found.error or (f"leads to {found.real}, which is private" if exposes(found.real) else "")


def _absent(bind: Bind, reason: str) -> Problem:
    cure = f"mount it into this container (docker run -v {bind.source}:{bind.source}), or leave it out"
    return warning("bind-missing", f"SINGULARITY_BIND_EXTRA: {bind.source} {reason}", "jobs run without it", cure)
