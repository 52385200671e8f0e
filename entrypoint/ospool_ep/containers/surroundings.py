"""Facts about this container that explain why Apptainer fails: the same error has several causes."""

import errno
import os
import re
from dataclasses import dataclass

from ospool_ep import mounts
from ospool_ep.machine import Machine

_FUSE = "/dev/fuse"
# What docker, podman and containerd hide or make read-only below /proc.
_MASKS = {"acpi", "asound", "bus", "fs", "interrupts", "irq", "kcore", "keys", "latency_stats", "sched_debug", "scsi",
          "sys", "sysrq-trigger", "timer_list", "timer_stats"}  # fmt: skip
_ERRNO = {0: "usable", errno.ENOENT: "missing", errno.EACCES: "unreadable", errno.EPERM: "forbidden",
          errno.EISDIR: "a directory", errno.ENXIO: "missing", errno.ENODEV: "missing"}  # fmt: skip


@dataclass(frozen=True)
class Surroundings:
    """`fuse` is a word of _ERRNO, or what the kernel said. A limit is None where the kernel has none to show."""

    seccomp: bool = False
    no_new_privileges: bool = False
    apparmor: str = ""
    apparmor_restricts: bool = False
    userns_clone: bool = True
    user_namespaces: int | None = None
    pid_namespaces: int | None = None
    mount_namespaces: int | None = None
    ipc_namespaces: int | None = None
    over_proc: tuple[str, ...] = ()
    fuse: str = "usable"

    @property
    def masked_proc(self) -> bool:
        """Whether something below /proc is one of the engine's masks; others come from NVIDIA's runtime or lxcfs."""
        return any(point.split("/")[2] in _MASKS for point in self.over_proc)


def look(machine: Machine) -> Surroundings:
    """Read all of it; a file that is not there is a fact too."""
    status = _text(machine, "/proc/self/status")
    profile = _text(machine, "/proc/self/attr/current").strip("\0\n ")
    return Surroundings(
        seccomp=bool(re.search(r"^Seccomp:\s*2", status, re.MULTILINE)),
        no_new_privileges=bool(re.search(r"^NoNewPrivs:\s*1", status, re.MULTILINE)),
        apparmor=profile if profile.endswith("(enforce)") and not profile.startswith("unconfined") else "",
        apparmor_restricts=_number(machine, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1,
        userns_clone=_number(machine, "/proc/sys/kernel/unprivileged_userns_clone") != 0,
        user_namespaces=_number(machine, "/proc/sys/user/max_user_namespaces"),
        pid_namespaces=_number(machine, "/proc/sys/user/max_pid_namespaces"),
        mount_namespaces=_number(machine, "/proc/sys/user/max_mnt_namespaces"),
        ipc_namespaces=_number(machine, "/proc/sys/user/max_ipc_namespaces"),
        over_proc=_over_proc(machine),
        fuse=_fuse(machine),
    )


def _over_proc(machine: Machine) -> tuple[str, ...]:
    """What is mounted below /proc: the kernel then lets nobody mount a proc of his own (mnt_already_visible)."""
    try:
        return tuple(mount.point for mount in mounts.read(machine) if mount.point.startswith("/proc/"))
    except OSError:
        return ()


def _fuse(machine: Machine) -> str:
    try:
        os.close(os.open(machine.path(_FUSE), os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return _ERRNO.get(error.errno or 0, error.strerror or str(error))
    return _ERRNO[0]


def _text(machine: Machine, path: str) -> str:
    try:
        return machine.text(path)
    except OSError:
        return ""


def _number(machine: Machine, path: str) -> int | None:
    text = _text(machine, path).strip()
    return int(text) if text.isdigit() else None
