"""A problem's cure for the runtime that we are in. What was found, why it matters and the id stay as they are."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from ospool_ep.cure_words import SERVICE, SLURM, translated
from ospool_ep.problem import Problem
from ospool_ep.report import Line
from ospool_ep.runtime import APPTAINER, DOCKER, KUBERNETES, PODMAN, Runtime

_HOST = "host"
_WHO = {"docker or podman": (DOCKER, PODMAN), "docker": (DOCKER,), "podman": (PODMAN,), "Kubernetes": (KUBERNETES,),
        "Apptainer": (APPTAINER,), "Slurm": (SLURM,), "host": (_HOST,)}  # fmt: skip
_PREFIX = re.compile(rf"(?P<lead>and\b[^:]*: )?(?P<who>{'|'.join(_WHO)}): (?P<what>.*)")
# `docker run X   (podman: Y; Kubernetes: Z)` in the middle of a sentence
_INLINE = re.compile(
    r"(?P<docker>docker run [^(;\n]*?)(?P<gap> *)\((?P<others>[^)]*?\b(?:podman|Kubernetes|Apptainer): [^)]*)\)"
)


@dataclass(frozen=True)
class _Row:
    """`who` is empty in a line that is for everybody. `lead`: what begins a further cure (`and, for .sif files: `)."""

    what: str
    who: tuple[str, ...] = ()
    lead: str = ""
    whole: str = ""


def told(problems: tuple[Problem, ...], runtime: Runtime) -> tuple[Problem, ...]:
    """The same problems, with the cures for here."""
    return tuple(replace(problem, cure=cure(problem.cure, runtime)) for problem in problems)


def worded(line: Line, runtime: Runtime) -> Line:
    """The same row of the report."""
    return replace(line, problems=told(line.problems, runtime))


def cure(text: str, runtime: Runtime) -> str:
    """Only what is for this runtime, in its words: ready to paste. All of it where we do not know where we are."""
    names = _names(runtime)
    if not names:
        return text
    groups = groupby(_rows(text), lambda row: row.lead if row.who else None)
    return "\n".join(line for lead, rows in groups for line in _chosen(lead, list(rows), names))


def option(text: str, runtime: Runtime) -> str:
    """One option in docker's words as it is written here; marked as docker's where there is no other word for it."""
    names = _names(runtime)
    return (translated(text, names) if names else None) or f"docker or podman: {text}"


def _names(runtime: Runtime) -> tuple[str, ...]:
    names = (SERVICE if runtime.service else "", runtime.engine, SLURM if runtime.slurm else "")
    return tuple(filter(None, names))


def _rows(text: str) -> Iterator[_Row]:
    """A lead holds for the lines with a runtime that follow it."""
    lead = ""
    for line in text.split("\n"):
        match = _PREFIX.fullmatch(line)
        if match is None:
            lead = ""
            yield _Row(line, whole=line)
        else:
            lead = match["lead"] or lead
            yield _Row(match["what"], _WHO[match["who"]], lead, line)


def _chosen(lead: str | None, rows: list[_Row], names: tuple[str, ...]) -> list[str]:
    """Of lines that belong together. Where none of them is for here, docker's are translated; else all are kept."""
    if lead is None:
        return [_general(row.what, names) for row in rows]
    mine = [translated(row.what, names) or row.what for row in rows if set(row.who) & set(names)] or _from_docker(
        rows, names
    )
    if mine is None:
        return [row.whole for row in rows]
    host = [f"host: {row.what}" for row in rows if _HOST in row.who]
    first, *others = (*host, *mine)
    return [f"{lead}{first}", *others]


def _from_docker(rows: list[_Row], names: tuple[str, ...]) -> list[str] | None:
    """None where a line has nothing that is known to have a counterpart."""
    given = [row.what for row in rows if DOCKER in row.who]
    found = [one for one in given if (said := translated(one, names)) and (said != one or PODMAN in names)]
    if len(found) < len(given) or not (found or all(_HOST in row.who for row in rows)):
        return None
    return [translated(one, names) or one for one in found]


def _general(line: str, names: tuple[str, ...]) -> str:
    line = _INLINE.sub(lambda match: _inline(match, names), line)
    return translated(line, names) or line


def _inline(match: re.Match[str], names: tuple[str, ...]) -> str:
    """The alternative for here; what is in the parentheses for everybody stays."""
    rows = [_PREFIX.fullmatch(part) for part in match["others"].split("; ")]
    mine = [row["what"] for row in rows if row and set(_WHO[row["who"]]) & set(names)]
    plain = "; ".join(part for part, row in zip(match["others"].split("; "), rows, strict=True) if row is None)
    if mine:
        return mine[0]
    if DOCKER not in names and translated(match["docker"], names) is None:
        return match[0]
    return match["docker"] + (f"{match['gap']}({plain})" if plain else "")
