"""A /cvmfs that somebody has mounted into this container: verified, not assumed."""

from collections.abc import Callable

from ospool_ep import mounts
from ospool_ep.cvmfs import look, names
from ospool_ep.cvmfs.ask import LATE, STUCK, Answer, ask
from ospool_ep.cvmfs.given import Given
from ospool_ep.cvmfs.record import BOUND, State
from ospool_ep.cvmfs.repositories import Repository, renewed
from ospool_ep.machine import Machine
from ospool_ep.mounts import Mount
from ospool_ep.problem import Exit, Problem, warning

# A healthy one answers in milliseconds; what autofs mounts only now is looked at again when the pilot runs.
PATIENCE_S = 2.0
_WHY = "jobs that need CVMFS do not match this pilot; all others run"
_SHARED = "docker run -v /cvmfs:/cvmfs:shared"
_SHOWN = 5
_ABSENT = ("ENOENT", look.EMPTY)
_DEAD, _CLOSED, _SILENT = ("ENOTCONN",), ("EACCES", "EPERM"), (LATE, STUCK)


def mounted(machine: Machine) -> tuple[Mount, ...]:
    """What is mounted at and below /cvmfs; the image's own is an empty directory."""
    return mounts.below(machine, names.ROOT)


def wanted(there: tuple[Mount, ...]) -> tuple[str, ...]:
    """Repositories to ask: the config repository, those that jobs ask for, and what else is mounted."""
    points = (one.point[len(names.ROOT) + 1 :] for one in there)
    return tuple(dict.fromkeys((names.CONFIG, *names.WORTH, *filter(names.is_repository, points))))


def look_at(machine: Machine, there: tuple[Mount, ...], required: bool) -> Given:
    """Ask all of them. `required`: what is wrong refuses the pilot."""
    answers = ask(machine, wanted(there), PATIENCE_S)
    found = tuple(renewed(Repository(one.name), one, machine.now, booting=True) for one in answers)
    problems = judge(answers, found, there, machine.now)
    if required and not any(one.usable(machine.now) for one in found):
        problems = (*problems, _required())
    return Given(State(BOUND, found), problems)


def verified(machine: Machine, required: bool | None) -> Given:
    """What is there, if anything is; `required`: the site's own word, None where it said nothing."""
    there = mounted(machine)
    if there:
        return look_at(machine, there, required is True)
    if not required:
        return Given()
    cure = "docker run -v /cvmfs:/cvmfs:shared, or -e CVMFSEXEC_REPOS=oasis.opensciencegrid.org; or leave it out"
    found = "CVMFS_REQUIRED is true, but no /cvmfs is bound in, and CVMFSEXEC_REPOS is not set"
    return Given(problems=(Problem("cvmfs-required", found, _WHY, cure),))


def judge(
    answers: tuple[Answer, ...], found: tuple[Repository, ...], there: tuple[Mount, ...], now: int
) -> tuple[Problem, ...]:
    """Everything that an administrator can mend; absent repositories are nobody's fault where others are there."""
    if all(one.error in _ABSENT for one in answers):
        cure = f"on the host: ls {names.ROOT}/{names.CONFIG}   (if it fails: systemctl start autofs), then {_SHARED}"
        return (warning("cvmfs-empty", f"{names.ROOT} is mounted, and has no repository in it", _WHY, cure),)
    problems = (_told(found, now, *row) for row in _ANSWERS)
    return (*_no_config(answers), *filter(None, problems), *_propagation(there))


def _no_config(answers: tuple[Answer, ...]) -> tuple[Problem, ...]:
    """The sign of life: OSG's other repositories cannot be mounted without it."""
    if not any(one.name == names.CONFIG and one.error in _ABSENT for one in answers):
        return ()
    found = f"{names.ROOT} has no {names.CONFIG}, from which the client has the configuration of OSG's repositories"
    cure = f"on the host: install cvmfs-config-osg, then: cvmfs_config probe {names.CONFIG}"
    return (warning("cvmfs-config", found, _WHY, cure),)


_UNMOUNT = "on the host: umount -l /cvmfs/NAME; ls /cvmfs/NAME   (autofs mounts it again)"
_ANSWERS: tuple[tuple[str, Callable[[str], bool], str], ...] = (
    ("cvmfs-stale", lambda error: error in _DEAD, _UNMOUNT),
    ("cvmfs-permission", lambda error: error in _CLOSED,
     "on the host: chmod 0755 /cvmfs; mount CVMFS with allow_other (its default), and look at AppArmor or SELinux"),
    ("cvmfs-hangs", lambda error: error in _SILENT,
     f"on the host: cvmfs_config probe; if it hangs too, {_UNMOUNT.removeprefix('on the host: ')}"),
    ("cvmfs-error", lambda error: error not in ("", *_ABSENT, *_DEAD, *_CLOSED, *_SILENT),
     "on the host: cvmfs_config chksetup; cvmfs_config probe"),
    ("cvmfs-io-errors", lambda error: not error, "on the host: cvmfs_config stat -v NAME; look at proxy and network"),
)  # fmt: skip


def _told(found: tuple[Repository, ...], now: int, id: str, is_it: Callable[[str], bool], cure: str) -> Problem | None:
    """One problem for all repositories that have it."""
    named = [one for one in found if is_it(one.error) and one.words(now)]
    if not named:
        return None
    shown = "; ".join(f"{one.name} {one.words(now)}" for one in named[:_SHOWN])
    more = f"; and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return warning(id, shown + more, _WHY, cure.replace("NAME", named[0].name))


def _propagation(there: tuple[Mount, ...]) -> tuple[Problem, ...]:
    """What the host mounts later reaches a shared mount, or one that follows it (slave), and no other."""
    root = next((one for one in there if one.point == names.ROOT), None)
    if root is None or root.follows:
        return ()
    found = f"{names.ROOT} was mounted without propagation (mount table: {root.kind}, private)"
    why = "repositories that the host's autofs mounts later, or mounts again, cannot be seen here"
    return (
        warning(
            "cvmfs-propagation", found, why, f"{_SHARED}   (or :rslave; Kubernetes: mountPropagation: HostToContainer)"
        ),
    )


def _required() -> Problem:
    cure = f"mend {names.ROOT} on the host, or leave CVMFS_REQUIRED out"
    return Problem("cvmfs-required", "CVMFS_REQUIRED is true, and no repository can be used", _WHY, cure, Exit.UNFIT)
