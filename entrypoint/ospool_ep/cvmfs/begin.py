"""Before everything else: is CVMFS to be mounted, and with what result? Where it is mounted, this process stays outside
of cvmfsexec's namespaces, and the pilot, or another command, goes on inside.
"""

import dataclasses
from collections.abc import Callable

from ospool_ep.cvmfs import bound, names
from ospool_ep.cvmfs.ask import ask
from ospool_ep.cvmfs.called import Called
from ospool_ep.cvmfs.given import NOT_MOUNTED, Given
from ospool_ep.environment import load, refused
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, exit_code
from ospool_ep.settings import TABLE, Settings

_BOTH = "CVMFSEXEC_REPOS has no effect: a /cvmfs is bound in, and alive"
# On a host that has just booted autofs must mount it first, over the network: so it is asked alone, and for longer.
_PATIENCE_S = 15.0
_DEAD = "the /cvmfs that is bound in cannot be used"
_SQUID = "OSG_SQUID_LOCATION"


def begin(
    machine: Machine,
    mine: Called,
    program: str,
    tell: Callable[[str], None],
    *,
    patient: bool = True,
    a_pilot: bool = True,
) -> Given | None:
    """What is known of CVMFS where it was not mounted; None where nothing was looked at yet. Does not return where it
    was: `program` then runs inside, with the same arguments. `patient`: wait for what may pass by itself. `a_pilot`:
    every variable counts, not only those of CVMFS.
    """
    settings, wrong = load(mine.environ)
    wrong = wrong if a_pilot else variables(mine)
    if settings.cvmfs_repositories is None:
        return None
    found, alive = _bound(machine)
    if alive:
        return _lacking(found, settings, machine.now)
    from ospool_ep.cvmfs import arrive, outside  # 15 ms that most pilots can do without

    note = _DEAD if found.state.source else ""
    order = arrive.Order(mine.environ, mine.started, settings.cvmfs_repositories, note=note, warnings=found.problems)
    only_look = bool(exit_code(wrong))
    payload = (program, *mine.arguments)
    problems = outside.mount(machine, settings, order, payload, tell, patient=patient, only_look=only_look)
    found = dataclasses.replace(found, note="not mounted while variables are refused" if only_look else "")
    return _refused(found, problems, settings.cvmfs_required is not False)


def variables(mine: Called) -> tuple[Problem, ...]:
    """What is wrong with those that CVMFS is mounted by."""
    return refused(mine.environ, {*(row.name for row in TABLE if row.field.startswith("cvmfs_")), _SQUID})


def _bound(machine: Machine) -> tuple[Given, bool]:
    """A /cvmfs that is bound in, if any, and whether it lives: its config repository, the sign of life, is there."""
    if not bound.mounted(machine):
        return Given(), False
    (sign,) = ask(machine, (names.CONFIG,), _PATIENCE_S)
    found = bound.verified(machine, required=False)
    alive = not sign.error and any(
        one.name == names.CONFIG and one.usable(machine.now) for one in found.state.repositories
    )
    return dataclasses.replace(found, note=_BOTH if alive else ""), alive


def _lacking(found: Given, settings: Settings, now: int) -> Given:
    """What was asked of cvmfsexec, and the one that is bound in cannot offer."""
    usable = {one.name for one in found.state.repositories if one.usable(now)}
    lacking = [name for name in settings.cvmfs_repositories or () if name not in usable]
    if not lacking:
        return found
    what = f"CVMFSEXEC_REPOS names {', '.join(lacking)}, which the /cvmfs that is bound in cannot offer now"
    cure = "mend it on the host, or leave out -v /cvmfs:/cvmfs: cvmfsexec then mounts it"
    problem = Problem("cvmfs-not-bound", what, "jobs that need it do not match", cure, Exit.UNFIT)
    told = problem if settings.cvmfs_required else dataclasses.replace(problem, warning=True, exit_code=Exit.OK)
    return dataclasses.replace(found, problems=(*found.problems, told))


def unmounted(machine: Machine, mine: Called) -> Given | None:
    """For those who only look at the configuration."""
    if load(mine.environ)[0].cvmfs_repositories is None:
        return None
    found, alive = _bound(machine)
    return found if alive else NOT_MOUNTED


def lines(log: Log) -> Callable[[str], None]:
    """What is told while others wait."""
    return lambda text: log.line(f"...     cvmfs      {text}")


def _refused(found: Given, problems: tuple[Problem, ...], required: bool) -> Given:
    """Nothing was mounted: fatal, or told, as the site wants it. What is bound in may come back to life."""
    if required:
        return dataclasses.replace(found, problems=(*found.problems, *problems))
    told = tuple(dataclasses.replace(one, warning=True, exit_code=Exit.OK) for one in problems)
    note = "; ".join(filter(None, (found.note, "goes on without cvmfsexec (CVMFS_REQUIRED=false)" if told else "")))
    return dataclasses.replace(found, problems=(*found.problems, *told), note=note)
