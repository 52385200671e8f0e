"""From how the tests ended to what is offered, and to what people are told."""

import re
from dataclasses import dataclass, replace

from ospool_ep.containers import causes
from ospool_ep.containers.causes import Cause
from ospool_ep.containers.probe import UNPACKED, Seen, passed
from ospool_ep.containers.surroundings import Surroundings
from ospool_ep.machine import Result
from ospool_ep.problem import Problem, warning

# Apptainer colours what it says to a pipe as well.
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# HTCondor keeps 255 characters of a reason, its own words and ours in it. Apptainer says the most important last.
_KEPT = 160


@dataclass(frozen=True)
class Ability:
    """What was seen to work. `version` is empty when the program is not there."""

    version: str = ""
    directories: bool = False
    pid_namespaces: bool = False
    sif: bool = False
    comment: str = ""

    @property
    def usable(self) -> bool:
        """Container jobs of some kind can run."""
        return bool(self.version) and self.directories


def judge(seen: Seen, around: Surroundings) -> tuple[Ability, tuple[Problem, ...]]:
    """The decision, and a problem for each thing that is missing: warnings all, for plain jobs run anyway."""
    version = seen.version.stdout.strip().rpartition(" ")[2] if seen.version.status == 0 else ""
    directories = passed(seen.directory)
    problems = _problems(seen, around, bool(version) and directories)
    sif = directories and passed(seen.sif)
    return Ability(version, directories, seen.pid and directories, sif, comment(problems)), problems


def broken_by(binds: tuple[str, ...], problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Containers start without the site's binds, and not with them."""
    found = f"job containers do not run: SINGULARITY_BIND_EXTRA breaks them: {' '.join(binds) or 'all together'}"
    cure = (
        "correct SINGULARITY_BIND_EXTRA: mount it elsewhere in the container (source:/another/place), or leave it out"
    )
    return (warning("bind-breaks", found, _PLAIN_ONLY, cure, problems[0].raw),)


def comment(problems: tuple[Problem, ...]) -> str:
    """For the ad: what is off, in plain words."""
    return "; ".join(problem.found for problem in problems)


def _problems(seen: Seen, around: Surroundings, usable: bool) -> tuple[Problem, ...]:
    if not usable:
        result = seen.version if seen.version.status != 0 else seen.directory
        cause = causes.of_containers(error(result), around)
        told = replace(cause, cure="\n".join((cause.cure, *causes.further(around, seen.wanted_pid))))
        return (_problem("apptainer", "job containers do not run", told, _PLAIN_ONLY, result),)
    found = []
    if seen.with_pid.status != 0:
        cause = causes.of_pid_namespaces(error(seen.with_pid), around)
        what = "job containers get no PID namespace of their own"
        found.append(_problem("apptainer-pid-namespaces", what, cause, _EACH_OTHER, seen.with_pid))
    if not passed(seen.sif):
        cause = causes.of_sif(error(seen.sif), around)
        found.append(_problem("apptainer-sif", "containers in .sif files do not run", cause, _NO_SIF, seen.sif))
    return tuple(found)


_PLAIN_ONLY = "only jobs that ask for no container will match (few in the OSPool)"
_EACH_OTHER = "they run, but jobs on this pilot can see each other's processes"
_NO_SIF = "jobs whose container is a .sif file or comes from a registry will not match"


def _problem(id: str, found: str, cause: Cause, why: str, result: Result) -> Problem:
    return warning(id, f"{found}: {cause.meaning}", why, cause.cure, error(result))


def error(result: Result) -> str:
    """What Apptainer says, without colours and the stacks of its threads; its exit status where it says nothing."""
    lines = _COLOUR.sub("", result.stderr).splitlines()
    told = (line.rstrip() for line in lines if not line.startswith("INFO:") or UNPACKED in line)
    said = "\n".join(told).strip().partition("\ngoroutine ")[0].partition("\nPC=")[0]
    return said or f"exit status {result.status}"


def last_line(text: str) -> str:
    """Apptainer's reason: the end of its last line. As much of it as HTCondor keeps."""
    line = text.splitlines()[-1].strip().removeprefix("FATAL:").removeprefix("ERROR  :").strip()
    return line if len(line) <= _KEPT else f"... {line[-_KEPT:]}"


def summary(able: Ability) -> str:
    """One line for people."""
    if not able.usable:
        return f"{able.version} does not run containers" if able.version else "does not start"
    kinds = "directories and .sif files" if able.sif else "directories"
    own = "with" if able.pid_namespaces else "without"
    return f"{able.version} runs {kinds}, {own} PID namespaces"
