"""Everything that is looked at before the pilot acts; the boot and the selftest share it."""

import dataclasses
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ospool_ep import ad, capacity_checks, checks, names, pools, scratch, tokens
from ospool_ep.check import Check, Outcome, patiently
from ospool_ep.concurrently import Running
from ospool_ep.containers import offer, published
from ospool_ep.containers.record import Setup, State
from ospool_ep.cvmfs import published as cvmfs_published
from ospool_ep.cvmfs.given import Given
from ospool_ep.delegation import Delegation
from ospool_ep.environment import load
from ospool_ep.gpus import offer as gpu_offer
from ospool_ep.gpus.found import Gpus
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem
from ospool_ep.report import Line
from ospool_ep.settings import Settings

# No healthy check needs longer; a hanging one (a dead NFS server under /pilot) is told, not waited for.
TIMEOUT_S = 60.0
T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What the pilot will be if it starts; to be trusted only when no problem is fatal."""

    settings: Settings
    names: names.Names
    pool: pools.Pool
    booted: int
    cpus: int
    memory_mb: int
    delegation: Delegation
    credentials: tokens.Credentials
    setup: Setup
    state: State
    cvmfs: Given
    gpus: Gpus
    proxy_works: bool
    attributes: dict[str, str]
    lines: tuple[Line, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order of the report."""
        return tuple(problem for line in self.lines for problem in line.problems)


def preflight(machine: Machine, environ: Mapping[str, str], instance: str, given: Given | None = None) -> Plan:
    """Look at everything, side by side where one thing does not need the other. `given`: CVMFS, if it was looked at."""
    settings, problems = load(environ)
    pool = pools.choose(settings, _draw)
    who = f"{settings.site or '?'} / {settings.resource_name or '?'}, pool {pool.name}"
    user = _end(_begin(checks.user(machine)))
    cpus, memory = _begin(capacity_checks.cpus(machine, settings)), _begin(capacity_checks.memory(machine, settings))
    groups = _begin(capacity_checks.job_cgroups(machine))
    limits = _begin(capacity_checks.limits(machine, lambda: _end(cpus).value.amount))
    token = _begin(checks.token(machine, settings, pool))
    able = _begin(checks.containers(machine, settings, _draw(1 << 32) / (1 << 32), given))
    devices = _begin(checks.gpus(machine, settings, lambda: _end(able).value))
    repositories = _begin(checks.cvmfs(machine, settings, given))
    extra, volume = _begin(checks.attributes(machine)), _begin(checks.volume(machine))
    proxy = _begin(checks.proxy_answers(settings))
    others = [_begin(check) for check in checks.plain(machine, settings)]
    cvmfs = _end(repositories).value
    containers = offer.without(_end(able).value, partial(cvmfs_published.unusable, cvmfs.state, machine.now))
    gpus = _end(devices).value
    setup = offer.setup(containers, settings, _end(volume).value.free_mb, gpus.bound)
    kept = {"pulled images": setup.cache_mb, "CVMFS": cvmfs.reserved_mb}
    space = dataclasses.replace(_end(volume).line, text=scratch.summary(_end(volume).value, kept))
    lines = [Line("settings", who, (*problems, *pools.judge(settings))), user.line]
    lines += [_end(cpus).line, _end(memory).line, _end(limits).line, _end(groups).line]
    lines += [space, *(_end(started).line for started in others), _end(proxy).line]
    lines += [_end(token).line, _end(extra).line, _end(repositories).line, _end(able).line]
    lines += [Line("image", offer.summary_of_image(containers)), _end(devices).line]
    state = offer.state(containers, machine.now)
    tested = published.attributes(setup, state)
    tested |= cvmfs_published.attributes(cvmfs.state, machine.now)
    tested |= gpu_offer.attributes(gpus)
    own = partial(ad.attributes, settings, pool, ad.lifetime(settings, machine.now), tested, _end(limits).value)
    totals = _end(cpus).value.amount, _end(memory).value.amount
    start = _end(_begin(checks.start(settings, own, _end(extra).value, *totals)))
    return Plan(
        settings=settings,
        names=names.choose(settings.resource_name, machine.hostname, instance, settings.randomize_name),
        pool=pool,
        booted=machine.now,
        cpus=totals[0],
        memory_mb=totals[1],
        delegation=_end(groups).value,
        credentials=_end(token).value,
        setup=setup,
        state=state,
        cvmfs=cvmfs,
        gpus=gpus,
        proxy_works=_end(proxy).value,
        attributes=start.value,
        lines=(*lines, start.line),
    )


def _draw(count: int) -> int:
    """A number below `count`; spreads the load over a pool's collectors."""
    return int.from_bytes(os.urandom(8), "big") % count


def _begin(check: Check[T]) -> tuple[Check[T], Running[Outcome[T]], float]:
    return check, Running(partial(patiently, check.look)), time.monotonic() + TIMEOUT_S


def _end(started: tuple[Check[T], Running[Outcome[T]], float]) -> Outcome[T]:
    """The outcome, also of a check that crashed or hangs; asking again costs nothing."""
    check, running, deadline = started
    return outcome(check, running.result(deadline - time.monotonic()))


def outcome(check: Check[T], answer: Outcome[T] | BaseException) -> Outcome[T]:
    """A crash or a time-out is a line of the report like any other."""
    if not isinstance(answer, BaseException):
        return answer
    if isinstance(answer, TimeoutError):
        found = f"{check.name}: no answer within {TIMEOUT_S:g} s"
        why = "the pilot cannot vouch for it" + (", and does without" if check.spare else "")
        problem = Problem("check-timeout", found, why, check.if_hanging, Exit.UNFIT, warning=check.spare)
        return Outcome(check.otherwise, Line(check.name, "no answer", (problem,)))
    cure = "please report it, with the variables that you set (never the token)"
    found = f"{check.name}: this check failed itself"
    crash = Problem("check-crashed", found, "a bug of ours", cure, Exit.BUG, repr(answer), check.spare)
    return Outcome(check.otherwise, Line(check.name, "crashed", (crash,)))
