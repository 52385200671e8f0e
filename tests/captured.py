"""Trees that captures/capture.py printed on other machines, as temporary roots."""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fakes import GOOD, CannedMachine, machine, put
from ospool_ep import cgroups, environment, mounts, process_limits, resources
from ospool_ep.host import Host

DIRECTORY = Path(__file__).parent / "captures"
NAMES = tuple(sorted(path.stem for path in DIRECTORY.glob("*.txt")))


@dataclass(frozen=True)
class Capture:
    """One file of captures/: its header, the text of what could be read, the errno of what could not."""

    what: str
    how: str
    host: Host
    env: dict[str, str]
    files: dict[str, str]
    unreadable: tuple[tuple[str, int], ...]

    def lay(self, root: Path) -> CannedMachine:
        """The machine that it was captured on, with the files that tell a cgroup and captures leave out."""
        for path, text in self.files.items():
            put(root, path, text)
        shown = [mount for mount in mounts.parse(self.files[mounts.TABLE]) if mount.kind in ("cgroup", "cgroup2")]
        for directory in self._groups({PurePosixPath(mount.point) for mount in shown}):
            put(root, f"{directory}/cgroup.procs", "")
        for mount in shown if self._shows_the_root(shown) else ():
            if mount.kind == "cgroup":
                put(root, f"{mount.point}/release_agent", "")
        return machine(root, unreadable=self.unreadable)

    def _groups(self, points: set[PurePosixPath]) -> Iterator[PurePosixPath]:
        yield from points
        for path in self._paths():
            above = PurePosixPath(path).parents
            yield from (directory for directory in above if any(directory.is_relative_to(point) for point in points))

    def _paths(self) -> tuple[str, ...]:
        return (*self.files, *(path for path, _ in self.unreadable))

    def _shows_the_root(self, shown: list[mounts.Mount]) -> bool:
        """Of version 1's hierarchies: every cgroup has a pids.max but for the machine's root."""
        points = [mount.point for mount in shown if "pids" in mount.options]
        return any(f"{point}/pids.max" not in self._paths() for point in points)


def load(name: str) -> Capture:
    header, *sections = f"\n{(DIRECTORY / f'{name}.txt').read_text()}".split("\n== ")
    rows = [row.removeprefix("# ").partition(": ") for row in header.strip().splitlines()]
    told = {key: text for key, _, text in rows if key != "env"}
    bodies = [section.partition("\n") for section in sections]
    files = {title: f"{body.rstrip()}\n" for title, _, body in bodies if " !" not in title}
    return Capture(
        what=told["what"],
        how=told["how"],
        host=_host(told["host"], files["/proc/meminfo"]),
        env=dict(text.split("=", 1) for key, _, text in rows if key == "env"),
        files=files,
        unreadable=tuple(_unreadable(title) for title, _, _ in bodies if " !" in title),
    )


def _host(text: str, meminfo: str) -> Host:
    facts = {name: int(number) for name, number in (fact.split("=") for fact in text.split())}
    return Host(**facts, visible_mb=int(meminfo.split()[1]) >> 10)


def _unreadable(title: str) -> tuple[str, int]:
    path, _, name = title.rpartition(" !")
    return path, getattr(errno, name)


@dataclass(frozen=True)
class Seen:
    """What the pilot would offer, where from, and what it complains about."""

    cpus: resources.Share
    memory: resources.Share
    processes: float | None
    problems: tuple


def look(capture: Capture, root: Path, **environ: str) -> Seen:
    """As capacity_checks.py does it, on the facts of the captured host; of other limits only what the cgroups say."""
    laid = capture.lay(root)
    settings, wrong = environment.load(GOOD | capture.env | environ)
    cpus, slow = resources.cpus(capture.host, cgroups.quota(laid), cgroups.cpuset(laid), settings)
    memory, little = resources.memory(capture.host, cgroups.memory(laid), cgroups.memory_high(laid), settings)
    groups = cgroups.processes(laid)
    most = min(groups.limits, key=lambda limit: limit.amount, default=None)
    bounds = process_limits.ProcessLimits(processes=most, files=1 << 20, shm_mb=64)
    few = process_limits.judge(bounds, cpus.amount, groups)
    return Seen(cpus, memory, most and most.amount, (*wrong, *slow, *little, *few))
