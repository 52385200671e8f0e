"""Capacity on true cgroups of version 2: a kernel of our own, since a host that runs the tests may have version 1.

User-mode Linux has one CPU and no cpuset controller.
"""

import json

import pytest

from poolbox import condor

HOST = "uml"


@pytest.fixture(scope="module")
def found(machine_v2):
    """What the checks say, by case; the cases are in uml/detection."""
    done = machine_v2("detection")
    assert done.status == 0, done.out
    return {row["case"]: row for row in map(json.loads, done.out.splitlines())}


def test_every_case_was_looked_at(found):
    cases = {
        "unlimited",
        "own",
        "parent",
        "hidden-parent",
        "volume",
        "high",
        "little",
        "delegated",
        "unreadable",
        "root",
    }
    assert set(found) == cases


@pytest.mark.parametrize("case", ["unlimited", "root"])
def test_without_a_limit_the_host_is_offered(found, case):
    assert found[case]["CPUs"].split(maxsplit=1) == ["1", "all of the host (NUM_CPUS not set)"]
    offered, source = found[case]["Memory"].split(maxsplit=1)
    assert 1900 <= int(offered) <= 2000
    assert source == "all of the host (MEMORY not set)"
    assert found[case]["problems"] == []


def test_limits_of_the_containers_own_cgroup(found):
    own = found["own"]
    assert own["CPUs"].split(maxsplit=1) == ["1", "cpu quota 0.5 of this cgroup (host 1, NUM_CPUS not set)"]
    assert own["Memory"].startswith("500 ")
    assert "memory limit 600 MB of this cgroup minus 100 MB kept for the pilot" in own["Memory"]
    assert "pids.max 100 of this cgroup" in own["limits"]
    assert own["problems"] == ["cpus-below-one", "processes-few"]


@pytest.mark.parametrize("case", ["parent", "volume"])
def test_a_tighter_parent_decides_where_it_is_visible(found, case):
    assert "cpu quota 0.25 of the parent cgroup" in found[case]["CPUs"]
    assert "cpu quota 0.5 of this cgroup" in found[case]["CPUs"]
    assert found[case]["Memory"].startswith("600 ")
    assert "memory limit 700 MB of the parent cgroup" in found[case]["Memory"]
    assert found[case]["problems"] == ["cpus-below-one"]


def test_what_a_private_namespace_hides_is_not_made_up(found):
    assert "cpu quota 0.5 of this cgroup" in found["hidden-parent"]["CPUs"]
    assert found["hidden-parent"]["Memory"].startswith("800 ")


def test_memory_high_below_the_offer_is_a_warning(found):
    assert found["high"]["Memory"].startswith("800 ")
    assert found["high"]["problems"] == ["memory-high"]


def test_too_little_memory_is_refused(found):
    assert found["little"]["problems"] == ["memory-too-little"]


def test_a_limit_that_may_not_be_read_is_told(found):
    assert found["unreadable"]["problems"] == ["memory-limit-unseen"]


def test_only_a_delegated_cgroup_is_divided(found):
    divided = {case for case, row in found.items() if row["job limits"].startswith("each job is to have a cgroup")}
    assert divided == {"delegated"}
    assert "/sys/fs/cgroup is read-only" in found["own"]["job limits"]
    assert "/sys/fs/cgroup is not ours to write to" in found["unlimited"]["job limits"]


@pytest.fixture(scope="module")
def piloted(machine_v2):
    """A pool and a pilot in a delegated cgroup: uml/pilot."""
    done = machine_v2("pilot", files={"pool.conf": condor.central_manager(HOST, f"{HOST}.test")}, limit_s=240)
    log = (done.directory / "ep.log").read_text() if (done.directory / "ep.log").exists() else ""
    assert done.status == 0, f"{done.out}\n{log}"
    jobs = (done.directory / "jobs").read_text().splitlines()
    return {"log": log, "modest": (done.directory / "modest.out").read_text(), "jobs": dict(map(_job, jobs))}


def _job(line):
    command, _, rest = line.partition(" ")
    return command.strip('"').rpartition("/")[2], rest


def test_the_pilot_says_that_jobs_have_cgroups(piloted):
    assert "ok      job limits each job is to have a cgroup of its own" in piloted["log"]
    assert "no cgroups for jobs" not in piloted["log"]


def test_the_kernel_keeps_a_job_within_its_memory_and_its_owner_reads_why(piloted):
    codes, _, reason = piloted["jobs"]["greedy"].partition(' "')
    assert codes == "34 102"
    assert "Job has gone over cgroup memory limit of 128 megabytes" in reason
    assert "Consider resubmitting with a higher request_memory" in reason


def test_the_pilot_lives_on_and_the_next_job_has_its_own_cgroup(piloted):
    assert piloted["jobs"]["modest"] == "0"
    assert piloted["modest"].startswith("0::/htcondor/")
