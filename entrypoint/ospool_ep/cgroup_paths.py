"""Which cgroups this process is in, and where their files are (cgroups(7), proc_pid_mountinfo(5))."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ospool_ep.machine import Machine

MEMBERSHIP = "/proc/self/cgroup"
MOUNTS = "/proc/self/mountinfo"
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Level:
    """A cgroup as a person would call it, and its directory here."""

    name: str
    directory: str


@dataclass(frozen=True)
class Chain:
    """Our own cgroup and what can be seen of the ones around it, from the inside out; of one controller.

    `doubt` says why the first one may not be our own, or why there is none.
    """

    version: int
    levels: tuple[Level, ...]
    doubt: str = ""


@dataclass(frozen=True)
class Mount:
    """A mounted cgroup file system: `root` of it is seen at `point`. Version 2 names no controllers here."""

    version: int
    root: str
    point: str
    controllers: frozenset[str] = frozenset()


def find(machine: Machine, controller: str) -> Chain:
    """The cgroups that may limit us by this controller (cpu, cpuset, memory, pids)."""
    try:
        mounts = parse_mounts(_text(machine, MOUNTS))
    except OSError as error:
        return Chain(2, (), f"{MOUNTS}: {error.strerror}")
    try:
        version, path = member(_text(machine, MEMBERSHIP), controller)
    except OSError as error:
        version = 1 if any(controller in mount.controllers for mount in mounts) else 2
        return _guess(version, _serving(mounts, version, controller), f"{MEMBERSHIP}: {error.strerror}")
    if path is None:
        return Chain(version, (), f"{MEMBERSHIP} names no cgroup of the {controller} controller")
    return chain(path, version, _serving(mounts, version, controller))


def chain(path: str, version: int, mounts: tuple[Mount, ...]) -> Chain:
    """The levels of the mount that shows most of them. `path` is relative to the root of our cgroup namespace."""
    found = [(mount, relative) for mount in mounts if (relative := _below(path, mount.root)) is not None]
    if not found:
        why = f"{MEMBERSHIP} says {path}, which no mounted cgroup file system shows" if mounts else "no cgroup mounted"
        return _guess(version, mounts, why)
    mount, relative = max(found, key=lambda candidate: candidate[1].count("/"))
    return Chain(version, tuple(_levels(mount, relative)))


def _guess(version: int, mounts: tuple[Mount, ...], doubt: str) -> Chain:
    """Better than nothing: the limits of what is mounted are those of our own cgroup or of one around it."""
    return Chain(version, tuple(Level(f"the cgroup at {mount.point}", mount.point) for mount in mounts), doubt)


def _below(path: str, root: str) -> str | None:
    """`path` seen from `root`: empty, or beginning with a slash. None where it is not below.

    Both begin with /.. where they lie outside of our cgroup namespace: what is between is not known.
    """
    if root.startswith("/..") or path.startswith("/.."):
        return "" if path == root else None
    prefix = root.rstrip("/")
    if path in (root, prefix) or path.startswith(f"{prefix}/"):
        return path[len(prefix) :].rstrip("/")
    return None


def _levels(mount: Mount, relative: str) -> Iterable[Level]:
    names = ("this cgroup", "the parent cgroup")
    parts = relative.split("/")
    for up in range(len(parts)):
        inside = "/".join(parts[: len(parts) - up])
        path = mount.root.rstrip("/") + inside or "/"
        name = names[up] if up < len(names) else f"the cgroup {path}"
        yield Level(name, mount.point.rstrip("/") + inside)


def member(text: str, controller: str) -> tuple[int, str | None]:
    """Version and path of our cgroup for a controller; version 2 takes what no version 1 hierarchy has."""
    rows = [row.split(":", 2) for row in text.splitlines() if row.count(":") >= 2]
    for _, controllers, path in rows:
        if controller in controllers.split(","):
            return 1, path
    return 2, next((path for number, controllers, path in rows if number == "0" and not controllers), None)


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Cgroup file systems, but for those that a later mount on the same point hides."""
    mounts: dict[str, Mount | None] = {}
    for row in text.splitlines():
        before, _, after = row.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) < 6 or len(kind) < 3:
            continue
        root, point = (_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), field) for field in fields[3:5])
        mounts[point] = _mount(kind, root, point)
    return tuple(mount for mount in mounts.values() if mount)


def _mount(kind: list[str], root: str, point: str) -> Mount | None:
    if kind[0] == "cgroup2":
        return Mount(2, root, point)
    return Mount(1, root, point, frozenset(kind[2].split(","))) if kind[0] == "cgroup" else None


def _serving(mounts: tuple[Mount, ...], version: int, controller: str) -> tuple[Mount, ...]:
    return tuple(m for m in mounts if m.version == version and (version == 2 or controller in m.controllers))


def _text(machine: Machine, path: str) -> str:
    return machine.read(path).decode("utf-8", "replace")
