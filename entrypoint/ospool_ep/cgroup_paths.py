"""Which cgroups this process is in, and where their files are (cgroups(7), proc_pid_mountinfo(5))."""

from collections.abc import Iterable
from dataclasses import dataclass

from ospool_ep import mounts
from ospool_ep.machine import Machine
from ospool_ep.mounts import Mount

MEMBERSHIP = "/proc/self/cgroup"
# A big node has hundreds of cgroups; looking into one takes some 20 microseconds.
_SEARCHED = 2000


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


def find(machine: Machine, controller: str) -> Chain:
    """The cgroups that may limit us by this controller (cpu, cpuset, memory, pids)."""
    try:
        table = mounts.read(machine)
    except OSError as error:
        return Chain(2, (), f"{mounts.TABLE}: {error.strerror}")
    try:
        version, path = member(machine.text(MEMBERSHIP), controller)
    except OSError as error:
        version = 1 if _serving(table, 1, controller) else 2
        return _guess(version, _serving(table, version, controller), f"{MEMBERSHIP}: {error.strerror}")
    if path is None:
        return Chain(version, (), f"{MEMBERSHIP} names no cgroup of the {controller} controller")
    shown = _serving(table, version, controller)
    known = chain(path, version, shown)
    return _searched(machine, path, known, shown) if known.doubt else known


def _searched(machine: Machine, path: str, known: Chain, shown: tuple[Mount, ...]) -> Chain:
    """Where the host's tree is mounted into our own namespace (`-v /sys/fs/cgroup`), its root reads /../..: ours is so
    many levels below, under a name that nobody tells; but it lists our process.
    """
    for mount in shown:
        ups = mount.root.count("/..")
        if ups and mount.root == "/.." * ups:
            for inside in _at_depth(machine, mount.point.rstrip("/"), ups):
                if _lists_us(machine, f"{mount.point.rstrip('/')}{inside}{path.rstrip('/')}"):
                    own = Mount(mount.kind, "/", mount.point, mount.options)
                    return Chain(known.version, tuple(_levels(own, inside + path.rstrip("/"))))
    return known


def _at_depth(machine: Machine, point: str, depth: int) -> Iterable[str]:
    found = [""]
    for _ in range(depth):
        found = [f"{above}/{name}" for above in found[:_SEARCHED] for name in machine.directories(point + above)]
    return found[:_SEARCHED]


def _lists_us(machine: Machine, directory: str) -> bool:
    """Processes of other pid namespaces read as 0."""
    try:
        return str(machine.pid) in machine.text(f"{directory}/cgroup.procs").split()
    except OSError:
        return False


def chain(path: str, version: int, shown: tuple[Mount, ...]) -> Chain:
    """The levels of the mount that shows most of them. `path` is relative to the root of our cgroup namespace."""
    found = [(mount, relative) for mount in shown if (relative := _below(path, mount.root)) is not None]
    if not found:
        why = f"{MEMBERSHIP} says {path}: not found in what is mounted" if shown else "its cgroups are not mounted"
        return _guess(version, shown, why)
    mount, relative = max(found, key=lambda candidate: candidate[1].count("/"))
    return Chain(version, tuple(_levels(mount, relative)))


def _guess(version: int, shown: tuple[Mount, ...], doubt: str) -> Chain:
    """Better than nothing: the limits of what is mounted are those of our own cgroup or of one around it."""
    return Chain(version, tuple(Level(f"the cgroup at {mount.point}", mount.point) for mount in shown), doubt)


def _below(path: str, root: str) -> str | None:
    """`path` seen from `root`: empty, or beginning with a slash. None where it is not below.

    Both begin with /.. where they lie outside of our cgroup namespace: what is between is not known.
    """
    if any(f"{where}/".startswith("/../") for where in (root, path)):
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


def _serving(table: tuple[Mount, ...], version: int, controller: str) -> tuple[Mount, ...]:
    """Version 2 does not say in the table which controllers it has."""
    if version == 2:
        return tuple(mount for mount in table if mount.kind == "cgroup2")
    return tuple(mount for mount in table if mount.kind == "cgroup" and controller in mount.options)
