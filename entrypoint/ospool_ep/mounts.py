"""The mount table of this process (proc_pid_mountinfo(5))."""

import re
from dataclasses import dataclass

from ospool_ep.machine import Machine

TABLE = "/proc/self/mountinfo"
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """`root` of a file system of this kind is seen at `point`.

    `follows`: what is mounted below it elsewhere appears here too (shared, or a slave of such a mount).
    """

    kind: str
    root: str
    point: str
    options: frozenset[str]
    follows: bool = False


def read(machine: Machine) -> tuple[Mount, ...]:
    """All mounts, but for those that a later one on the same point hides. Raises OSError."""
    return parse(machine.text(TABLE))


def parse(text: str) -> tuple[Mount, ...]:
    """The rows that are what they should be."""
    mounts: dict[str, Mount] = {}
    for row in text.splitlines():
        before, _, after = row.partition(" - ")
        fields, kind = before.split(" "), after.split(" ")
        if len(fields) >= 6 and len(kind) >= 3:
            root, point = (_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), field) for field in fields[3:5])
            follows = any(field.startswith(("shared:", "master:")) for field in fields[6:])
            mounts[point] = Mount(kind[0], root, point, frozenset(kind[2].split(",")), follows)
    return tuple(mounts.values())


def below(machine: Machine, path: str) -> tuple[Mount, ...]:
    """What is mounted at a path, and under it; nothing where the table cannot be read."""
    try:
        found = read(machine)
    except OSError:
        return ()
    return tuple(one for one in found if f"{one.point}/".startswith(f"{path}/"))


def holding(mounts: tuple[Mount, ...], path: str) -> Mount | None:
    """The mount that a path is in; None where the table does not say."""
    above = [mount for mount in mounts if f"{path}/".startswith(f"{mount.point.rstrip('/')}/")]
    return max(above, key=lambda mount: len(mount.point), default=None)
