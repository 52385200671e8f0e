"""What is offered of given CPUs, why, and what is complained about: values in, values out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import ids, quotas, said
from ospool_ep import resources
from ospool_ep.cgroups import Limit, Reading
from ospool_ep.host import Host
from ospool_ep.settings import Settings

NOTHING = Reading()
DOUBT = "/sys/fs/cgroup/x: Permission denied"


def cpusets(amount):
    return Reading((Limit(amount, f"cpuset {amount}", "docker run --cpuset-cpus=... with {} CPUs"),))


def cpus(host=8, affinity=None, quota=NOTHING, cpuset=NOTHING, **asked):
    facts = Host(host, affinity or host, 64000, 64000)
    return resources.cpus(facts, quota, cpuset, Settings(**asked))


def test_all_of_a_host_that_nobody_limits():
    share, problems = cpus()
    assert (share.amount, share.source, problems) == (8, "all of the host (NUM_CPUS not set)", ())


@pytest.mark.parametrize(
    ("bounds", "offered", "source"),
    [
        ({"host": 3}, 3, "all of the host"),
        ({"affinity": 3}, 3, "affinity mask 3"),
        ({"cpuset": cpusets(3)}, 3, "cpuset 3"),
        ({"quota": quotas(3)}, 3, "cpu quota 3.0 of this cgroup"),
        ({"quota": quotas(5, 3)}, 3, "cpu quota 3.0 of the parent cgroup"),
        ({"quota": quotas(5, 4, 3)}, 3, "cpu quota 3.0 of the cgroup /"),
        ({"slurm_cpus_on_node": 3}, 3, "SLURM_CPUS_ON_NODE 3"),
        ({"slurm_cpus_per_node": 3}, 3, "SLURM_JOB_CPUS_PER_NODE 3"),
        ({"num_cpus": 3}, 3, "NUM_CPUS"),
    ],
)
def test_each_bound_alone_decides(bounds, offered, source):
    share, problems = cpus(**bounds)
    assert share.amount == offered
    assert share.source.startswith(f"{source} (")
    assert problems == ()


def test_the_smallest_of_all_decides_and_the_others_are_told():
    share, _ = cpus(64, 48, quotas(12, 4), cpusets(32), slurm_cpus_on_node=16)
    assert share.amount == 4
    assert share.source == (
        "cpu quota 4.0 of the parent cgroup (host 64, cpu quota 12.0 of this cgroup, cpuset 32, affinity mask 48, "
        "SLURM_CPUS_ON_NODE 16, NUM_CPUS not set)"
    )


def test_the_line_of_the_issue():
    share, _ = cpus(64, 8, Reading((Limit(4.0, "cpu quota 4.0 of the parent cgroup"),)), cpusets(8), num_cpus=16)
    assert share.text == "4      cpu quota 4.0 of the parent cgroup (host 64, cpuset 8, NUM_CPUS 16 lowered)"


def test_the_same_number_is_told_once_by_whom_a_person_asks_first():
    share, _ = cpus(8, 4, quotas(4), cpusets(4), slurm_cpus_on_node=4)
    assert share.source == "cpu quota 4.0 of this cgroup (host 8, NUM_CPUS not set)"
    assert cpus(4, 4, quotas(4))[0].source == "all of the host (NUM_CPUS not set)"


@pytest.mark.parametrize(("quota", "offered"), [(1, 1), (1.5, 1), (1.99, 1), (2, 2), (3.999, 3), (7.5, 7), (9.5, 8)])
def test_a_fraction_is_rounded_down(quota, offered):
    share, problems = cpus(quota=quotas(quota))
    assert (share.amount, problems) == (offered, ())


@pytest.mark.parametrize("quota", [0.01, 0.5, 0.999])
@pytest.mark.parametrize("asked", [None, 1])
def test_less_than_one_cpu_is_offered_as_one_with_a_warning(quota, asked):
    share, problems = cpus(quota=quotas(2, quota), num_cpus=asked)
    assert share.amount == 1
    assert ids(problems) == ["cpus-below-one"]
    assert problems[0].warning
    assert f"cpu quota {quota} of the parent cgroup" in problems[0].found
    assert f"cpu quota {quota} of the parent cgroup" in share.source


def test_exactly_one_cpu_is_no_warning():
    assert cpus(quota=quotas(1))[1] == ()


@pytest.mark.parametrize(("asked", "offered"), [(1, 1), (3, 3), (4, 4)])
def test_num_cpus_up_to_what_is_allowed_is_taken(asked, offered):
    share, problems = cpus(quota=quotas(4.5), num_cpus=asked)
    assert (share.amount, problems) == (offered, ())
    assert share.source == "NUM_CPUS (host 8, cpu quota 4.5 of this cgroup)"


@pytest.mark.parametrize("asked", [5, 8, 64, 65536])
def test_num_cpus_above_what_is_allowed_is_lowered_and_both_numbers_are_named(asked):
    share, problems = cpus(quota=quotas(4.5), num_cpus=asked)
    assert share.amount == 4
    assert share.source == f"cpu quota 4.5 of this cgroup (host 8, NUM_CPUS {asked} lowered)"
    assert ids(problems) == ["offer-lowered"]
    assert problems[0].warning
    assert f"NUM_CPUS={asked} is more than the 4 " in problems[0].found
    assert "-e NUM_CPUS=4" in problems[0].cure
    assert f"docker run --cpus={asked}" in problems[0].cure


def test_num_cpus_above_the_host_is_not_cured_by_an_option():
    _, problems = cpus(num_cpus=64)
    assert "NUM_CPUS=64 is more than the 8 " in problems[0].found
    assert "docker run" not in said(problems)


@pytest.mark.parametrize(
    ("bounds", "wrong"),
    [
        ({"cpuset": cpusets(2)}, "--cpus="),
        ({"affinity": 2}, "docker run"),
        ({"slurm_cpus_on_node": 2}, "docker run"),
        ({"quota": Reading((Limit(2.0, "cpu quota 2.0 of the parent cgroup"),))}, "docker run"),
    ],
)
def test_the_cure_names_no_option_that_would_not_help(bounds, wrong):
    _, problems = cpus(num_cpus=4, **bounds)
    assert ids(problems) == ["offer-lowered"]
    assert wrong not in problems[0].cure
    assert "NUM_CPUS=2" in problems[0].cure


def test_num_cpus_below_a_quota_below_one_is_told_once():
    assert ids(cpus(quota=quotas(0.5), num_cpus=4)[1]) == ["offer-lowered", "cpus-below-one"]


def test_a_quota_that_cannot_be_read_is_a_warning_that_says_what_was_assumed():
    _, problems = cpus(quota=Reading((), (DOUBT, "and this")))
    assert ids(problems) == ["cpu-limit-unseen"]
    assert problems[0].warning
    assert "assumed: there is none" in problems[0].why
    assert problems[0].raw == f"{DOUBT}\nand this"
    assert problems[0].cure.startswith("-e NUM_CPUS=")
    _, problems = cpus(quota=Reading(quotas(2).limits, (DOUBT,)))
    assert "assumed: the limits that were found are all" in problems[0].why


def test_what_the_administrator_has_said_needs_no_further_warning():
    unseen = Reading((), ("/sys/fs/cgroup/cpu.max: Permission denied",))
    assert ids(cpus(8, quota=unseen, num_cpus=4)[1]) == []
    assert ids(cpus(8, quota=unseen, num_cpus=9)[1]) == ["offer-lowered", "cpu-limit-unseen"]


def test_a_variable_that_was_refused_is_not_called_missing():
    assert cpus(8, refused=("NUM_CPUS",))[0].source == "all of the host (NUM_CPUS refused)"


def test_a_cpuset_that_cannot_be_read_is_no_matter_because_the_affinity_mask_says_it():
    assert cpus(cpuset=Reading((), (DOUBT,)))[1] == ()


AMOUNTS = st.lists(st.one_of(st.integers(1, 300), st.floats(0.01, 300)), max_size=3)
WHOLE = st.none() | st.integers(1, 400)


HOSTS = st.tuples(st.integers(1, 300), st.integers(1, 300))


@given(HOSTS, AMOUNTS, st.integers(1, 300), WHOLE, WHOLE)
def test_never_more_cpus_than_any_bound(host, amounts, cpuset, slurm, asked):
    share, problems = cpus(*host, quotas(*amounts), cpusets(cpuset), slurm_cpus_on_node=slurm, num_cpus=asked)
    bounds = [bound for bound in (*host, *amounts, cpuset, slurm) if bound is not None]
    allowed = max(1, int(min(bounds)))
    assert share.amount == min(allowed, asked or allowed)
    assert ("offer-lowered" in ids(problems)) == (asked is not None and asked > allowed)
    assert ("cpus-below-one" in ids(problems)) == (min(bounds) < 1)
