"""Decisions from what Apptainer 1.4.5 was seen to say (as uid 1000 in Docker, HTCondor 25.14)."""

import pytest

from fakes import PASSED, changed, ids, machine, put, said
from ospool_ep import apptainer
from ospool_ep.apptainer import Apptainer
from ospool_ep.machine import Result

NO_USER_NAMESPACE = Result(255, "", "FATAL:   Failed to create user namespace: not allowed to create user namespace")
NO_PROC = Result(
    255, "", "FATAL:   container creation failed: can't mount proc filesystem to /proc: operation not permitted"
)
UNSHARE_PROC = Result(1, "", "unshare: mount /proc failed: Operation not permitted")
NO_FUSE = Result(255, "", "FATAL:   container creation failed: fuse: device /dev/fuse not found")
FUSE_DENIED = Result(255, "", "fuse: failed to open /dev/fuse: Permission denied")
ONLY_WITH_PID = "exec -C"


def look(root, *rows, pid_namespaces=True):
    put(root, apptainer.BINARY, "")
    return apptainer.look(machine(root, answers=changed(*rows)), pid_namespaces)


def test_all_options_of_the_example_everything_works(tmp_path):
    able, problems = look(tmp_path)
    assert able == Apptainer("1.4.5", directories=True, pid_namespaces=True, sif=True)
    assert problems == ()
    assert (
        apptainer.summary(able) == "1.4.5 runs directories and .sif files, with PID namespaces; registry images not yet"
    )


@pytest.mark.parametrize("rows", [(("unshare", UNSHARE_PROC), (ONLY_WITH_PID, NO_PROC)), ((ONLY_WITH_PID, NO_PROC),)])
def test_without_systempaths_containers_run_without_a_pid_namespace(tmp_path, rows):
    able, problems = look(tmp_path, *rows)
    assert able.usable
    assert not able.pid_namespaces
    assert ids(problems)[0] == "apptainer-pid-namespaces"
    assert "systempaths=unconfined" in problems[0].cure
    assert "unmask=ALL" in problems[0].cure
    assert "peration not permitted" in problems[0].raw
    assert problems[0].warning


def test_where_only_the_pid_namespace_fails_sif_files_still_run(tmp_path):
    able, problems = look(tmp_path, ("unshare", UNSHARE_PROC), (ONLY_WITH_PID, NO_PROC))
    assert able.sif
    assert ids(problems) == ["apptainer-pid-namespaces"]


def test_a_site_that_wants_no_pid_namespaces_gets_no_warning(tmp_path):
    able, problems = look(tmp_path, ("unshare", UNSHARE_PROC), (ONLY_WITH_PID, NO_PROC), pid_namespaces=False)
    assert able == Apptainer("1.4.5", directories=True, pid_namespaces=False, sif=True)
    assert problems == ()


def test_without_dev_fuse_directories_run(tmp_path):
    able, problems = look(tmp_path, ("tiny.sif", NO_FUSE))
    assert able == Apptainer("1.4.5", directories=True, pid_namespaces=True, sif=False)
    assert ids(problems) == ["apptainer-sif"]
    assert "--device /dev/fuse" in problems[0].cure
    assert apptainer.summary(able) == "1.4.5 runs directories, with PID namespaces; registry images not yet"


def test_dev_fuse_without_permission_has_another_cure(tmp_path):
    _, problems = look(tmp_path, ("tiny.sif", FUSE_DENIED))
    assert problems[0].cure == "on the host: chmod 0666 /dev/fuse"


def test_the_default_seccomp_profile(tmp_path):
    able, problems = look(tmp_path, ("unshare", Result(1, "", "unshare failed")), (" exec ", NO_USER_NAMESPACE))
    assert not able.usable
    assert ids(problems) == ["apptainer"]
    assert problems[0].warning
    assert "forbids user namespaces" in problems[0].found
    assert "seccomp=unconfined" in problems[0].cure
    assert "max_user_namespaces" in problems[0].cure
    assert problems[0].raw == NO_USER_NAMESPACE.stderr
    assert apptainer.summary(able) == "1.4.5, unable to run containers"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("FATAL: could not find user: user: unknown userid 12345", "no passwd entry"),
        ("\nno answer within 20 s", "hangs"),
        ("something new", "ospool-selftest"),
    ],
)
def test_other_failures(tmp_path, error, words):
    able, problems = look(tmp_path, (" exec ", Result(255, "", error)))
    assert not able.usable
    assert words in said(problems)
    assert error.strip() in problems[0].raw


def test_apptainer_is_missing(tmp_path):
    able, problems = apptainer.look(machine(tmp_path), True)
    assert able == Apptainer()
    assert "/usr/bin/apptainer is missing" in problems[0].raw
    assert apptainer.summary(able) == "missing, unable to run containers"


def test_a_wrong_exit_status_is_no_success(tmp_path):
    able, _ = look(tmp_path, (" exec ", Result(0, "", "")))
    assert not able.usable


def test_an_apptainer_that_cannot_say_its_version_is_not_advertised(tmp_path):
    able, problems = look(tmp_path, ("--version", Result(1, "", "library missing")))
    assert not able.usable
    assert ids(problems) == ["apptainer"]


def test_where_everything_works_one_container_has_answered_everything(tmp_path):
    able, problems = look(tmp_path, ("tiny.sif", PASSED), ("ospool-ep/tiny", NO_USER_NAMESPACE))
    assert able.usable
    assert problems == ()
