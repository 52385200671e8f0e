"""A job's container did not start: is it the machine, the default image, or the job's own image?"""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.containers import probe, registry, requirements, verdict
from ospool_ep.containers.failures import CONTAINERS, DEFAULT, IMAGE, SIF, Failure
from ospool_ep.containers.record import Record, Setup
from ospool_ep.machine import Machine, Result

_KINDS = {CONTAINERS: "containers", SIF: ".sif containers"}


@dataclass(frozen=True)
class Case:
    """A job: its image as it names it, its scratch directory, what else was mounted, and how it was started."""

    image: str
    directory: str
    mounted: tuple[str, ...]
    start: probe.Start


def explain(found: Record, setup: Setup, case: Case, result: Result) -> str:
    """Remember whose fault it is, and say it."""
    said = verdict.last_line(verdict.error(result))
    fault = _of_machine(found, setup, case)
    if fault is not None:
        found.add(fault)
        return f"this machine can no longer run {_KINDS[fault.what]}: {fault.why}"
    state = found.state()
    if case.image not in (state.image, state.gpu_image):
        blame_image(found, case.image, case.directory)
    elif not _starts_alone(found, setup, case):
        found.add(Failure(int(time.time()), DEFAULT, said))
    return f"image {case.image} cannot be started here: {said}"


def _starts_alone(found: Record, setup: Setup, case: Case) -> bool:
    """Without the job's files: what a job brings must not take the default image away from all others."""
    return probe.starts(Machine(), str(found.path.parent), case.mounted, setup.pid_namespaces, case.start)


def blame_image(found: Record, image: str, directory: str) -> None:
    """This user's jobs with this image have to wait. START lets no others in than those that can be written down."""
    name = f"{user(directory)} {image}"
    if re.fullmatch(requirements.PLAIN, name):
        found.add(Failure(int(time.time()), IMAGE, name))


def user(directory: str) -> str:
    """The job's User, as its ad in its scratch directory has it; a question mark where it has none."""
    try:
        text = (Path(directory) / ".job.ad").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "?"
    found = re.search(r'^User = "([^"]*)"$', text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else "?"


def _of_machine(found: Record, setup: Setup, case: Case) -> Failure | None:
    """Containers of our own are tried in the same place, with the same flags."""
    try:
        directory, file = probe.control(Machine(), str(found.path.parent), case.mounted, setup.pid_namespaces)
    except OSError as error:
        return Failure(int(time.time()), CONTAINERS, str(error))
    now = int(time.time())
    if not probe.passed(directory):
        return Failure(now, CONTAINERS, verdict.last_line(verdict.error(directory)))
    if _is_sif(case.image) and not probe.passed(file):
        return Failure(now, SIF, verdict.last_line(verdict.error(file)))
    return None


def _is_sif(image: str) -> bool:
    """Whether it is one in the end: what is pulled becomes one."""
    return bool(registry.SCHEME.match(image)) or image.endswith(".sif")
