"""The tests' command line is the one that HTCondor 25.14 makes for a job (from the log of a starter)."""

import pytest

from ospool_ep.containers import call, command

JOBS = "-s exec -S /tmp -S /var/tmp -W {0} --pwd /srv -B {0}:/srv --home {0}:/srv {1} IMAGE COMMAND"


@pytest.mark.parametrize(("pid", "flags"), [(True, "-C"), (False, "--contain --ipc --cleanenv")])
def test_a_test_is_like_a_job(pid, flags):
    work = "/pilot/ep-0123abcd/execute/dir_7"
    words = (*command.like_a_job(work, (), pid), "IMAGE", "COMMAND")
    assert " ".join(words[1:]) == JOBS.format(work, flags)
    assert words[0] == command.BINARY


def test_binds_of_the_test_are_binds_of_a_job():
    words = command.like_a_job("/w", ("/cvmfs", "/a:/b:ro"), True, silent=False)
    jobs = call.parse((*command.like_a_job("/w", (), True)[1:], "IMAGE")).bound(("/cvmfs", "/a:/b:ro"))
    assert {word for word in words if word.startswith("/")} == {command.BINARY, *filter(_path, jobs.words)}
    assert "-s" not in words


def test_libraries_of_a_gpus_driver_are_named_to_apptainer():
    assert command.with_libraries(("/a/libcuda.so.1", "/b/x.so")) == {
        "APPTAINER_CONTAINLIBS": "/a/libcuda.so.1,/b/x.so"
    }
    assert command.with_libraries(()) == {}


def _path(word):
    return word.startswith("/")
