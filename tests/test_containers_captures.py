"""Every captured container: what runs there, what is missing, why, and what to type."""

import re

import pytest

from apptainer_captured import NAMES, load
from fakes import ids
from ospool_ep.containers import causes

ALL, NO_PID, NO_SIF, NEITHER, NOTHING = "all", "no PID namespace", "no .sif", "directories only", "nothing"
# Directories, PID namespaces, .sif files.
WORKS = {
    ALL: (True, True, True),
    NO_PID: (True, False, True),
    NO_SIF: (True, True, False),
    NEITHER: (True, False, False),
    NOTHING: (False, False, False),
}
PID, SIF, CONTAINERS = "apptainer-pid-namespaces", "apptainer-sif", "apptainer"
UNMASK, DEVICE, SECCOMP = "systempaths=unconfined", "--device /dev/fuse", "seccomp=unconfined"
APPARMOR, PIDS = "apparmor=unconfined", "--pids-limit"

# From what the header of each says was done: what works, then for each problem a word of the cause and of the cure.
EXPECTED = {
    "apparmor-docker-default": (NOTHING, ("AppArmor", APPARMOR)),
    "apparmor-no-mount": (NOTHING, ("AppArmor", APPARMOR)),
    "apparmor-no-userns": (NOTHING, ("AppArmor", APPARMOR)),
    "apparmor-unprivileged-userns": (NOTHING, ("AppArmor", APPARMOR)),
    "apparmor-userns-without-capabilities": (NOTHING, ("AppArmor", APPARMOR)),
    "cap-drop-all": (ALL,),
    "default": (NOTHING, ("seccomp", SECCOMP)),
    "default-fuse": (NOTHING, ("seccomp", SECCOMP)),
    "docker-28-default": (NOTHING, ("seccomp", SECCOMP)),
    "docker-28-minimum": (NO_PID, ("/proc", UNMASK)),
    "docker-28-minimum-docker-default": (NOTHING, ("AppArmor", APPARMOR)),
    "docker-28-privileged": (ALL,),
    "docker-28-recommended": (ALL,),
    "fuse-0600": (NO_SIF, ("may not be opened", "chmod 0666 /dev/fuse")),
    "fuse-0600-root-group": (ALL,),
    "fuse-forbidden": (NO_SIF, ("may not use", DEVICE)),
    "fuse-not-a-device": (NO_SIF, ("not a device", "modprobe fuse")),
    "fuse-read-only-rule": (NO_SIF, ("may not use", DEVICE)),
    "host-pid": (ALL,),
    "max-ipc-namespaces-0": (NOTHING, ("IPC namespaces", "user.max_ipc_namespaces")),
    "max-mnt-namespaces-0": (NOTHING, ("mount namespaces", "user.max_mnt_namespaces")),
    "max-pid-namespaces-0": (NO_PID, ("PID namespaces", "user.max_pid_namespaces")),
    "max-user-namespaces-0": (NOTHING, ("user namespaces", "user.max_user_namespaces")),
    "minimum": (NO_PID, ("/proc", UNMASK)),
    "minimum-systempaths": (NO_PID, ("seccomp", SECCOMP)),
    "network-none": (ALL,),
    "nofile-10": (NO_SIF, ("file descriptors", "--ulimit nofile")),
    "nofile-20": (ALL,),
    "pids-10": (NOTHING, ("processes", PIDS)),
    "pids-15": (NOTHING, ("processes", PIDS)),
    "pids-20": (ALL,),
    "pids-5": (NOTHING, ("processes", PIDS)),
    "podman-default": (NEITHER, ("/proc", "unmask=ALL"), ("/dev/fuse", DEVICE)),
    "podman-fuse": (NO_PID, ("/proc", "unmask=ALL")),
    "podman-network-none": (NOTHING, ("/etc/resolv.conf", "/etc/resolv.conf")),
    "podman-privileged": (ALL,),
    "podman-privileged-fuse": (ALL,),
    "podman-recommended": (ALL,),
    "podman-userns": (ALL,),
    "podman-without-fuse": (NO_SIF, ("/dev/fuse", DEVICE)),
    "podman-without-unmask": (NO_PID, ("/proc", "unmask=ALL")),
    "privileged": (NO_SIF, ("/dev/fuse", DEVICE)),
    "privileged-fuse": (ALL,),
    "privileged-root": (NOTHING, ("root", "--user 1000")),
    # /proc/sys is one of the engine's own masks.
    "proc-bind-of-itself": (NO_PID, ("masks", UNMASK)),
    "proc-over-mounted": (NO_PID, ("NVIDIA", "SINGULARITY_DISABLE_PID_NAMESPACES=true")),
    "proc-over-mounted-file": (NO_PID, ("lxcfs", "SINGULARITY_DISABLE_PID_NAMESPACES=true")),
    "read-only-root": (NOTHING, ("scratch", "/pilot")),
    "read-only-root-scratch": (ALL,),
    "recommended": (ALL,),
    "scratch-full": (NOTHING, ("scratch volume is full", "free space")),
    "scratch-no-inodes": (NOTHING, ("scratch volume is full", "df -i")),
    "scratch-no-inodes-at-all": (NOTHING, ("scratch", "/pilot")),
    "scratch-noexec": (NOTHING, ("noexec", "with exec")),
    "scratch-nosuid-nodev": (ALL,),
    "scratch-not-writable": (NOTHING, ("scratch volume cannot be written", "/pilot")),
    "scratch-read-only": (NOTHING, ("scratch volume cannot be written", "/pilot")),
    "setuid": (NOTHING, ("setuid", "without")),
    "setuid-default": (NOTHING, ("setuid", "without")),
    "setuid-no-new-privileges": (NOTHING, ("no-new-privileges", "without")),
    "setuid-privileged": (ALL,),
    "setuid-privileged-no-new-privileges": (NOTHING, ("no-new-privileges", "without")),
    "uid-without-entry": (NOTHING, ("no passwd entry", "--user 1000")),
    "unpacked": (NO_SIF, ("unpack", "squashfuse")),
    "unpacked-no-fuse": (NO_SIF, ("/dev/fuse", DEVICE)),
    "unpacked-no-room": (NO_SIF, ("unpack", "squashfuse")),
    "unprivileged-userns-clone-0": (NOTHING, ("root only", "kernel.unprivileged_userns_clone=1")),
    "without-fuse": (NO_SIF, ("/dev/fuse", DEVICE)),
    "without-fuse-systempaths": (NEITHER, ("/proc", UNMASK), ("/dev/fuse", DEVICE)),
    "without-no-new-privileges": (ALL,),
    "without-seccomp": (NOTHING, ("seccomp", SECCOMP)),
    "without-systempaths": (NO_PID, ("/proc", UNMASK)),
}
PROBLEMS = {ALL: [], NO_PID: [PID], NO_SIF: [SIF], NEITHER: [PID, SIF], NOTHING: [CONTAINERS]}


def test_every_capture_is_in_the_table():
    assert set(EXPECTED) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_works_and_what_to_type_where_something_does_not(name, tmp_path):
    works, *words = EXPECTED[name]
    able, problems = load(name).look(tmp_path)
    assert (able.directories, able.pid_namespaces, able.sif) == WORKS[works]
    assert ids(problems) == PROBLEMS[works]
    for problem, (cause, cure) in zip(problems, words, strict=True):
        assert cause in problem.found
        assert cure in problem.cure


@pytest.mark.parametrize("name", [name for name in NAMES if EXPECTED[name][0] != ALL])
def test_every_problem_is_a_warning_with_what_apptainer_said_and_the_ad_has_a_comment(name, tmp_path):
    able, problems = load(name).look(tmp_path)
    assert all(problem.warning for problem in problems)
    assert able.comment == "; ".join(problem.found for problem in problems)
    for problem in problems:
        assert problem.raw
        assert "\x1b" not in problem.raw
        assert "goroutine" not in problem.raw
        assert len(problem.raw.splitlines()) < 10


@pytest.mark.parametrize("name", NAMES)
def test_the_version_is_known_wherever_apptainer_says_it(name, tmp_path):
    able, _ = load(name).look(tmp_path)
    assert able.version == ("" if name in ("pids-5", "uid-without-entry") else "1.4.5")


def all_causes():
    groups = [group for group in vars(causes).values() if isinstance(group, tuple)]
    return [cause for group in groups for cause in group if isinstance(cause, causes.Cause)]


@pytest.mark.parametrize("cause", all_causes(), ids=lambda cause: cause.meaning)
def test_a_cure_for_one_engine_is_there_for_all(cause):
    engines = {word.lower() for word in re.findall("docker|podman|Kubernetes", cause.cure)}
    assert engines in (set(), {"docker", "podman", "kubernetes"})
