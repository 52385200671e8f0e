"""What memory is offered of given limits, why, and what is complained about: values in, values out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import ids, limits, said
from ospool_ep import resources
from ospool_ep.cgroups import Limit, Reading
from ospool_ep.host import Host
from ospool_ep.problem import Exit, exit_code
from ospool_ep.settings import Settings

NOTHING = Reading()
DOUBT = "/sys/fs/cgroup/x: Permission denied"


def memory(host=64000, visible=0, limit=NOTHING, high=NOTHING, **asked):
    facts = Host(8, 8, host, host if visible == 0 else visible)
    return resources.memory(facts, limit, high, Settings(**asked))


def test_all_of_a_host_without_a_limit_and_nothing_kept():
    share, problems = memory(24105)
    assert (share.amount, share.source, problems) == (24105, "all of the host (MEMORY not set)", ())


def test_the_memory_line_of_the_issue():
    share, _ = memory(257000, limit=Reading((Limit(16000, "memory limit 16000 MB"),)))
    assert share.text == "15900  memory limit 16000 MB minus 100 MB kept for the pilot (host 257000, MEMORY not set)"


@pytest.mark.parametrize(
    ("bounds", "offered", "source"),
    [
        ({"limit": limits(2000)}, 1900, "memory limit 2000 MB of this cgroup"),
        ({"limit": limits(3000, 2000)}, 1900, "memory limit 2000 MB of the parent cgroup"),
        ({"limit": limits(4000, 3000, 2000)}, 1900, "memory limit 2000 MB of the cgroup /"),
        ({"visible": 2000}, 1900, "MemTotal 2000 MB of /proc/meminfo"),
        ({"slurm_memory_per_node_mb": 2000}, 1900, "SLURM_MEM_PER_NODE 2000 MB"),
        (
            {"slurm_memory_per_cpu_mb": 500, "slurm_cpus_on_node": 4},
            1900,
            "SLURM_MEM_PER_CPU 500 MB for SLURM_CPUS_ON_NODE 4",
        ),
    ],
)
def test_each_limit_alone_decides_and_some_of_it_is_kept(bounds, offered, source):
    share, problems = memory(**bounds)
    assert share.amount == offered
    assert share.source.startswith(f"{source} minus 100 MB kept for the pilot (host 64000, ")
    assert problems == ()


def test_the_smallest_of_all_memories_decides_and_the_others_are_told():
    share, _ = memory(64000, 32000, limits(9000, 5000), slurm_memory_per_node_mb=8000, memory_mb=6000)
    assert share.amount == 4900
    assert share.source == (
        "memory limit 5000 MB of the parent cgroup minus 100 MB kept for the pilot (host 64000, memory limit 9000 MB "
        "of this cgroup, MemTotal 32000 MB of /proc/meminfo, SLURM_MEM_PER_NODE 8000 MB, MEMORY 6000 lowered)"
    )


@pytest.mark.parametrize("x", [256, 600, 16000])
def test_memory_x_with_exactly_the_seeds_limit_offers_x(x):
    share, problems = memory(limit=limits(x + 100), memory_mb=x)
    assert (share.amount, problems) == (x, ())
    assert share.source == f"MEMORY (host 64000, memory limit {x + 100} MB of this cgroup)"


def test_memory_x_with_one_mb_less_is_lowered_by_one():
    share, problems = memory(limit=limits(15999 + 100), memory_mb=16000)
    assert share.amount == 15999
    assert ids(problems) == ["offer-lowered"]
    assert "MEMORY=16000 is more than the 15999 " in problems[0].found
    assert "memory limit 16099 MB of this cgroup minus 100 MB kept for the pilot" in problems[0].found
    assert "-e MEMORY=15999" in problems[0].cure
    assert "docker run --memory=16100m" in problems[0].cure


def test_memory_below_all_limits_is_taken():
    assert memory(limit=limits(2000), memory_mb=1000)[0].amount == 1000


def test_memory_of_the_whole_host_needs_nothing_kept():
    share, problems = memory(24105, memory_mb=24105)
    assert (share.amount, share.source, problems) == (24105, "MEMORY (host 24105)", ())


def test_memory_above_the_host_is_lowered():
    share, problems = memory(24105, memory_mb=999999)
    assert share.amount == 24105
    assert "MEMORY=999999 is more than the 24105 " in problems[0].found
    assert "docker run" not in said(problems)


@pytest.mark.parametrize("limit", [24105, 24106, 1 << 40])
def test_a_limit_that_the_host_cannot_fill_decides_nothing(limit):
    assert memory(24105, limit=limits(limit))[0].amount == 24105


def test_the_limit_just_below_the_host_decides():
    assert memory(24105, limit=limits(24104))[0].amount == 24004


def test_a_meminfo_that_says_more_than_the_kernel_is_not_believed():
    share, _ = memory(24105, 257000)
    assert share.amount == 24105
    assert share.source.startswith("all of the host")


def test_without_a_meminfo_the_kernels_word_stands():
    assert memory(24105, None)[0] == resources.Share(24105, "all of the host (MEMORY not set)")


def test_256_mb_are_enough():
    share, problems = memory(limit=limits(356))
    assert (share.amount, problems) == (256, ())


@pytest.mark.parametrize(("limit", "left"), [(355, 255), (100, 0), (64, -36), (0, -100)])
def test_less_is_refused_with_the_arithmetic(limit, left):
    share, problems = memory(limit=limits(limit))
    assert ids(problems) == ["memory-too-little"]
    assert exit_code(problems) == Exit.UNFIT
    assert problems[0].found.startswith(f"{max(0, left)} MB are left")
    assert f"memory limit {limit} MB of this cgroup minus 100 MB kept for the pilot" in problems[0].found
    assert "256" in problems[0].found
    assert "docker run --memory=356m" in problems[0].cure
    assert share.amount == max(0, left)


def test_a_tiny_host_is_refused_without_anything_kept():
    assert memory(256)[1] == ()
    _, problems = memory(255)
    assert ids(problems) == ["memory-too-little"]
    assert "kept for the pilot" not in said(problems)


# --- memory.high


@pytest.mark.parametrize("highs", [(1900,), (5000, 1900), (1999,), (356,)])
def test_a_lower_memory_high_is_a_warning_and_no_limit(highs):
    share, problems = memory(limit=limits(2000), high=limits(*highs, kind="memory.high"))
    assert share.amount == 1900
    assert ids(problems) == ["memory-high"]
    assert problems[0].warning
    assert f"memory.high {min(highs)} MB of " in problems[0].found
    assert f"-e MEMORY={min(highs) - 100}" in problems[0].cure


@pytest.mark.parametrize("high", [2000, 3000])
def test_a_memory_high_that_is_not_lower_is_none(high):
    assert memory(limit=limits(2000), high=limits(high, kind="memory.high"))[1] == ()


def test_a_memory_high_above_what_memory_leaves_does_not_matter():
    assert memory(limit=limits(2000), high=limits(1100, kind="memory.high"), memory_mb=1000)[1] == ()
    assert ids(memory(limit=limits(2000), high=limits(1099, kind="memory.high"), memory_mb=1000)[1]) == ["memory-high"]


def test_a_memory_high_just_below_the_host_does_matter():
    assert ids(memory(24105, high=limits(24104, kind="memory.high"))[1]) == ["memory-high"]


def test_a_memory_high_that_leaves_too_little_is_not_cured_by_memory():
    _, problems = memory(limit=limits(2000), high=limits(355, kind="memory.high"))
    assert ids(problems) == ["memory-high"]
    assert "MEMORY=" not in problems[0].cure


def test_a_memory_high_above_all_of_the_host_does_not_matter():
    assert memory(24105, high=limits(24150, kind="memory.high"))[1] == ()
    assert memory(24105, limit=limits(30000), high=limits(24150, kind="memory.high"))[1] == ()


# --- what could not be read


def test_a_limit_that_cannot_be_read_is_a_warning_that_says_what_was_assumed():
    _, problems = memory(limit=Reading((), (DOUBT, "and this")))
    assert ids(problems) == ["memory-limit-unseen"]
    assert problems[0].warning
    assert "assumed: there is none" in problems[0].why
    assert problems[0].raw == f"{DOUBT}\nand this"
    assert problems[0].cure.startswith("-e MEMORY=")
    _, problems = memory(limit=Reading(limits(2000).limits, (DOUBT,)))
    assert "assumed: the limits that were found are all" in problems[0].why


def test_too_little_memory_and_a_file_that_cannot_be_read_are_told_in_one_go():
    _, problems = memory(limit=Reading(limits(300).limits, (DOUBT,)))
    assert set(ids(problems)) == {"memory-too-little", "memory-limit-unseen"}


WHOLE = st.none() | st.integers(1, 400)
MEGABYTES = st.integers(0, 5000)


@given(st.integers(256, 5000), st.none() | MEGABYTES, st.lists(MEGABYTES, max_size=3), st.none() | MEGABYTES, WHOLE)
def test_never_more_memory_than_any_bound(host, visible, found, slurm, asked):
    share, problems = memory(
        host, visible or None, limits(*found), slurm_memory_per_node_mb=slurm, memory_mb=asked and asked * 10 + 256
    )
    bounds = [*found, *(bound for bound in (host, visible, slurm) if bound)]
    smallest = min(bounds)
    left = smallest - (100 if smallest < host else 0)
    assert (exit_code(problems) == Exit.UNFIT) == (left < 256)
    if left >= 256:
        assert share.amount == min(left, asked * 10 + 256 if asked else left)
