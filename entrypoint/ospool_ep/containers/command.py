"""How Apptainer is called: the tests and HTCondor's jobs alike."""

BINARY = "/usr/bin/apptainer"
# What HTCondor calls instead: it hands on to the other, see front.py.
FRONT = "/usr/libexec/ospool-ep/apptainer"
IMAGES = "/usr/share/ospool-ep"
# Where a job finds its scratch directory; also its home.
INSIDE = "/srv"
# Directories that every job has to itself. HTCondor's own choice where MOUNT_UNDER_SCRATCH is not set.
OWN = ("/tmp", "/var/tmp")
# No image needs to have a shell, or anything that can be called: a static busybox is mounted there.
TRUE = "/.ospool-ep/true"
TRUE_BIND = f"{IMAGES}/tiny/bin/busybox:{TRUE}:ro"


def containment(pid_namespaces: bool) -> tuple[str, ...]:
    """HTCondor's flags (its singularity.cpp, add_containment_args): -C is the others and a PID namespace."""
    return ("-C",) if pid_namespaces else ("--contain", "--ipc", "--cleanenv")


def with_libraries(paths: tuple[str, ...]) -> dict[str, str]:
    """Environment that makes Apptainer bind libraries of the GPU driver that its --nv would not find."""
    return {"APPTAINER_CONTAINLIBS": ",".join(paths)} if paths else {}


def like_a_job(work: str, binds: tuple[str, ...], pid_namespaces: bool, silent: bool = True) -> tuple[str, ...]:
    """All but image and command: `work` is mounted as a job's scratch directory is, `binds` as its binds are.

    `silent` false: Apptainer also says how it goes about it.
    """
    own = tuple(word for directory in OWN for word in ("-S", directory))
    mounts = tuple(word for bind in (f"{work}:{INSIDE}", *binds) for word in ("-B", bind))
    place = ("-W", work, "--pwd", INSIDE, *mounts, "--home", f"{work}:{INSIDE}")
    return (BINARY, *(("-s",) if silent else ()), "exec", *own, *place, *containment(pid_namespaces))
