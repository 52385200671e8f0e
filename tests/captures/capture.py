#!/usr/bin/env python3
"""Print what this process can see of its limits on CPUs, memory and processes, as one text.

    python3 capture.py "docker run --cpus=2 on Debian 12, cgroup v1" > NAME.txt

Numbers, cgroup names and mount points only: no host name, no user, no environment but Slurm's numbers.
Needs nothing but Python 3.9; reads only.
"""

import errno
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FILES = (
    *("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpuset.cpus", "cpuset.effective_cpus"),
    *("cpuset.cpus.effective", "memory.max", "memory.high", "memory.limit_in_bytes", "memory.stat"),
    *("pids.max", "cgroup.controllers", "cgroup.events", "cgroup.type"),
)
# memory.stat is long, and one line of it is a limit
ONE_LINE = {"memory.stat": "hierarchical_memory_limit ", "/proc/meminfo": "MemTotal:"}
SLURM = re.compile(r"SLURM_.*(CPU|MEM|TASKS|NPROCS|NNODES|JOB_ID|PROCID|STEP_ID).*=[0-9][0-9x(),-]*[KMGT]?")


class Mount(NamedTuple):
    root: str
    point: str
    kind: str
    options: tuple[str, ...]


def main() -> None:
    print(f"# what: {' '.join(sys.argv[1:])}")
    print(f"# how: captured {time.strftime('%Y-%m-%d')}, kernel {os.uname().release}")
    print(f"# host: {host()}")
    for variable in sorted(f"{name}={value}" for name, value in os.environ.items()):
        if SLURM.fullmatch(variable):
            print(f"# env: {variable}")
    own, mounts = read("/proc/self/cgroup"), mount_lines()
    section("/proc/self/cgroup", own)
    section("/proc/self/mountinfo", "".join(mounts))
    section("/proc/meminfo", read("/proc/meminfo"))
    seen: dict[str, None] = {}
    for mount in map(parse_mount, mounts):
        if mount.kind in ("cgroup", "cgroup2"):
            seen.update(dict.fromkeys(directories(mount, path_in(own, mount))))
    for directory in seen:
        show_files(directory)


def host() -> str:
    megabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
    affinity = len(os.sched_getaffinity(0))
    return f"cpus={os.sysconf('SC_NPROCESSORS_ONLN')} affinity={affinity} memory_mb={megabytes}"


def read(path: str) -> str:
    text = Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    wanted = ONE_LINE.get(path) or ONE_LINE.get(Path(path).name)
    return text if wanted is None else "".join(re.findall(f"(?m)^{wanted}.*\n", text))


def mount_lines() -> list[str]:
    lines = read("/proc/self/mountinfo").splitlines(keepends=True)
    mounts = [(line, parse_mount(line)) for line in lines]
    return [line for line, mount in mounts if mount.kind.startswith("cgroup") or in_sysfs(mount.point)]


def in_sysfs(point: str) -> bool:
    return point == "/sys/fs/cgroup" or point.startswith("/sys/fs/cgroup/")


def parse_mount(line: str) -> Mount:
    before, _, after = line.partition(" - ")
    root, point = (unescape(field) for field in before.split()[3:5])
    kind, _, options = after.split()[:3]
    return Mount(root, point, kind, tuple(options.split(",")))


def unescape(field: str) -> str:
    """Space, tab, newline and backslash are octal in mountinfo (proc(5))."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), field)


def path_in(own: str, mount: Mount) -> str:
    """The path of this process in the mount's hierarchy; "/" where /proc/self/cgroup has no line for it."""
    for line in own.splitlines():
        number, controllers, path = line.split(":", 2)
        if mount.kind == "cgroup2" and number == "0":
            return path
        if mount.kind == "cgroup" and number != "0" and set(controllers.split(",")) <= set(mount.options):
            return path
    return "/"


def directories(mount: Mount, path: str) -> Iterator[str]:
    """The mount point and every directory down to the path: as given, and below the mount's root."""
    paths = [path]
    if mount.root != "/" and (path + "/").startswith(mount.root + "/"):
        paths.append(path[len(mount.root) :])
    for each in paths:
        directory = mount.point
        yield directory
        # ".." stands for what a cgroup namespace hides: not a way through the file system
        for name in filter(None, each.split("/")) if ".." not in each.split("/") else ():
            directory += "/" + name
            yield directory


def show_files(directory: str) -> None:
    for name in FILES:
        path = f"{directory}/{name}"
        try:
            text = read(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            print(f"== {path} !{errno.errorcode.get(error.errno or 0, error.errno)}")
        else:
            if text or name not in ONE_LINE:
                section(path, text)


def section(path: str, text: str) -> None:
    print(f"== {path}")
    print(text, end="" if text.endswith("\n") or not text else "\n")


if __name__ == "__main__":
    main()
