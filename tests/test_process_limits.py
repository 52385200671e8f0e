"""Processes, open files, shared memory: judged as values, and looked at on this machine."""

import errno
import os
import resource
from contextlib import contextmanager

import pytest

from fakes import ids, machine, put, said
from ospool_ep import cgroups, process_limits
from ospool_ep.cgroups import Limit, Reading
from ospool_ep.problem import Exit, exit_code
from ospool_ep.process_limits import ProcessLimits

NOTHING = Reading()


def judge(cpus=2, groups=NOTHING, **changes):
    enough = {"processes": None, "files": 1 << 20, "shm_mb": 64, "shm_free_kb": 65536}
    return process_limits.judge(ProcessLimits(**(enough | changes)), cpus, groups)


def pids(amount):
    return Limit(amount, f"pids.max {amount} of this cgroup")


@pytest.mark.parametrize(
    "enough",
    [{}, {"processes": pids(512)}, {"processes": pids(256), "cpus": 1}, {"files": 4096}, {"files": None},
     {"shm_mb": 64}, {"shm_mb": 64000}],
)  # fmt: skip
def test_at_the_floor_nothing_is_said(enough):
    assert judge(**enough) == ()


@pytest.mark.parametrize(
    ("little", "id", "found", "option"),
    [
        ({"processes": pids(511)}, "processes-few", "pids.max 511 of this cgroup", "--pids-limit=512"),
        ({"processes": pids(255), "cpus": 1}, "processes-few", "pids.max 255", "--pids-limit=256"),
        ({"processes": Limit(100, "ulimit -u 100"), "cpus": 4}, "processes-few", "ulimit -u 100",
         "--ulimit nproc=1024:1024"),
        ({"files": 4095}, "files-few", "4095 files", "--ulimit nofile=4096:4096"),
        ({"shm_mb": 63}, "shm-small", "63 MB", "--shm-size=64m"),
        ({"shm_mb": 0}, "shm-small", "0 MB", "--shm-size=64m"),
    ],
)  # fmt: skip
def test_below_the_floor_a_warning_names_the_option(little, id, found, option):
    problems = judge(**little)
    assert ids(problems) == [id]
    assert exit_code(problems) == Exit.OK
    assert found in problems[0].found
    assert f"docker run {option}" in problems[0].cure


def test_everything_that_is_too_little_is_told_at_once():
    doubt = Reading((), ("/sys/fs/cgroup/pids.max: Permission denied",))
    problems = judge(processes=pids(32), files=64, shm_mb=1, groups=doubt)
    assert ids(problems) == ["processes-few", "files-few", "shm-small", "processes-limit-unseen"]
    assert "assumed: there is none" in said(problems)
    assert "pids.max: Permission denied" in problems[-1].raw


def test_so_few_files_that_nothing_starts_are_refused():
    (problem,) = judge(files=63)
    assert (problem.id, exit_code((problem,))) == ("files-too-few", Exit.UNFIT)
    assert "63 files" in problem.found
    assert "docker run --ulimit nofile=" in problem.cure


def test_so_few_processes_that_nothing_starts_are_refused():
    (problem,) = judge(processes=pids(31))
    assert (problem.id, exit_code((problem,))) == ("processes-too-few", Exit.UNFIT)
    assert "pids.max 31" in problem.found
    assert "docker run --pids-limit=" in problem.cure


def test_a_limit_of_processes_that_was_found_next_to_a_file_that_cannot_be_read_is_not_none():
    (problem,) = judge(processes=pids(5000), groups=Reading((pids(5000),), ("x: Permission denied",)))
    assert "there is none" not in problem.why


def test_the_line_of_the_report():
    limits = ProcessLimits(pids(300), 20000, 64, 65536)
    assert process_limits.summary(limits).endswith("pids.max 300 of this cgroup, 20000 open files, 64 MB shared memory")
    assert process_limits.summary(ProcessLimits()).startswith("no limit of processes, no limit of open files, 0 MB")


@contextmanager
def soft_limit(kind, wanted):
    """Lower one of our own limits for a moment; the hard one stays."""
    soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(kind, (soft, hard))


def look(root, groups=NOTHING):
    return process_limits.look(machine(root), groups)


def test_the_soft_limit_counts_because_a_job_gets_it_without_asking(root):
    with soft_limit(resource.RLIMIT_NOFILE, 999):
        assert look(root).files == 999


def test_of_cgroups_and_ulimit_the_smaller_decides(root):
    hard = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    own = 1_000_000 if hard == resource.RLIM_INFINITY else hard
    with soft_limit(resource.RLIMIT_NPROC, own):
        assert look(root).processes == Limit(own, f"ulimit -u {own}")
        assert look(root, Reading((pids(own + 1),))).processes.amount == own
        assert look(root, Reading((pids(own - 1), pids(own - 2)))).processes == pids(own - 2)


def test_shared_memory_is_that_of_the_volume(root):
    volume = os.statvfs(root / "dev/shm")
    limits = look(root)
    assert limits.shm_mb == volume.f_blocks * volume.f_frsize >> 20
    # Others write there too
    assert limits.shm_free_kb == pytest.approx(volume.f_bavail * volume.f_frsize / 1024, rel=0.2)


def test_no_shared_memory_at_all(tmp_path):
    limits = look(tmp_path)
    assert (limits.shm_mb, limits.shm_free_kb) == (0, 0)


def test_the_cgroups_limit_is_read_and_judged_together(root):
    put(root, "/sys/fs/cgroup/pids.max", "100\n")
    groups = cgroups.processes(machine(root))
    limits = process_limits.look(machine(root), groups)
    assert "processes-few" in ids(process_limits.judge(limits, 1, groups))
    shut = (("/sys/fs/cgroup/pids.max", errno.EACCES),)
    groups = cgroups.processes(machine(root, unreadable=shut))
    assert "processes-limit-unseen" in ids(process_limits.judge(limits, 1, groups))
