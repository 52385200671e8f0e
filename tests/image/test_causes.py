"""Why containers do not run: each cause is provoked, named with its cure, and gone when the cure has been typed."""

import re

import levels
import pytest
from selftests import as_root, inside, mount, of_containers, problem, selftest, waiting

from poolbox import pilot

SECCOMP = ("--security-opt", "seccomp=unconfined")
MASKS = ("--security-opt", "systempaths=unconfined")
FUSE = pilot.DEVICES
GIVEN = (*SECCOMP, *MASKS, *FUSE)
PROFILE = ("--security-opt", f"seccomp={levels.PROFILE}")
CONTAINERS, NAMESPACES, SIF = "apptainer", "apptainer-pid-namespaces", "apptainer-sif"

# What is right, what is wrong in place of the cure, the warning, words of its cause and of the raw error, the cure
CASES = {
    "default profile": (
        FUSE, (), CONTAINERS, "seccomp profile forbids user namespaces", "Failed to create user namespace",
        "--security-opt seccomp=unconfined",
    ),
    "masked /proc": (
        (*SECCOMP, *FUSE), (), NAMESPACES, "masks parts of /proc", "mount /proc failed",
        "--security-opt systempaths=unconfined",
    ),
    "our profile": (
        (*MASKS, *FUSE), PROFILE, NAMESPACES, "seccomp profile forbids PID namespaces", "create container process",
        "--security-opt seccomp=unconfined",
    ),
    "no /dev/fuse": (
        (*SECCOMP, *MASKS), (), SIF, "/dev/fuse is not in this container", "device /dev/fuse not found",
        "--device /dev/fuse",
    ),
    "mounted /dev/fuse": (
        (*SECCOMP, *MASKS), ("-v", "/dev/fuse:/dev/fuse"), SIF, "this container may not use it", "not permitted",
        "--device /dev/fuse",
    ),
}  # fmt: skip


def test_with_everything_given_there_is_no_warning(box):
    assert selftest(box, *GIVEN).warnings == []


@pytest.mark.parametrize("case", CASES)
def test_the_cause_is_named_and_its_cure_works(box, case):
    right, wrong, id, cause, raw, cure = CASES[case]
    ended = selftest(box, *right, *wrong)
    assert (ended.code, of_containers(ended)) == (0, [id])
    said = problem(ended, id)
    assert cause in said["found"]
    assert raw in said["error"]
    assert cure in said["type"]
    assert id not in selftest(box, *right, *cure.split()).warnings


def test_two_causes_of_one_failure_are_told_at_once(box):
    ended = selftest(box, *PROFILE, *FUSE)
    said = problem(ended, NAMESPACES)
    cures = [*MASKS, *SECCOMP]
    assert " ".join(MASKS) in said["type"]
    assert " ".join(SECCOMP) in said["type"]
    assert of_containers(selftest(box, *cures, *FUSE)) == []


def test_fuse_that_others_may_open(box):
    device = levels.fuse(box)["unreadable"]
    said = problem(selftest(box, *SECCOMP, *MASKS, *device), SIF)
    assert "may not be opened by this uid" in said["found"]
    assert "Permission denied" in said["error"]
    assert "chmod 0666 /dev/fuse" in said["type"]
    node = device[1].partition(":")[0]
    as_root(box, "-v", f"{node.rpartition('/')[0]}:/made", "--entrypoint", "chmod", command=("0666", "/made/fuse"))
    assert of_containers(selftest(box, *SECCOMP, *MASKS, *device)) == []


def test_fuse_that_is_a_directory(box):
    """What docker makes of -v where the host has no /dev/fuse."""
    said = problem(selftest(box, *SECCOMP, *MASKS, "-v", f"{box.scratch()}:/dev/fuse"), SIF)
    assert "not a device here" in said["found"]
    assert "Is a directory" in said["error"]
    assert "modprobe fuse" in said["type"]


@pytest.mark.parametrize("processes", [12, 18, 24, 30])
def test_few_processes(box, processes):
    """What fails then is a matter of chance; that there are too few is said in any case."""
    ended = selftest(box, *GIVEN, "--pids-limit", str(processes))
    assert ended.refusals == ["processes-too-few"]
    for id in of_containers(ended):
        assert re.search("too few processes|Apptainer failed", problem(ended, id)["found"])
    cure = re.search(r"--pids-limit=\d+", problem(ended, "processes-too-few")["type"])[0]
    cured = selftest(box, *GIVEN, cure)
    assert (cured.code, of_containers(cured)) == (0, [])


@pytest.mark.parametrize("files", [12, 15, 20, 24])
def test_few_open_files(box, files):
    ended = selftest(box, *GIVEN, "--ulimit", f"nofile={files}:{files}")
    assert ended.refusals == ["files-too-few"]
    for id in of_containers(ended):
        assert re.search("too few (processes or )?file descriptors", problem(ended, id)["found"])
    cure = re.search(r"--ulimit nofile=[0-9:]+", problem(ended, "files-too-few")["type"])[0]
    assert selftest(box, *GIVEN, *cure.split()).warnings == []


def test_a_setuid_apptainer(box):
    """Not ours: where its starter has that bit, Apptainer uses it even if it cannot help."""
    directory = box.new_path()
    find = "find / -xdev -path '*/apptainer/bin/starter'"
    make = f"cp $({find}) /made/starter-suid && chmod 4755 /made/starter-suid && {find}"
    starter = as_root(box, "-v", f"{directory}:/made", "--entrypoint", "sh", command=("-c", make)).stdout.strip()
    ended = selftest(box, *GIVEN, "-v", f"{directory}/starter-suid:{starter}-suid:ro")
    as_root(box, "-v", f"{directory}:/made", "--entrypoint", "rm", command=("/made/starter-suid",))
    assert of_containers(ended) == [CONTAINERS]
    said = problem(ended, CONTAINERS)
    assert "setuid" in said["found"]
    assert "our image" in said["type"]


@pytest.mark.parametrize(
    ("id", "wrong"),
    [
        ("scratch-noexec", ("--tmpfs", "/pilot:noexec,mode=1777,size=9g")),
        ("scratch-full", ("--tmpfs", "/pilot:exec,mode=1777,size=20m")),
    ],
)
def test_scratch_of_which_jobs_could_make_no_use(box, id, wrong):
    ended = selftest(box, *GIVEN, *wrong)
    assert ended.refusals == [id]
    assert "-v /worker-temp-dir:/pilot" in problem(ended, id)["type"]
    assert selftest(box, *GIVEN, "-v", f"{box.scratch()}:/pilot").refusals == []


def test_a_mount_below_proc_as_nvidias_runtime_makes_one(box):
    with waiting(box, "tmpfs", *GIVEN) as container:
        mount(box, container, "mount", "-t", "tmpfs", "none", "/proc/driver")
        said = problem(inside(box, container), NAMESPACES)
        assert "mounted below /proc" in said["found"]
        assert "mount /proc failed" in said["error"]
        cure = "SINGULARITY_DISABLE_PID_NAMESPACES=true"
        assert f"-e {cure}" in said["type"]
        assert of_containers(inside(box, container, "-e", cure)) == []


def test_a_container_without_resolv_conf(box):
    """What podman makes with --network none."""
    with waiting(box, "resolv", *GIVEN) as container:
        mount(box, container, "umount", "/etc/resolv.conf")
        box.inside(container, "rm", "/etc/resolv.conf", user="0")
        said = problem(inside(box, container), CONTAINERS)
        assert "no /etc/resolv.conf" in said["found"]
        assert "open /etc/resolv.conf: no such file" in said["error"]
        assert "-v /etc/resolv.conf:/etc/resolv.conf:ro" in said["type"]
        box.inside(container, "touch", "/etc/resolv.conf", user="0")
        assert of_containers(inside(box, container)) == []
