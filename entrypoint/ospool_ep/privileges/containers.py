"""What job containers need: namespaces, mounts in them, a proc of their own, FUSE."""

from ospool_ep.containers import causes
from ospool_ep.privileges.facts import Facts
from ospool_ep.privileges.row import NO, PARTLY, SECCOMP, UNKNOWN, UNMASK, YES, Row, first, options
from ospool_ep.runtime import PODMAN

_USER, _MOUNT = ("user-namespaces", "user namespaces"), ("mounts", "mounts in them")
_PID, _FUSE = ("pid-namespaces", "PID namespaces, own /proc"), ("fuse", "FUSE (/dev/fuse)")
_PLAIN = "jobs in containers, most of the OSPool's, do not match"
_EACH_OTHER = "jobs see each other's processes, and can leave some behind"
_NO_FILES = "jobs with .sif images or images of a registry do not match; no CVMFS by cvmfsexec"
_OTHERS = f" (and with another seccomp profile than podman's own: {SECCOMP})"


def rows(facts: Facts) -> tuple[Row, ...]:
    """One needs the other, in this order, but for the last."""
    user = _user_namespaces(facts)
    return user, _mounts(facts, user), _pid_namespaces(facts, user), _fuse(facts)


def _user_namespaces(facts: Facts) -> Row:
    error, around = facts.error("apptainer"), facts.around
    cure = first(causes.of_containers(error, around).cure, facts)
    if facts.containers:
        return Row(*_USER, YES)
    if around.user_namespaces == 0 or not around.userns_clone or "user namespace" in error:
        return Row(*_USER, NO, causes.of_containers(error, around).meaning, _PLAIN, cure)
    if around.apparmor_restricts:
        return Row(*_USER, PARTLY, "without rights in them (AppArmor)", _PLAIN, cure)
    return Row(*_USER, UNKNOWN, "Apptainer fails before it makes one, or later", _PLAIN, cure)


def _mounts(facts: Facts, user: Row) -> Row:
    if facts.containers:
        return Row(*_MOUNT, YES)
    if user.state == NO:
        return Row(*_MOUNT, NO, "no user namespaces", _PLAIN, user.flag)
    refused = causes.of_privileges(causes.of_containers(facts.error("apptainer"), facts.around))
    return Row(*_MOUNT, NO if refused else UNKNOWN, "", _PLAIN, user.flag)


def _pid_namespaces(facts: Facts, user: Row) -> Row:
    if facts.pid_namespaces:
        return Row(*_PID, YES)
    if not facts.pid_wanted:
        found, flag = "the site does not want them", "leave SINGULARITY_DISABLE_PID_NAMESPACES out"
        return Row(*_PID, NO, found, _EACH_OTHER, flag)
    found = _why_no_proc(facts, user)
    if not found:
        return Row(*_PID, UNKNOWN, "", _EACH_OTHER)
    return Row(*_PID, NO, found + (_OTHERS if _podman(facts) else ""), _EACH_OTHER, _proc(facts))


def _why_no_proc(facts: Facts, user: Row) -> str:
    if facts.around.masked_proc:
        return "parts of /proc are masked"
    if facts.containers:
        error = facts.error("apptainer-pid-namespaces")
        return causes.of_pid_namespaces(error, facts.around).meaning
    return "no user namespaces" if user.state == NO else ""


def _proc(facts: Facts) -> str:
    """All that it takes. Docker's profile, and ours, forbid what Apptainer calls; podman's own does not."""
    around = facts.around
    if around.pid_namespaces == 0 or (around.over_proc and not around.masked_proc):
        return first(causes.of_pid_namespaces("proc", around).cure, facts)
    wanted = (UNMASK if around.masked_proc else "", SECCOMP if around.seccomp and not _podman(facts) else "")
    return options(facts, *filter(None, wanted) or (UNMASK,))


def _podman(facts: Facts) -> bool:
    """A profile is here that may be podman's own."""
    return facts.runtime.engine == PODMAN and facts.around.masked_proc and facts.around.seccomp


def _fuse(facts: Facts) -> Row:
    around, error = facts.around, facts.error("apptainer-sif")
    cause = causes.of_sif(error, around)
    if around.fuse != "usable":
        return Row(*_FUSE, NO, cause.meaning, _NO_FILES, _device(cause.cure, facts))
    if facts.containers and not facts.sif:
        return Row(*_FUSE, PARTLY, f"it opens, but {cause.meaning}", _NO_FILES, first(cause.cure, facts))
    return Row(*_FUSE, YES)


def _device(cure: str, facts: Facts) -> str:
    """Where it is a directory the host has no device yet, and both lines count."""
    lines = cure.split("\n")
    host = [line for line in lines if line.startswith("host: ")]
    rest = "\n".join(line for line in lines if line not in host)
    return "\n".join((*host, first(rest, facts))) if rest else "\n".join(host)
