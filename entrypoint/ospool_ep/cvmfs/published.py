"""The attributes of the machine ad that speak of CVMFS: the same from the boot and from the renewal."""

from ospool_ep import classads
from ospool_ep.cvmfs import names
from ospool_ep.cvmfs.ask import LATE, STUCK
from ospool_ep.cvmfs.record import MOUNTED, State
from ospool_ep.cvmfs.repositories import Repository


def attributes(state: State, now: int) -> dict[str, str]:
    """Attribute to ClassAd expression; nothing where there is no CVMFS. What a repository once said stays defined,
    or becomes undefined: a line that is missing would go back to what the boot said.
    """
    if not state.source:
        return {}
    stuck = sum(one.error in (LATE, STUCK) for one in state.repositories)
    found = {
        "CVMFS_SOURCE": classads.quote(state.source),
        "CVMFS_COMMENT": classads.quote(comment(state, now)),
        "CVMFS_STUCK_PROBES": str(stuck),
        "CVMFS_LOST": str(state.lost),
        "CVMFS_UNUSABLE": _unusable(state, now),
    }
    for one in state.repositories:
        found |= _repository(one, now)
    return found


def unusable(state: State, now: int, path: str) -> bool:
    """Whether a path is in a repository that is known, and that jobs cannot count on."""
    return any(path.startswith(f"{names.ROOT}/{one.name}/") and not one.usable(now) for one in state.repositories)


def _unusable(state: State, now: int) -> str:
    """The same as a pattern, for jobs that name an image there. cvmfsexec mounts nothing that was not named."""
    if state.source == MOUNTED:
        usable = [_pattern(one) for one in state.repositories if one.usable(now)]
        return classads.quote(f"^{names.ROOT}/(?!({'|'.join(usable)})/)")
    absent = [_pattern(one) for one in state.repositories if not one.usable(now)]
    return classads.quote(f"^{names.ROOT}/({'|'.join(absent)})/") if absent else "undefined"


def _pattern(one: Repository) -> str:
    return one.name.replace(".", "[.]")


def comment(state: State, now: int) -> str:
    """What is wrong with those that have been there, or were asked for."""
    told = [one for one in state.repositories if one.seen or one.name in (*state.asked, names.CONFIG)]
    return "; ".join(f"{one.name} {words}" for one in told if (words := one.words(now)))


def _repository(one: Repository, now: int) -> dict[str, str]:
    name = names.attribute(one.name)
    found = {f"HAS_CVMFS_{name}": str(one.usable(now))}
    if not one.seen:
        return found
    age = None if one.last_ioerr is None else max(0, now - one.last_ioerr) if one.last_ioerr else -1
    numbers = {"REVISION": one.revision, "NIOERR": one.nioerr, "LAST_IOERR": age}
    return found | {
        f"CVMFS_{name}_{which}": "undefined" if value is None or one.error else str(value)
        for which, value in numbers.items()
    }
