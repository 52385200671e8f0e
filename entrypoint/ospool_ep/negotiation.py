"""Will the pool look at this slot, and would an ordinary job start there? What the boot cannot find wrong, and what
then leaves a pilot without jobs. Source: platform.md, "The pool's side".
"""

import re
from collections.abc import Callable, Mapping
from functools import partial

from ospool_ep import ad, classads
from ospool_ep.check import Check, Outcome
from ospool_ep.for_job import ordinary
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan
from ospool_ep.problem import Problem, exit_code, warning
from ospool_ep.report import Line

_OLDEST, _EXCLUDED = (23, 0, 0), ((24, 12, 0), (24, 12, 1))
_OLDEST_PELICAN = (7, 11, 0)
_LEAST_MIPS = 11800
_OVERLOOKED = "the OSPool's negotiator does not look at this slot: no job would come"
_REGISTERED = "-e GLIDEIN_ResourceName=the name that OSG Topology has for this resource"
_NEW_IMAGE = "start the newest image (docker run --pull=always)"
_REFUSED = "a pilot would not start with these options"


def checks(machine: Machine, plan: Plan, running: Mapping[str, str] | None = None) -> tuple[Check[None], ...]:
    """One for START, and one for each condition of the OSPool's main negotiator. `running`: the ad of a pilot here."""
    rows = (
        ("usual job", partial(_ordinary, machine, plan)),
        ("OSPool", partial(_everybody, plan)),
        ("HTCondor", partial(_of_ospool, plan, lambda: version(machine))),
        ("resource", partial(_of_ospool, plan, lambda: resource(plan.settings.resource_name))),
        ("Pelican", partial(_of_ospool, plan, lambda: pelican(plan.attributes | dict(running or {})))),
        ("Mips", partial(_of_ospool, plan, lambda: mips(running))),
    )
    return tuple(Check(name, partial(_outcome, name, look), None) for name, look in rows)


# Text, problems, and why it does not apply.
_Found = tuple[str, tuple[Problem, ...], str]


def _outcome(name: str, look: Callable[[], _Found]) -> Outcome[None]:
    text, problems, absent = look()
    return Outcome(None, Line(name, text, problems, absent))


def _of_ospool(plan: Plan, look: Callable[[], _Found]) -> _Found:
    if not plan.pool.production:
        return "", (), f"{plan.pool.name} is not the OSPool: its negotiator has conditions of its own"
    return look()


def _ordinary(machine: Machine, plan: Plan) -> _Found:
    return ("", (), _REFUSED) if exit_code(plan.problems) else ordinary.judged(machine, plan)


def _everybody(plan: Plan) -> _Found:
    """OSPool =?= True; otherwise it is for the allocations' negotiator, and somebody may want just that."""
    if not plan.pool.production:
        return "", (), f"{plan.pool.name} is not the OSPool"
    if plan.attributes.get("OSPool") == "True":
        return "True: the main negotiator looks at this slot", (), ""
    why = restriction(plan)
    told = "False: only the allocations' negotiator looks at this slot"
    if why:
        return f"{told} ({why})", (), ""
    found = f"OSPool = {plan.attributes.get('OSPool', 'undefined')}, and nothing restricts this pilot"
    cure = "see the problems above" if plan.problems else "please report it, with the variables that you set"
    return told, (warning("pool-ospool", found, _OVERLOOKED, cure),), ""


def restriction(plan: Plan) -> str:
    """What makes this a pilot for somebody."""
    if plan.settings.project_name:
        return "OSG_PROJECT_NAME is set"
    expression = classads.parse(plan.settings.start_extra)
    return "" if isinstance(expression, classads.ParseFailure) else _mentioned(classads.references(expression))


def _mentioned(names: tuple[str, ...]) -> str:
    found = [name for name in names if name.lower() in ad.OWNERS]
    return f"GLIDEIN_Start_Extra mentions {', '.join(found)}" if found else ""


def version(machine: Machine) -> _Found:
    """HTCondor >= 23.0.0, but for two that lose jobs."""
    said = machine.run(("condor_version",), 5.0)
    match = re.search(r"\$CondorVersion: (\d+)\.(\d+)\.(\d+)", said.stdout)
    if not match:
        problem = warning("pool-version", "condor_version does not say a version", _OVERLOOKED, _NEW_IMAGE, said.stderr)
        return "", (problem,), ""
    numbers = tuple(map(int, match.groups()))
    text = ".".join(map(str, numbers))
    if numbers >= _OLDEST and numbers not in _EXCLUDED:
        return text, (), ""
    return text, (warning("pool-version", f"HTCondor {text} is not wanted there", _OVERLOOKED, _NEW_IMAGE),), ""


def resource(name: str) -> _Found:
    """GLIDEIN_ResourceName defined, and neither UNKNOWN nor containing ARGO."""
    if not name:
        return "", (), "GLIDEIN_ResourceName is not set"
    if name != "UNKNOWN" and "ARGO" not in name:
        return name, (), ""
    what = f"GLIDEIN_ResourceName={name}{' contains ARGO' if 'ARGO' in name else ''}"
    return name, (warning("pool-resource", what, _OVERLOOKED, _REGISTERED),), ""


def pelican(said: Mapping[str, str]) -> _Found:
    """Where PelicanPluginVersion is defined, it is >= 7.11.0."""
    text = next((text.strip('"') for name, text in said.items() if name.lower() == "pelicanpluginversion"), "")
    if not text:
        return "", (), "no Pelican plugin in this image; the negotiator asks for its version only where there is one"
    match = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    if match and tuple(map(int, match.groups())) >= _OLDEST_PELICAN:
        return text, (), ""
    found = f"PelicanPluginVersion is {text}: older than {'.'.join(map(str, _OLDEST_PELICAN))}"
    return text, (warning("pool-pelican", found, _OVERLOOKED, _NEW_IMAGE),), ""


def mips(running: Mapping[str, str] | None) -> _Found:
    """Mips > 11800, which takes ten seconds to measure: told of a pilot that runs."""
    text = next((text for name, text in (running or {}).items() if name.lower() == "mips"), "")
    if not text.isdigit():
        return "", (), "HTCondor measures it 10 s after the start"
    if int(text) > _LEAST_MIPS:
        return text, (), ""
    found = f"Mips is {text}: not more than {_LEAST_MIPS}"
    cure = "a faster machine, or less load on this one while the pilot starts; then start it again"
    return text, (warning("pool-mips", found, _OVERLOOKED, cure),), ""
