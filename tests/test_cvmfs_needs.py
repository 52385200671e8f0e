"""What cvmfsexec needs: every way to fail has a cure of its own, and the real trial has one of these outcomes."""

import dataclasses
import os

import pytest

import fakes
from fakes import ids, put
from ospool_ep.cvmfs import needs
from ospool_ep.cvmfs.needs import NOT_INCLUDED, TREE, Seen
from ospool_ep.machine import TIMED_OUT, Machine, Result

OPTIONS = "--security-opt seccomp=unconfined --security-opt systempaths=unconfined"
PARTS = ("cvmfsexec", "mountrepo", "umountrepo", "dist/etc/cvmfs", "dist/usr/bin/cvmfs2")
DONE = "mount\nfuse\nkernel\nroot\ndone\n"


def test_an_image_with_cvmfsexec(tmp_path):
    for name in PARTS:
        put(tmp_path, f"{TREE}/{name}", "").chmod(0o755)
    assert needs.missing(Machine(root=tmp_path)) == ()


@pytest.mark.parametrize("absent", PARTS)
@pytest.mark.parametrize("mode", [None, 0, 0o444])
def test_a_tree_of_the_sites_own_must_be_whole_and_open(nobodys, absent, mode):
    for name in PARTS:
        put(nobodys, f"{TREE}/{name}", "").chmod(0o755)
    closed = nobodys / f"{TREE}/{absent}".lstrip("/")
    closed.unlink() if mode is None else closed.chmod(mode)
    (problem,) = needs.missing(Machine(root=nobodys))
    assert (problem.id, problem.exit_code) == ("cvmfs-tree", 69)
    assert f"not complete: {absent} missing" in problem.found
    assert "chmod -R a+rX" in problem.cure


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("it was built with WITH_CVMFSEXEC=false\n", "it was built with WITH_CVMFSEXEC=false"),
        ("", "gave no reason"),
        (None, "does not exist"),
    ],
)
def test_an_image_without_it_says_why(tmp_path, reason, words):
    if reason is not None:
        put(tmp_path, NOT_INCLUDED, reason)
    (problem,) = needs.missing(Machine(root=tmp_path))
    assert (problem.id, problem.exit_code) == ("cvmfs-not-in-image", 69)
    assert words in problem.found
    assert "--build-arg WITH_CVMFSEXEC=true" in problem.cure


def looked(root, status, stdout, stderr="", device=True):
    """Without the limits of the place where the tests run."""
    if device:
        put(root, "/dev/fuse", "")
    here = fakes.machine(root, answers=(("unshare", Result(status, stdout, stderr)),))
    return dataclasses.replace(needs.look(here, "/x"), files=20000)


def judged(*told, **more):
    return needs.judge(looked(*told, **more))


def test_where_everything_worked(tmp_path):
    assert judged(tmp_path, 0, DONE) == ()


def test_a_trial_that_ended_too_early_did_not_work(tmp_path):
    assert judged(tmp_path, 0, "mount\nfuse\n") != ()
    assert judged(tmp_path, 1, DONE) != ()


# Words of util-linux 2.42 and dash, as the trial brings them.
@pytest.mark.parametrize(
    ("stdout", "stderr", "id", "cure"),
    [
        ("", "unshare: unshare failed: Operation not permitted", "cvmfs-userns", OPTIONS),
        ("", "unshare: unshare failed: No space left on device", "cvmfs-userns", "user.max_user_namespaces"),
        ("", "[Errno 2] No such file or directory: 'unshare'", "cvmfs-userns", "published image"),
        ("mount\n", "mount: /x: permission denied.", "cvmfs-mount-refused", OPTIONS),
        ("mount\nfuse\n", "sh: 2: cannot open /dev/fuse: Permission denied", "cvmfs-fuse", "chmod 0666 /dev/fuse"),
        ("mount\nfuse\n", "sh: 2: cannot open /dev/fuse: Operation not permitted", "cvmfs-fuse", "--device /dev/fuse"),
        ("mount\nfuse\n", "sh: 2: cannot open /dev/fuse: No such device", "cvmfs-fuse", "modprobe fuse"),
        ("mount\nfuse\nkernel\n", "mount: unknown filesystem type 'fuse'", "cvmfs-fuse", "4.18"),
        ("mount\nfuse\nkernel\nroot\n", "sh: 4: pivot_root: not found", "cvmfs-pivot-root", "published image"),
        ("mount\nfuse\nkernel\nroot\n", "pivot_root: Operation not permitted", "cvmfs-pivot-root", OPTIONS),
        ("mount\nfuse\nkernel\nroot\n", "", "cvmfs-pivot-root", OPTIONS),
    ],
)
def test_the_step_that_failed_names_the_missing_option(tmp_path, stdout, stderr, id, cure):
    (problem,) = judged(tmp_path, 1, stdout, stderr)
    assert (problem.id, problem.exit_code, problem.warning) == (id, 69, False)
    assert cure in problem.cure
    assert problem.raw == (stderr or "exit status 1")
    assert "-v /cvmfs:/cvmfs:shared" in problem.cure


def test_without_the_device(tmp_path):
    (problem,) = judged(tmp_path, 1, "mount\nfuse\n", "sh: cannot create /dev/fuse: Permission denied", device=False)
    assert (problem.id, problem.found) == ("cvmfs-fuse", "/dev/fuse is missing")
    assert "docker run --device /dev/fuse" in problem.cure


@pytest.mark.parametrize(("files", "enough"), [(1023, False), (256, False), (0, False), (1024, True), (-1, True)])
def test_open_files(tmp_path, files, enough):
    problems = needs.judge(dataclasses.replace(looked(tmp_path, 0, DONE), files=files))
    assert ids(problems) == ([] if enough else ["cvmfs-files"])
    assert all(problem.warning and "--ulimit nofile" in problem.cure for problem in problems)


def test_a_trial_that_hangs(tmp_path):
    (problem,) = judged(tmp_path, TIMED_OUT, "mount\nfuse\nkernel\n", "no answer within 10 s")
    assert problem.id == "cvmfs-mount-refused"
    assert "within 10 s (step kernel)" in problem.found


def test_the_kernel_is_named(tmp_path):
    (problem,) = judged(tmp_path, 1, "mount\nfuse\nkernel\n", "x")
    assert os.uname().release in problem.found


def test_the_real_trial_on_this_machine_leaves_nothing_behind(tmp_path):
    directory = tmp_path / "trial"
    directory.mkdir()
    seen = needs.look(Machine(), str(directory))
    assert isinstance(seen, Seen)
    assert seen.step in ("namespace", "mount", "fuse", "kernel", "root", "done")
    assert len(set(ids(needs.judge(seen))) - {"cvmfs-files"}) == (seen.step != "done")
    assert list(directory.iterdir()) == []
    assert str(directory) not in Machine().text("/proc/self/mountinfo")
