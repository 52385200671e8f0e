"""When a job may start: the clauses of START, one by one, each with the reason that people are given.

Source: ospool.md section 4. An undefined attribute is no objection unless a clause says otherwise; every
clause is written so that it is never undefined itself.
"""

from dataclasses import dataclass
from enum import Enum

from ospool_ep import classads
from ospool_ep.containers import requirements
from ospool_ep.problem import Problem, warning
from ospool_ep.settings import Settings

# A job marked Long may run for 40 hours.
_LONG_JOB_S = 40 * 3600


@dataclass(frozen=True)
class Clause:
    """One condition: `id` is stable, `meaning` completes "a job starts only if ..."."""

    id: str
    meaning: str
    text: str


# Separated by commas only: names of sites may hold blanks.
_LISTED = 'stringListMember(GLIDEIN_Site, TARGET.{}, ",")'

_FIXED: tuple[Clause, ...] = (
    Clause("accepting", "the pilot still accepts jobs (GLIDEIN_ToRetire is ahead)",
           "(time() < GLIDEIN_ToRetire) =!= False"),
    Clause("long-job", "a job of the Long category has 40 hours before GLIDEIN_ToDie",
           f'(TARGET.JobDurationCategory == "Long") =!= True || (GLIDEIN_ToDie - time() > {_LONG_JOB_S}) =!= False'),
    Clause("validated", "the node passed its validation", "OSG_NODE_VALIDATED =?= True"),
    Clause("black-hole", "jobs do not die here one after the other", "IsBlackHole =!= True"),
    Clause("load", "the machine is not overloaded", "HasExcessiveLoad =!= True"),
    Clause("cvmfs-lost", "the CVMFS that this pilot has mounted, and must have, lives", "CVMFS_LOST =!= True"),
    Clause("desired-sites", "the job's DESIRED_Sites, if any, include this site",
           f"TARGET.DESIRED_Sites =?= undefined || {_LISTED.format('DESIRED_Sites')} =?= True"),
    Clause("undesired-sites", "the job's UNDESIRED_Sites do not include this site",
           f"TARGET.UNDESIRED_Sites =?= undefined || {_LISTED.format('UNDESIRED_Sites')} =!= True"),
    Clause("project", "the job has a ProjectName", "TARGET.ProjectName =!= undefined"),
    Clause("gpu", "on a GPU machine it asks for GPUs, or there is room for jobs that need none",
           "(GPUs > 0) =!= True || (TARGET.RequestGPUs > 0) =?= True || RoomForCPUOnlyJobs =!= False"),
    Clause("container", "this machine can run the job's container image", "SINGULARITY_START_CLAUSE =!= False"),
    Clause("image-failed", "its container image has not just failed to start here",
           f"{requirements.FAILED_HERE} =!= True"),
    Clause("tool-daemon", "it brings no tool daemon: that would run outside of its container",
           "TARGET.ToolDaemonCmd =?= undefined"),
    Clause("mpi", "an MPI job finds MPI here", "TARGET.Want_MPI =!= True || MY.Has_MPI =?= True"),
)  # fmt: skip

# START is made of these, so GLIDEIN_Start_Extra must not be made of START.
_CIRCULAR = {"start", "start_extra", "requirements"}
RANK = "(TARGET.RequestGPUs > 0) =?= True ? TARGET.RequestGPUs : 0"
# Room for CPU-only jobs per GPU, on the partitionable slot: CPUs, MB, KB.
ROOM_FOR_CPU_ONLY = "(Cpus > 8 * GPUs && Memory > 32000 * GPUs && Disk > 5000000 * GPUs) =!= False"
# Ten jobs that ended within three minutes on average are no accident.
BLACK_HOLE = "(RecentJobDurationCount >= 10 && RecentJobDurationAvg < 180) =?= True"
EXCESSIVE_LOAD = "(LoadAvg > 2 * DetectedCpus + 2) =?= True"


def clauses(settings: Settings) -> tuple[Clause, ...]:
    """All clauses of START for these settings, in the order of ospool.md."""
    return (*_FIXED, *_project(settings), _itb(settings), _extra(settings))


def start(settings: Settings) -> str:
    """The START expression."""
    return " && ".join(f"({clause.text})" for clause in clauses(settings))


def _project(settings: Settings) -> tuple[Clause, ...]:
    if not settings.project_name:
        return ()
    return (Clause("only-project", f"its ProjectName is {settings.project_name}", project_restriction(settings)),)


def project_restriction(settings: Settings) -> str:
    """True for jobs of OSG_PROJECT_NAME; project names are compared as they are spelled."""
    return f"TARGET.ProjectName =?= {classads.quote(settings.project_name)}" if settings.project_name else "True"


def _itb(settings: Settings) -> Clause:
    if settings.itb:
        return Clause("itb", "it is marked for the integration test bed (ITB_Sites)", "TARGET.ITB_Sites =?= True")
    return Clause("itb", "it is not meant for the integration test bed", "TARGET.ITB_Sites =!= True")


def _extra(settings: Settings) -> Clause:
    return Clause("start-extra", "GLIDEIN_Start_Extra is true for it", settings.start_extra)


def judge(settings: Settings, attributes: dict[str, str]) -> tuple[Problem, ...]:
    """What is wrong with GLIDEIN_Start_Extra, or with START as a whole.

    `attributes`: what the machine ad will say for certain (name to ClassAd text).
    """
    text = settings.start_extra
    expression = classads.parse(text)
    if isinstance(expression, classads.ParseFailure):
        return (_unparsable(text, expression),)
    mentioned = classads.references(expression)
    if _CIRCULAR.intersection(map(str.lower, mentioned)):
        return (_circular(text),)
    remains = classads.simplified(expression, attributes)
    if not classads.can_be_true(remains):
        return (_never(text, _word(remains)),)
    known = classads.known("attributes") | frozenset(attributes)
    lower = {name.lower() for name in known}
    strange = tuple(_strange(name, known) for name in mentioned if name.lower() not in lower)
    return (*strange, *((_project_here(),) if "projectname" in map(str.lower, mentioned) else ()))


def _unparsable(text: str, failure: classads.ParseFailure) -> Problem:
    # A part that fits on one row of the report: wrapped, it would leave the pointer alone.
    first = max(0, failure.column - 60)
    pointer = f"\n{text[first : first + 100]}\n{' ' * (failure.column - 1 - first)}^" if failure.column else ""
    found = f"GLIDEIN_Start_Extra is not a ClassAd expression: {failure}{pointer}"
    cure = "-e GLIDEIN_Start_Extra='TARGET.RequestMemory <= 8000'   (quote it for your shell)"
    return Problem("start-extra-syntax", found, "HTCondor would start no job at all", cure)


def _circular(text: str) -> Problem:
    found = f"GLIDEIN_Start_Extra={text!r} mentions START itself: it can never be true"
    cure = "leave START, START_EXTRA and Requirements out of GLIDEIN_Start_Extra; it is ANDed to START anyway"
    return Problem("start-circular", found, "the pilot would hold the machine and never run a job", cure)


def _word(value: object) -> str:
    """As an administrator would write it: undefined (the bindings' enumeration prints as a number), false, 0.0."""
    name = value.name if isinstance(value, Enum) else value if isinstance(value, bool) else repr(value)
    return str(name).lower()


def _never(text: str, remains: str) -> Problem:
    found = f"GLIDEIN_Start_Extra={text!r} is always {remains}: START can never be true"
    cure = "correct GLIDEIN_Start_Extra, or leave it out (default True)"
    return Problem("start-never", found, "the pilot would hold the machine and never run a job", cure)


def _strange(name: str, known: frozenset[str]) -> Problem:
    near = classads.nearest(name, known)
    found = f"GLIDEIN_Start_Extra mentions {name}, which no machine or job of HTCondor has by itself"
    cure = f"did you mean {near}?" if near else "ignore this if your jobs set it themselves"
    return warning(
        "start-extra-attribute",
        found,
        "where the attribute is missing the clause is not true, and the job does not start",
        cure,
    )


def _project_here() -> Problem:
    found, why = (
        "GLIDEIN_Start_Extra restricts the project",
        "the pool cannot tell that this pilot is not for everybody",
    )
    return warning("start-extra-project", found, why, "-e OSG_PROJECT_NAME=...")
