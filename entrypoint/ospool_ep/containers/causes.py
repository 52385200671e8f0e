"""Why Apptainer failed, and the one thing to change: by what it said, and by what surrounds it."""

from collections.abc import Callable
from dataclasses import dataclass

from ospool_ep.containers.probe import UNPACKED
from ospool_ep.containers.surroundings import Surroundings


@dataclass(frozen=True)
class Cause:
    """`says`: one of these must be in the error (none: any error). `fits`: what must be so around us."""

    meaning: str
    cure: str
    says: tuple[str, ...] = ()
    fits: Callable[[Surroundings], bool] = lambda _: True


_SECCOMP = (
    "docker or podman: --security-opt seccomp=unconfined   (or seccomp=image/seccomp/ospool-ep.json)\n"
    "Kubernetes: securityContext.seccompProfile.type: Unconfined"
)
_APPARMOR = (
    "docker or podman: --security-opt apparmor=unconfined\nKubernetes: securityContext.appArmorProfile.type: Unconfined"
)
_PROCESSES = "docker or podman: --pids-limit 16384\nKubernetes: podPidsLimit of the kubelet, 16384"
_FILES = "docker or podman: --ulimit nofile=4096:4096\nKubernetes: LimitNOFILE of the container runtime's service"
_DEVICE = "docker or podman: --device /dev/fuse\nKubernetes: a device plugin that grants /dev/fuse"

_USER = "docker or podman: --user 1000\nKubernetes: securityContext.runAsUser: 1000"
_SCRATCH = (
    "docker or podman: -v /worker-temp-dir:/pilot   (writable by this uid)\n"
    "Kubernetes: a volume mounted at /pilot, and securityContext.fsGroup"
)
_NO_USER = ("user namespace",)
UNKNOWN = Cause("Apptainer failed", "run `ospool-selftest` with the same options, and show us its output")

# The first that says and fits. A limit of the kernel's has the errors of other causes, hence first.
_LIMITS = (
    Cause("the host allows no user namespaces (user.max_user_namespaces=0)",
          "host: sysctl -w user.max_user_namespaces=65536", (), lambda around: around.user_namespaces == 0),
    Cause("the host allows user namespaces to root only (kernel.unprivileged_userns_clone=0)",
          "host: sysctl -w kernel.unprivileged_userns_clone=1", (), lambda around: not around.userns_clone),
    Cause("the host allows no mount namespaces (user.max_mnt_namespaces=0)",
          "host: sysctl -w user.max_mnt_namespaces=65536", (), lambda around: around.mount_namespaces == 0),
    Cause("the host allows no IPC namespaces (user.max_ipc_namespaces=0)",
          "host: sysctl -w user.max_ipc_namespaces=65536", (), lambda around: around.ipc_namespaces == 0),
)  # fmt: skip
_SHORTAGES = (
    Cause("this uid has no passwd entry", _USER, ("unknown userid",)),
    Cause("there are too few processes for it", _PROCESSES,
          ("Resource temporarily unavailable", "pthread_create failed", "fork/exec")),
    Cause("there are too few file descriptors for it", _FILES, ("oo many open files",)),
    Cause("there are too few processes or file descriptors for it", f"{_PROCESSES}\n{_FILES}",
          ("no such image driver",)),
)  # fmt: skip
_EVERYWHERE = (
    Cause("this container has no /etc/resolv.conf", "a network for it, or: -v /etc/resolv.conf:/etc/resolv.conf:ro",
          ("/etc/resolv.conf",)),
    Cause("the scratch volume is full", "free space (and inodes: df -i) on the volume of /pilot",
          ("o space left on device", "isk quota exceeded")),
    Cause("the scratch volume cannot be written", _SCRATCH,
          ("ead-only file system", "failed to create /pilot")),
    Cause("the scratch volume is mounted noexec", "mount the volume of /pilot with exec", ("run: Permission denied",)),
    Cause("Apptainer hangs", "look for a hanging mount among the binds and volumes (on the host: df hangs too)",
          ("no answer within",)),
    Cause("a root user without all capabilities cannot run it", _USER,
          ("Requesting capability set",)),
    Cause("its setuid starter does not work (no-new-privileges, or capabilities are missing)",
          "use an Apptainer without one, as in our image", ("starter-suid", "ipc namespace requires privileges")),
    Cause("the host allows no IPC namespaces", "host: sysctl user.max_ipc_namespaces (not 0)",
          ("create ipc namespace",)),
)  # fmt: skip
_NAMESPACES = (
    Cause("AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)",
          f"host: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n{_APPARMOR}", (),
          lambda around: around.apparmor_restricts),
    # AppArmor answers EACCES, seccomp EPERM
    Cause("the container's AppArmor profile forbids user namespaces or mounts", _APPARMOR,
          ("ermission denied",), lambda around: bool(around.apparmor)),
    Cause("the runtime's seccomp profile forbids user namespaces", _SECCOMP, _NO_USER, lambda around: around.seccomp),
    Cause("the container's AppArmor profile forbids what Apptainer needs", _APPARMOR,
          ("not permitted",), lambda around: bool(around.apparmor)),
    Cause("the runtime's seccomp profile forbids a call that Apptainer needs", _SECCOMP,
          ("not permitted", "not implemented"), lambda around: around.seccomp),
    Cause("the runtime forbids user namespaces",
          f"{_SECCOMP}\nhost: sysctl user.max_user_namespaces (not 0)", _NO_USER),
)  # fmt: skip
_UNMASK = (
    "docker: --security-opt systempaths=unconfined\n"
    "podman: --security-opt unmask=ALL\n"
    "Kubernetes: securityContext.procMount: Unmasked"
)
_PID_NAMESPACE = (
    Cause("the host allows no PID namespaces (user.max_pid_namespaces=0)",
          "host: sysctl -w user.max_pid_namespaces=65536", (), lambda around: around.pid_namespaces == 0),
    Cause("the runtime masks parts of /proc, and has a seccomp profile",
          f"{_UNMASK}\nand with docker's own profile, or ours: --security-opt seccomp=unconfined",
          ("proc",), lambda around: around.masked_proc and around.seccomp),
    Cause("the runtime masks parts of /proc", _UNMASK, ("proc",), lambda around: around.masked_proc),
    Cause("something is mounted below /proc (by NVIDIA's runtime, or lxcfs)",
          "-e SINGULARITY_DISABLE_PID_NAMESPACES=true   (nothing else helps while it is there)",
          ("proc",), lambda around: bool(around.over_proc)),
    Cause("the runtime's seccomp profile forbids PID namespaces",
          "docker or podman: --security-opt seccomp=unconfined\n"
          "Kubernetes: securityContext.seccompProfile.type: Unconfined", (), lambda around: around.seccomp),
    Cause("the runtime forbids a proc file system", _UNMASK),
)  # fmt: skip
_SIF = (
    Cause("/dev/fuse is not in this container", _DEVICE, (), lambda around: around.fuse == "missing"),
    Cause("/dev/fuse is not a device here (its host path does not exist)", f"host: modprobe fuse\n{_DEVICE}", (),
          lambda around: around.fuse == "a directory"),
    Cause("/dev/fuse may not be opened by this uid", "host: chmod 0666 /dev/fuse", (),
          lambda around: around.fuse == "unreadable"),
    Cause("/dev/fuse is here, and this container may not use it", f"{_DEVICE}\n(-v /dev/fuse:/dev/fuse is not enough)",
          (), lambda around: around.fuse == "forbidden"),
    Cause("FUSE does not work", _DEVICE, ("fuse",)),
)  # fmt: skip
_UNPACKED = Cause("each job would unpack its own, which is slow", "use an image with squashfuse, as ours", (UNPACKED,))


def of_containers(error: str, around: Surroundings) -> Cause:
    """Why no container starts."""
    return _first((*_LIMITS, *_SHORTAGES, *_EVERYWHERE, *_NAMESPACES), error, around)


def of_pid_namespaces(error: str, around: Surroundings) -> Cause:
    """Why containers start only without a PID namespace."""
    return _first((*_SHORTAGES, *_PID_NAMESPACE), error, around)


def of_sif(error: str, around: Surroundings) -> Cause:
    """Why directories run, and .sif files do not."""
    rest = (*_SHORTAGES, _UNPACKED, *_EVERYWHERE)
    return _first((*_SIF, *rest) if around.fuse != "usable" else (*rest, *_SIF), error, around)


def of_privileges(cause: Cause) -> bool:
    """Whether the engine, or AppArmor, does not let Apptainer do something."""
    return cause in _NAMESPACES


def further(around: Surroundings, pid_namespaces: bool) -> tuple[str, ...]:
    """Cures of what would be missing next: nobody should have to start again for each."""
    proc = (f"and, for PID namespaces: {_UNMASK}",) if pid_namespaces and around.masked_proc else ()
    fuse = (f"and, for .sif files: {of_sif('', around).cure}",) if around.fuse != "usable" else ()
    return (*proc, *fuse)


def _first(causes: tuple[Cause, ...], error: str, around: Surroundings) -> Cause:
    return next((cause for cause in causes if _says(cause, error) and cause.fits(around)), UNKNOWN)


def _says(cause: Cause, error: str) -> bool:
    return not cause.says or any(words in error for words in cause.says)
