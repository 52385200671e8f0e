"""Everything that is looked at before the pilot acts; the boot and the selftest share it."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ospool_ep import ad, capacity_checks, checks, names, pools, runtime, scratch, tokens
from ospool_ep.board import Board
from ospool_ep.check import Check
from ospool_ep.containers import offer, published
from ospool_ep.containers.record import Setup, State
from ospool_ep.cvmfs import published as cvmfs_published
from ospool_ep.cvmfs.given import Given
from ospool_ep.delegation import Delegation
from ospool_ep.environment import load
from ospool_ep.gpus import offer as gpu_offer
from ospool_ep.gpus.found import Gpus
from ospool_ep.known import Known
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem
from ospool_ep.report import Line
from ospool_ep.runtime import Runtime
from ospool_ep.settings import Settings, runtime_marks

# More checks, which the boot does not make.
Also = Callable[[Known], tuple[Check[None], ...]]


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
    runtime: Runtime
    lines: tuple[Line, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All of them, in the order of the report."""
        return tuple(problem for line in self.lines for problem in line.problems)


def preflight(
    machine: Machine,
    environ: Mapping[str, str],
    instance: str,
    given: Given | None = None,
    board: Board | None = None,
    *,
    also: Also = lambda _: (),
) -> Plan:
    """Look at everything, side by side where one thing does not need the other. `given`: CVMFS, if it was looked at;
    `also`: more checks, last in the report.
    """
    board = board or Board()
    settings, problems = load(environ)
    pool = pools.choose(settings, _draw)
    who = f"{settings.site or '?'} / {settings.resource_name or '?'}, pool {pool.name}"
    user = board.end(board.begin(checks.user(machine)))
    cpus, memory = (
        board.begin(capacity_checks.cpus(machine, settings)),
        board.begin(capacity_checks.memory(machine, settings)),
    )
    groups = board.begin(capacity_checks.job_cgroups(machine))
    limits = board.begin(capacity_checks.limits(machine, lambda: board.end(cpus).value.amount))
    token = board.begin(checks.token(machine, settings, pool))
    able = board.begin(checks.containers(machine, settings, _draw(1 << 32) / (1 << 32), given))
    devices = board.begin(checks.gpus(machine, settings, lambda: board.end(able).value))
    repositories = board.begin(checks.cvmfs(machine, settings, given))
    extra, volume = board.begin(checks.attributes(machine)), board.begin(checks.volume(machine))
    proxy = board.begin(checks.proxy_answers(settings))
    known = Known(settings, pool, lambda: board.end(token).value, lambda: board.end(proxy).value)
    more = [board.begin(check) for check in also(known)]
    others = [board.begin(check) for check in checks.plain(machine, settings)]
    cvmfs = board.end(repositories).value
    containers = offer.without(board.end(able).value, partial(cvmfs_published.unusable, cvmfs.state, machine.now))
    gpus = board.end(devices).value
    setup = offer.setup(containers, settings, board.end(volume).value.free_mb, gpus.bound)
    kept = {"pulled images": setup.cache_mb, "CVMFS": cvmfs.reserved_mb}
    space = dataclasses.replace(board.end(volume).line, text=scratch.summary(board.end(volume).value, kept))
    lines = [Line("settings", who, (*problems, *pools.judge(settings))), user.line]
    lines += [board.end(cpus).line, board.end(memory).line, board.end(limits).line, board.end(groups).line]
    lines += [space, *(board.end(started).line for started in others), board.end(proxy).line]
    lines += [board.end(token).line, board.end(extra).line, board.end(repositories).line, board.end(able).line]
    lines += [Line("image", offer.summary_of_image(containers)), board.end(devices).line]
    state = offer.state(containers, machine.now)
    tested = published.attributes(setup, state)
    tested |= cvmfs_published.attributes(cvmfs.state, machine.now)
    tested |= gpu_offer.attributes(gpus)
    own = partial(ad.attributes, settings, pool, ad.lifetime(settings, machine.now), tested, board.end(limits).value)
    totals = board.end(cpus).value.amount, board.end(memory).value.amount
    start = board.end(board.begin(checks.start(settings, own, board.end(extra).value, *totals)))
    here = runtime.look(machine, runtime_marks(environ))
    return Plan(
        settings=settings,
        names=names.choose(settings.resource_name, machine.hostname, instance, settings.randomize_name),
        pool=pool,
        booted=machine.now,
        cpus=totals[0],
        memory_mb=totals[1],
        delegation=board.end(groups).value,
        credentials=board.end(token).value,
        setup=setup,
        state=state,
        cvmfs=cvmfs,
        gpus=gpus,
        proxy_works=board.end(proxy).value,
        attributes=start.value,
        runtime=here,
        lines=_worded((*lines, start.line, *(board.end(started).line for started in more)), here),
    )


def _worded(lines: tuple[Line, ...], here: Runtime) -> tuple[Line, ...]:
    """The same findings, with cures that can be pasted here."""
    if not any(line.problems for line in lines):
        return lines
    from ospool_ep import cures  # a boot without problems needs none

    return tuple(cures.worded(line, here) for line in lines)


def _draw(count: int) -> int:
    """A number below `count`; spreads the load over a pool's collectors."""
    return int.from_bytes(os.urandom(8), "big") % count
