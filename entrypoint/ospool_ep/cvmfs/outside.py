"""The outside of cvmfsexec: everything that it needs, looked at; then it is started, and this process becomes the small
init that stays there.
"""

import dataclasses
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from ospool_ep import instance, private
from ospool_ep.cvmfs import arrive, cache, children, default_local, needs, running, tree
from ospool_ep.cvmfs import mount as mounting
from ospool_ep.cvmfs.failures import Failed
from ospool_ep.machine import PLAIN_ENVIRONMENT, Machine
from ospool_ep.problem import Exit, Problem
from ospool_ep.settings import Settings

_SHOWN = 4
_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD)


def mount(
    machine: Machine,
    settings: Settings,
    order: arrive.Order,
    payload: tuple[str, ...],
    tell: Callable[[str], None],
    *,
    patient: bool,
    only_look: bool,
) -> tuple[Problem, ...]:
    """Everything that is wrong. Returns only where something is, or where nothing is to be mounted (`only_look`).

    `payload`: see mount.Place; `patient`: wait for what may pass by itself.
    """
    absent = needs.missing(machine)
    if absent:
        return absent
    children.adopt()
    directory = (private.parent(machine) or machine.path("/tmp")) / f"ep-{instance.new_name()}"
    problems: tuple[Problem, ...] = ()
    plan = None
    try:
        private.create(machine, directory)
        problems, plan = _prepare(machine, settings, order, mounting.Place(directory, payload, settings.passed_on))
        if plan is None or only_look:
            return problems
        tell(f"mounting {_listed(arrive.mounted(order.repositories))} with cvmfsexec")
        _become_init(machine, mounting.mount(machine, plan, patient, tell), plan.order.leave)
    except Failed as failed:
        return (*problems, failed.problem)
    except OSError as error:
        return (*problems, _no_room(directory, error))
    finally:
        if plan is not None:
            os.close(plan.lock)
        shutil.rmtree(directory, ignore_errors=True)


def _prepare(
    machine: Machine, settings: Settings, order: arrive.Order, place: mounting.Place
) -> tuple[tuple[Problem, ...], mounting.Plan | None]:
    """Everything that is wrong at once, or what every attempt needs."""
    trial = place.private / "trial"
    trial.mkdir()
    local, wrong = default_local.site(machine)
    wanted_mb = default_local.quota(local, settings)
    facts = cache.look(machine, wanted_mb)
    problems = (*needs.judge(needs.look(machine, str(trial))), *cache.judge(facts, machine.uid, wanted_mb),
                *wrong, *default_local.judge(local, settings))  # fmt: skip
    if any(not problem.warning for problem in problems):
        return problems, None
    lock, reason = cache.take(machine, machine.now)
    if lock is None:
        return (*problems, cache.in_use(reason, machine.hostname)), None
    quota = cache.quota(facts, wanted_mb)
    values = default_local.overrides(settings, local, quota, facts.logs_writable)
    order = dataclasses.replace(
        order,
        leave=str(place.private / "leave") if settings.cvmfs_required is not False else "",
        warnings=(*order.warnings, *problems),
        reserved_mb=max(0, quota - facts.used_mb) if facts.on_scratch else 0,
    )
    text = default_local.text(tree.distributed(machine), local, values)
    return problems, mounting.Plan(place, order, text, facts.logs_writable, settings.cvmfs_debug, lock)


def _become_init(machine: Machine, found: mounting.Mounted, leave: str) -> NoReturn:
    """exec: the same process, a hundredth of its size. Blocked signals wait until it looks at them."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    arguments = (running.INIT, str(found.child), str(found.payload), leave or "/dev/null")
    os.execve(machine.path(running.INIT), arguments, PLAIN_ENVIRONMENT)


def _listed(repositories: tuple[str, ...]) -> str:
    more = f" and {len(repositories) - _SHOWN} more" if len(repositories) > _SHOWN else ""
    return ", ".join(repositories[:_SHOWN]) + more


def _no_room(directory: Path, error: OSError) -> Problem:
    if str(error.filename).startswith(f"{needs.TREE}/"):
        return needs.incomplete(f"{error.filename}: {error.strerror}")
    found = f"cannot work below {directory.parent}: {error.strerror}: {error.filename}"
    cure = f"--tmpfs {private.PARENTS[0]}:mode=1777   (or a larger --shm-size, where the container is read-only)"
    return Problem(
        "cvmfs-directory", found, "cvmfsexec needs a few small files of its own", cure, Exit.UNFIT, str(error)
    )
