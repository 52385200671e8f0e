"""What cvmfsexec needs of the machine: tried, not read from a version."""

import os
import resource
from dataclasses import dataclass

from ospool_ep.machine import TIMED_OUT, Machine, Result
from ospool_ep.problem import Exit, Problem, warning

TREE = "/cvmfsexec"
# Written by the image's build where there is no cvmfsexec in it: why.
NOT_INCLUDED = f"{TREE}/NOT_INCLUDED"
_PARTS = ("cvmfsexec", "mountrepo", "umountrepo", "dist/etc/cvmfs", "dist/usr/bin/cvmfs2")
_TIMEOUT_S = 10.0
# The steps of cvmfsexec itself, each named before it is taken. A FUSE file system that nobody serves can be mounted,
# and goes with the namespace.
_TRIAL = """\
echo mount; mount -t tmpfs none "$1" && mkdir "$1/old" "$1/fuse" && mount --rbind "$1" "$1" || exit 1
echo fuse; exec 3<>/dev/fuse || exit 1
echo kernel; mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none "$1/fuse" || exit 1
echo root; cd "$1" && pivot_root . old || exit 1
echo done
"""
_TRY = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _TRIAL, "sh")
_WHY = "cvmfsexec cannot mount CVMFS without it"
_OPTIONS = "--security-opt seccomp=unconfined --security-opt systempaths=unconfined"
_ELSE = "or, where the host has CVMFS: -v /cvmfs:/cvmfs:shared instead of CVMFSEXEC_REPOS"


# The client asks for 8192, works with 2048, and does not start with 256.
_FILES = 1024


@dataclass(frozen=True)
class Seen:
    """`step`: the one that failed, `done` where none did; `result` with the error; `device`: /dev/fuse exists;
    `files`: the hard limit of open files.
    """

    step: str
    result: Result
    device: bool = True
    files: int = _FILES
    kernel: str = ""


def missing(machine: Machine) -> tuple[Problem, ...]:
    """There must be a cvmfsexec, the image's or one that a site has mounted over it."""
    there = {
        name for name in _PARTS if os.access(machine.path(f"{TREE}/{name}"), os.R_OK | os.X_OK, effective_ids=True)
    }
    absent = [name for name in _PARTS if name not in there]
    if not absent:
        return ()
    if not there:
        cure = f"docker build --build-arg WITH_CVMFSEXEC=true ...   (where the sources can be reached)\n{_ELSE}"
        found = f"this image has no cvmfsexec: {_reason(machine)}"
        return (Problem("cvmfs-not-in-image", found, "CVMFSEXEC_REPOS is set", cure, Exit.UNFIT),)
    return (incomplete(f"{', '.join(absent)} missing, or not open to uid {machine.uid}"),)


def incomplete(what: str) -> Problem:
    """A site's own tree."""
    cure = f"chmod -R a+rX the directory that is mounted at {TREE}, or leave the mount out"
    return Problem("cvmfs-tree", f"{TREE} is not complete: {what}", _WHY, cure, Exit.UNFIT)


def _reason(machine: Machine) -> str:
    try:
        return machine.text(NOT_INCLUDED).strip() or "its build gave no reason"
    except OSError:
        return f"{TREE}/cvmfsexec does not exist"


def look(machine: Machine, directory: str) -> Seen:
    """Try it in namespaces of a child's own; `directory` is an empty one."""
    result = machine.run((*_TRY, directory), _TIMEOUT_S)
    steps = result.stdout.split()
    there = machine.path("/dev/fuse").exists()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return Seen(steps[-1] if steps else "namespace", result, there, files, os.uname().release)


def judge(seen: Seen) -> tuple[Problem, ...]:
    """Empty where everything worked; otherwise what to type."""
    if seen.result.status == 0 and seen.step == "done":
        return _files(seen)
    if seen.result.status == TIMED_OUT:
        found = f"the trial mount did not end within {_TIMEOUT_S:g} s (step {seen.step})"
        return (_problem("cvmfs-mount-refused", found, "look at the load of this machine", seen),)
    return (_STEPS.get(seen.step, _namespace)(seen),)


def _files(seen: Seen) -> tuple[Problem, ...]:
    if not 0 <= seen.files < _FILES:  # -1: no limit
        return ()
    found = f"at most {seen.files} files may be open at once"
    why = "the cvmfs client wants 8192, and may not start with so few"
    return (warning("cvmfs-files", found, why, "docker run --ulimit nofile=8192:8192"),)


def _problem(id: str, found: str, cure: str, seen: Seen) -> Problem:
    raw = seen.result.stderr.strip() or f"exit status {seen.result.status}"
    return Problem(id, found, _WHY, f"{cure}\n{_ELSE}", Exit.UNFIT, raw)


def _namespace(seen: Seen) -> Problem:
    if "No space left" in seen.result.stderr:
        found = "the host allows no (more) user or mount namespaces"
        return _problem("cvmfs-userns", found, "on the host: sysctl -w user.max_user_namespaces=15000", seen)
    if "No such file" in seen.result.stderr:
        return _problem("cvmfs-userns", "unshare (package util-linux) is missing", "use the published image", seen)
    found = "user namespaces cannot be made in this container"
    return _problem("cvmfs-userns", found, f"docker run {_OPTIONS}", seen)


def _mount(seen: Seen) -> Problem:
    found = "mounts are refused in a user namespace of this container"
    cure = f"docker run {_OPTIONS}\nwith AppArmor also: --security-opt apparmor=unconfined"
    return _problem("cvmfs-mount-refused", found, cure, seen)


def _device(seen: Seen) -> Problem:
    error = seen.result.stderr.lower()
    if not seen.device or "no such device" in error:
        return _problem(
            "cvmfs-fuse", "/dev/fuse is missing", "docker run --device /dev/fuse (host: modprobe fuse)", seen
        )
    if "not permitted" in error:
        found = "/dev/fuse may not be opened: it was mounted as a file, not given as a device"
        return _problem("cvmfs-fuse", found, "docker run --device /dev/fuse", seen)
    return _problem("cvmfs-fuse", "/dev/fuse is not open to this uid", "on the host: chmod 0666 /dev/fuse", seen)


def _kernel(seen: Seen) -> Problem:
    found = f"this kernel ({seen.kernel}) mounts no FUSE file system in a user namespace"
    return _problem("cvmfs-fuse", found, "a kernel from 4.18 (EL8) or 5.0 (EL9) on does", seen)


def _root(seen: Seen) -> Problem:
    if "not found" in seen.result.stderr:
        found, cure = "pivot_root is missing (Debian: package util-linux-extra)", "use the published image"
    else:
        found, cure = "pivot_root is refused in this container", f"docker run {_OPTIONS}"
    return _problem("cvmfs-pivot-root", found, cure, seen)


_STEPS = {"mount": _mount, "fuse": _device, "kernel": _kernel, "root": _root}
