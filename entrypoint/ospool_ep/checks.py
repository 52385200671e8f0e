"""Everything that is looked at before the pilot acts: one table, shared by the boot and the selftest.

Nothing here changes anything outside the container.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ospool_ep import (
    ad,
    apptainer,
    environment,
    extra_attributes,
    identity,
    job_environment,
    names,
    policy,
    pools,
    resources,
    scratch,
    tokens,
)
from ospool_ep.concurrently import concurrently
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem
from ospool_ep.report import Line
from ospool_ep.settings import Settings

# No single check needs longer; hanging ones (a dead NFS server under /pilot) are told, not waited for.
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Plan:
    """What the pilot will be if it starts; complete only when no problem is fatal."""

    settings: Settings
    names: names.Names
    pool: pools.Pool
    booted: int
    times: ad.Clock
    offer: resources.Offer
    credentials: tokens.Credentials
    apptainer: apptainer.Apptainer
    attributes: dict[str, str]
    lines: tuple[Line, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order of the report."""
        return tuple(problem for line in self.lines for problem in line.problems)


Answer = tuple[Any, Line]


def preflight(machine: Machine, environ: Mapping[str, str], instance: str) -> Plan:
    """Look at everything, side by side where one thing does not need the other."""
    settings, problems = environment.load(environ)
    pool = pools.choose(settings, _draw)
    chosen = names.choose(settings.resource_name, machine.hostname, instance, settings.randomize_name)
    first = Line(
        "settings",
        f"{settings.site or '?'} / {settings.resource_name or '?'}, pool {pool.name}",
        (*problems, *pools.judge(settings)),
    )
    _, user = _guarded("user", lambda: _user(machine))
    answers = _side_by_side(machine, settings, pool)
    offer, credentials, able, extra = (answers[name][0] for name in ("offer", "token", "apptainer", "attributes"))
    times = ad.clock(settings, machine.now)
    published = ad.attributes(settings, pool, times, able or apptainer.Apptainer())
    published |= {attribute.name: attribute.text for attribute in extra or ()}
    _, start = _guarded("start", lambda: _start(settings, published, offer))
    lines = (first, user, *(line for _, line in answers.values()), start)
    return Plan(
        settings,
        chosen,
        pool,
        machine.now,
        times,
        offer or resources.Offer(0, 0, ""),
        credentials or tokens.Credentials(),
        able or apptainer.Apptainer(),
        published,
        lines,
    )


def _draw(count: int) -> int:
    """A number below `count`; spreads the load over a pool's collectors."""
    return int.from_bytes(os.urandom(8), "big") % count


def _side_by_side(machine: Machine, settings: Settings, pool: pools.Pool) -> dict[str, Answer]:
    """CVMFS and GPUs get their rows here."""
    table: dict[str, Callable[[], Answer]] = {
        "offer": lambda: _offer(settings),
        "scratch": lambda: _scratch(machine),
        "token": lambda: _token(machine, settings, pool),
        "attributes": lambda: _attributes(machine),
        "job environ.": lambda: (None, Line("job environ.", "", job_environment.judge(machine, settings))),
        "apptainer": lambda: _apptainer(machine, settings),
    }
    results = concurrently(tuple(table.values()), TIMEOUT_S)
    return {name: _answer(name, result) for name, result in zip(table, results, strict=True)}


def _guarded(name: str, look: Callable[[], Answer]) -> Answer:
    return _answer(name, concurrently((look,), TIMEOUT_S)[0])


def _answer(name: str, result: Answer | BaseException) -> Answer:
    if not isinstance(result, BaseException):
        return result
    if isinstance(result, TimeoutError):
        cure = "look for a hanging mount among the volumes of this container (on the host: df hangs too)"
        late = Problem("check-timeout", f"{name}: {result}", "the pilot cannot vouch for it", cure, Exit.UNFIT)
        return None, Line(name, "no answer", (late,))
    cure = "please report it with OSPOOL_EP_TRACEBACK=1"
    crash = Problem("check-crashed", f"{name}: this check failed itself", "a bug of ours", cure, Exit.BUG, repr(result))
    return None, Line(name, "crashed", (crash,))


def _user(machine: Machine) -> Answer:
    name, problems = identity.ensure(machine)
    return name, Line("user", f"{name} (uid {machine.uid}, gid {machine.gid}) on {machine.hostname}", problems)


def _offer(settings: Settings) -> Answer:
    offer, problems = resources.decide(resources.look(), settings)
    return offer, Line("offer", offer.source, problems)


def _scratch(machine: Machine) -> Answer:
    facts = scratch.look(machine)
    text = f"{scratch.PATH}, {facts.free_mb / 1024:.1f} GB free" if facts.exists else f"no {scratch.PATH}"
    return facts, Line("scratch", text, scratch.judge(facts, machine.uid))


def _token(machine: Machine, settings: Settings, pool: pools.Pool) -> Answer:
    credentials, problems = tokens.collect(machine, settings.token, pool.issuer)
    return credentials, Line("token", tokens.summary(credentials, machine.now) or "none that can be used", problems)


def _attributes(machine: Machine) -> Answer:
    extra, problems = extra_attributes.read(machine)
    text = ", ".join(attribute.name for attribute in extra)
    return extra, Line("attributes", f"extra: {text}" if text else "", problems)


def _apptainer(machine: Machine, settings: Settings) -> Answer:
    able, problems = apptainer.look(machine, not settings.disable_pid_namespaces)
    return able, Line("apptainer", apptainer.summary(able), problems)


def _start(settings: Settings, published: dict[str, str], offer: resources.Offer | None) -> Answer:
    # Names that may vary during a pilot's life (Cpus of a slot shrink with jobs) are not decided here.
    sizes = {"TotalCpus": str(offer.cpus), "TotalMemory": str(offer.memory_mb)} if offer else {}
    problems = policy.judge(settings, published | sizes)
    return None, Line("start", f"GLIDEIN_Start_Extra: {settings.start_extra}", problems)
