"""A cgroup of the host with limits, as a batch system makes one around a container."""

import time
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
VERSION_2 = (ROOT / "cgroup.controllers").exists()
# What the engine's own cgroup driver is called there
DRIVER = {"docker": "{{.CgroupDriver}}", "podman": "{{.Host.CgroupManager}}"}


def usable(engine):
    """Where the engine leaves cgroups to systemd it takes none of ours as a parent."""
    return engine.run("info", "-f", DRIVER[engine.name]).stdout.strip() == "cgroupfs"


@contextmanager
def limited(name, memory_mb, cpus):
    """For --cgroup-parent; OSError where we may not make one. What a killed run left goes first."""
    remove(name)
    try:
        for path, text in _files(name, memory_mb, cpus).items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        yield f"/{name}"
    finally:
        remove(name)


def _files(name, memory_mb, cpus):
    memory, quota = f"{memory_mb << 20}", f"{cpus * 100000}"
    if VERSION_2:
        return {ROOT / name / "memory.max": memory, ROOT / name / "cpu.max": f"{quota} 100000"}
    return {ROOT / "memory" / name / "memory.limit_in_bytes": memory, ROOT / "cpu" / name / "cpu.cfs_quota_us": quota}


def remove(name, timeout_s=5):
    """In all hierarchies: the engine makes it there too. A container's own inside of it may take a moment to go."""
    end = time.monotonic() + timeout_s
    while (left := [*ROOT.glob(name), *ROOT.glob(f"*/{name}")]) and time.monotonic() < end:
        for directory in left:
            with suppress(OSError):
                directory.rmdir()
        time.sleep(0.05)
