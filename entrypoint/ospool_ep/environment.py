"""From the raw environment to Settings and everything that is wrong with it."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from ospool_ep import jwt, values
from ospool_ep.classads import nearest
from ospool_ep.problem import Problem, shorten, warning
from ospool_ep.settings import NOT_YET, RUNTIME, SERVICE_ONLY, TABLE, Row, Settings, known_names, passed_on

_OURS = re.compile(
    r"(GLIDEIN|GLIDECLIENT|CVMFS|SINGULARITY|APPTAINER|OSG|OSGVO|OSPOOL|CCB|ACCEPT|RETIREMENT|EXTRA_JOB)", re.IGNORECASE
)
# Kubernetes adds these for every service of the namespace, whatever the service is called.
_KUBERNETES = re.compile(r".*_(SERVICE_(HOST|PORT)(_.*)?|PORT(_\d+_(TCP|UDP|SCTP)(_.*)?)?)")
# Set by an outer Apptainer container, Slurm or systemd; not an administrator's words.
_OUTER = re.compile(
    r"(APPTAINER|SINGULARITY)(ENV_.*|_(NAME|CONTAINER|COMMAND|ENVIRONMENT|BIND|APPNAME))|SLURM_.*|MEMORY_PRESSURE_(WATCH|WRITE)"
)

# Of a proxy's address: who writes it there wants it told to nobody.
_PASSWORD = re.compile(r"//[^/@\s]*@")


def load(environ: Mapping[str, str]) -> tuple[Settings, tuple[Problem, ...]]:
    """Settings (defaults where a value is refused) and every problem with the environment."""
    fields: dict[str, Any] = {}
    problems: list[Problem] = []
    refused: list[str] = []
    for row in TABLE:
        value, found = _value(row, environ)
        problems += found
        refused += [row.name for problem in found if not problem.warning]
        if value is not None:
            fields[row.field] = value
    settings = Settings(**fields, passed_on=passed_on(environ), refused=tuple(refused))
    return settings, (*problems, *_ranges(settings), *_not_yet(environ), *_strangers(environ))


def refused(environ: Mapping[str, str], names: Collection[str]) -> tuple[Problem, ...]:
    """What is wrong with these variables, for a program that needs no others."""
    found = (_value(row, environ)[1] for row in TABLE if row.name in names)
    return tuple(problem for problems in found for problem in problems if not problem.warning)


def _value(row: Row, environ: Mapping[str, str]) -> tuple[Any, list[Problem]]:
    text = values.tolerate(environ.get(row.name, ""), row.quotes)
    if not text and not (row.empty_counts and row.name in environ):
        return None, [_missing(row, environ)] if row.required else []
    if not row.secret and jwt.inside(text):
        return None, [_token(row)]
    try:
        return row.parse(text), []
    except ValueError as error:
        shown = "" if row.secret else f"={shorten(text)!r}"
        what = without_password(f"{row.name}{shown} {error}")
        if row.inherited:
            return None, [_ignored(row, what)]
        found = Problem("setting-invalid", what, f"it stands for: {row.help}", _cure(row))
        return None, [found]


def without_password(text: str) -> str:
    """What is said of an address, without what stands before its @."""
    return _PASSWORD.sub("//[redacted]@", text)


def _ignored(row: Row, found: str) -> Problem:
    cure = f"set NUM_CPUS and MEMORY to what the job was given, or leave {row.name} out"
    return warning("setting-ignored", found, "assumed: it sets no limit", cure)


def _token(row: Row) -> Problem:
    why = "this variable is shown in logs and ads; a token seen there must be replaced by a new one"
    cure = f"correct {row.name}; a token goes into a file (docker run -v FILE:/etc/condor/tokens-orig.d/NAME) or TOKEN"
    return Problem("setting-token", f"{row.name} holds a token (JSON Web Token)", why, cure)


def _missing(row: Row, environ: Mapping[str, str]) -> Problem:
    other = next((name for name in environ if name.lower() == row.name.lower() and environ[name].strip()), None)
    found = f"{row.name} is not set" if row.name not in environ else f"{row.name} is empty"
    if other:
        found += f" (but {other} is: names are case-sensitive)"
    why = "the OSPool accounts for work by the site and resource registered in OSG Topology"
    return Problem("setting-missing", found, why, f'docker run -e {row.name}="NAME"')


def _cure(row: Row) -> str:
    default = f" (default {row.default})" if row.default else ""
    return f"correct {row.name}, or leave it out{default}" if not row.required else f'-e {row.name}="NAME"'


def _ranges(settings: Settings) -> tuple[Problem, ...]:
    low, high = settings.ccb_range_low, settings.ccb_range_high
    if low is None and high is None:
        return ()
    if low is not None and high is not None and low <= high:
        return ()
    found = f"CCB_RANGE_LOW={low or ''} and CCB_RANGE_HIGH={high or ''} are not a range"
    return (Problem("setting-ccb-range", found, "the CCB port is picked between the two", "set both, the lower first"),)


def _not_yet(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    return tuple(
        warning("setting-not-yet", f"{name} is set, but this version does not act on it",
                consequence, f"leave {name} out to silence this; nothing else depends on it")
        for name, consequence in NOT_YET
        if environ.get(name, "").strip()
    )  # fmt: skip


def _strangers(environ: Mapping[str, str]) -> tuple[Problem, ...]:
    names = known_names()
    # A batch system's variables are not written by hand, and have many neighbours (ROCR_VISIBLE_DEVICES)
    others = (*SERVICE_ONLY, *(row.name for row in TABLE if row.inherited))
    ours = tuple(name for name in names if name not in others)
    found = (_stranger(name, ours) for name in sorted(environ) if environ[name] and name not in names)
    return tuple(problem for problem in found if problem)


def _stranger(name: str, known: tuple[str, ...]) -> Problem | None:
    if name.startswith("_CONDOR_"):
        return warning("setting-htcondor", f"{name} is set, but is not passed on to HTCondor",
                       "it would override what the pilot has checked",
                       "use the pilot's own variables (README), or ask us for the one you need")  # fmt: skip
    if name in RUNTIME or _KUBERNETES.fullmatch(name) or _OUTER.fullmatch(name):
        return None
    ours = bool(_OURS.match(name))
    like = nearest(name, known, 0.75 if ours else 0.8)
    if not ours and like is None:
        return None
    hint = f"did you mean {like}?" if like else "see the table of variables in the README"
    return warning("setting-unknown", f"{name} is not a variable of this pilot", "it has no effect", hint)
