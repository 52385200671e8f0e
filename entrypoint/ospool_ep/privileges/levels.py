"""At which of the documentation's levels this container is, and what the next one brings (docs/privileges.md)."""

from dataclasses import dataclass

from ospool_ep.privileges.facts import Facts, names
from ospool_ep.privileges.row import (
    APPARMOR,
    FUSE,
    NO,
    NO_NEW_PRIVILEGES,
    PARTLY,
    PROFILE,
    SECCOMP,
    UNMASK,
    Row,
    options,
)

DEFAULT, MINIMUM, RECOMMENDED, PRIVILEGED = LEVELS = ("default", "minimum", "recommended", "privileged")
_BRINGS = {
    MINIMUM: "jobs in containers",
    RECOMMENDED: "PID namespaces for jobs, and programs that need rare system calls",
    PRIVILEGED: "nothing that does not work at recommended, and little between a job and the host's root",
}
_CONTAINERS = ("user-namespaces", "mounts")


@dataclass(frozen=True)
class Level:
    """`lacks`: options of this level that are missing. `next` is empty at the last one; `brings` and `add` are its."""

    name: str
    lacks: str = ""
    next: str = ""
    brings: str = ""
    add: str = ""


def decide(facts: Facts, rows: tuple[Row, ...]) -> Level:
    """By what works, not by what was typed: an engine's own profile may allow what ours does."""
    blocked = any(row.state in (NO, PARTLY) for row in rows if row.name in _CONTAINERS)
    name = DEFAULT if blocked else _by_facts(facts)
    following = LEVELS[LEVELS.index(name) + 1] if name != PRIVILEGED else ""
    lacks = _missing(facts, name)
    more = tuple(one for one in _missing(facts, following) if one not in lacks)
    # Who is told not to go on is not told how
    add = options(facts, *more) if following != PRIVILEGED else ""
    return Level(name, options(facts, *lacks), following, _BRINGS.get(following, ""), add)


def _by_facts(facts: Facts) -> str:
    free = facts.status.seccomp == 0 and not facts.around.masked_proc
    if free and not facts.nested and "SYS_ADMIN" in names(facts.status.bounding or 0):
        return PRIVILEGED
    if free:
        return RECOMMENDED
    return MINIMUM if facts.containers or facts.status.seccomp == 0 else DEFAULT


def _missing(facts: Facts, level: str) -> tuple[str, ...]:
    """Of a level's options those that this container does not have."""
    if level not in (MINIMUM, RECOMMENDED):
        return ()
    calls = {MINIMUM: not facts.containers and PROFILE, RECOMMENDED: SECCOMP}[level] if facts.around.seccomp else ""
    masks = UNMASK if level == RECOMMENDED and facts.around.masked_proc else ""
    device = FUSE if facts.around.fuse in ("missing", "forbidden", "a directory") else ""
    apparmor = APPARMOR if facts.around.apparmor and not facts.containers else ""
    privileges = NO_NEW_PRIVILEGES if facts.status.no_new_privileges is False else ""
    return tuple(filter(None, (calls or "", masks, apparmor, privileges, device)))
