"""The files of a cgroup as numbers; the texts are what kernels write (cgroup-v2.rst, memory.rst, sched-bwc.rst)."""

import errno
import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ospool_ep import cgroup_files

GB = 1 << 30
NAMES = (
    *("cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpuset.cpus", "cpuset.effective_cpus"),
    *("cpuset.cpus.effective", "memory.max", "memory.high", "memory.limit_in_bytes", "memory.stat", "pids.max"),
)
PARSERS = [
    table[version]
    for table in (
        *(cgroup_files.QUOTA, cgroup_files.CPUSET, cgroup_files.MEMORY, cgroup_files.MEMORY_HIGH),
        *(cgroup_files.MEMORY_AROUND, cgroup_files.PROCESSES),
    )
    for version in (1, 2)
]


def reader(**files):
    """Files by name; a dot is written as two underscores."""
    known = {name.replace("__", "."): text for name, text in files.items()}

    def read(name):
        if name not in known:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", name)
        return known[name]

    return read


@pytest.mark.parametrize(
    ("text", "cpus"),
    [("max 100000", None), ("400000 100000", 4), ("150000 100000", 1.5), ("1000 100000", 0.01), ("50000 25000", 2)],
)
def test_the_quota_of_version_2(text, cpus):
    assert cgroup_files.QUOTA[2](reader(cpu__max=text)) == cpus


@pytest.mark.parametrize(
    ("quota", "period", "cpus"),
    [("-1", "100000", None), ("400000", "100000", 4), ("25000", "50000", 0.5), ("150000", "100000", 1.5)],
)
def test_the_quota_of_version_1(quota, period, cpus):
    assert cgroup_files.QUOTA[1](reader(cpu__cfs_quota_us=quota, cpu__cfs_period_us=period)) == cpus


def test_a_quota_without_its_period_is_missing():
    with pytest.raises(FileNotFoundError, match="cfs_period"):
        cgroup_files.QUOTA[1](reader(cpu__cfs_quota_us="100000"))


@pytest.mark.parametrize(
    ("text", "cpus"), [("0", 1), ("5", 1), ("0-3", 4), ("0-3,8", 5), ("0-1,4-5,7", 5), ("0,2,4", 3), ("", None)]
)
@pytest.mark.parametrize(("version", "name"), [(1, "cpuset__effective_cpus"), (2, "cpuset__cpus__effective")])
def test_a_cpuset_is_counted(version, name, text, cpus):
    assert cgroup_files.CPUSET[version](reader(**{name: text})) == cpus


def test_the_effective_set_goes_before_the_one_that_was_asked_for():
    parse = cgroup_files.CPUSET[1]
    assert parse(reader(cpuset__cpus="0-7", cpuset__effective_cpus="0-3")) == 4
    assert parse(reader(cpuset__cpus="0-7")) == 8


def test_version_2s_requested_set_is_no_limit_because_the_kernel_may_not_grant_it():
    with pytest.raises(FileNotFoundError):
        cgroup_files.CPUSET[2](reader(cpuset__cpus="0-7"))


# Pages of 4 and of 64 KB; before Linux 4.0 the largest number itself.
@pytest.mark.parametrize("giant", ["9223372036854771712", "9223372036854710272", "9223372036854775807"])
def test_the_giant_numbers_of_version_1_are_no_limit(giant):
    assert cgroup_files.MEMORY[1](reader(memory__limit_in_bytes=giant)) is None
    assert cgroup_files.MEMORY_AROUND[1](reader(memory__stat=f"hierarchical_memory_limit {giant}")) is None


@pytest.mark.parametrize(
    ("size", "mb"), [(0, 0), (4096, 0), (GB, 1024), (GB - 1, 1023), (375_000_000, 357), (64 << 40, 64 << 20)]
)
def test_limits_of_memory_in_whole_mb_rounded_down(size, mb):
    assert cgroup_files.MEMORY[1](reader(memory__limit_in_bytes=str(size))) == mb
    assert cgroup_files.MEMORY[2](reader(memory__max=str(size))) == mb
    assert cgroup_files.MEMORY_HIGH[2](reader(memory__high=str(size))) == mb
    assert cgroup_files.MEMORY_AROUND[1](reader(memory__stat=f"hierarchical_memory_limit {size}")) == mb


def test_max_is_no_limit():
    assert cgroup_files.MEMORY[2](reader(memory__max="max")) is None
    assert cgroup_files.MEMORY_HIGH[2](reader(memory__high="max")) is None
    assert cgroup_files.PROCESSES[1](reader(pids__max="max")) is None
    assert cgroup_files.PROCESSES[2](reader(pids__max="max")) is None


def test_the_limit_of_all_cgroups_around_is_a_line_among_many():
    stat = f"cache 0\nrss 4096\nhierarchical_memory_limit {GB}\nhierarchical_memsw_limit 5\ntotal_cache 7"
    assert cgroup_files.MEMORY_AROUND[1](reader(memory__stat=stat)) == 1024
    assert cgroup_files.MEMORY_AROUND[1](reader(memory__stat="cache 0")) is None


def test_what_a_version_does_not_have_is_not_looked_for():
    assert cgroup_files.MEMORY_HIGH[1](reader()) is None
    assert cgroup_files.MEMORY_AROUND[2](reader()) is None


@pytest.mark.parametrize("version", [1, 2])
def test_the_limit_of_processes(version):
    assert cgroup_files.PROCESSES[version](reader(pids__max="300")) == 300


GARBAGE = ["", "abc", "1.5", "12 kB", "maximum", "0x10", "1\n2", "-", "-5"]


@pytest.mark.parametrize("text", GARBAGE)
def test_other_text_is_neither_a_number_nor_no_limit(text):
    for parse, name in (
        (cgroup_files.MEMORY[1], "memory__limit_in_bytes"),
        (cgroup_files.MEMORY[2], "memory__max"),
        (cgroup_files.MEMORY_HIGH[2], "memory__high"),
        (cgroup_files.PROCESSES[2], "pids__max"),
    ):
        with pytest.raises(ValueError, match=name.replace("__", ".")):
            parse(reader(**{name: text}))


@pytest.mark.parametrize(
    "text", ["max", "100000", "100000 0", "0 100000", "x 100000", "100000 x", "1 2 3", "-5 100000"]
)
def test_half_a_quota_is_an_error(text):
    with pytest.raises(ValueError, match=re.escape(f"cpu.max says {text!r}")):
        cgroup_files.QUOTA[2](reader(cpu__max=text))


@pytest.mark.parametrize(
    ("quota", "period", "wrong"),
    [("0", "100000", "quota_us says '0'"), ("-2", "100000", "quota_us says '-2'"), ("x", "100000", "quota_us says 'x'"),
     ("100000", "0", "period_us says '0'"), ("100000", "x", "period_us says 'x'"), ("-1", "", "period_us says ''")],
)  # fmt: skip
def test_of_version_1s_two_files_the_wrong_one_is_named(quota, period, wrong):
    with pytest.raises(ValueError, match=wrong):
        cgroup_files.QUOTA[1](reader(cpu__cfs_quota_us=quota, cpu__cfs_period_us=period))


@pytest.mark.parametrize("text", ["all", "0-", "-3", "3-0", "1-2-3", "0 1"])
def test_what_is_no_list_of_cpus_is_an_error(text):
    with pytest.raises(ValueError):
        cgroup_files.CPUSET[2](reader(cpuset__cpus__effective=text))


NUMBERISH = st.from_regex(r"(max|-?[0-9]{1,25}|[0-9]{300,400})([ ,-][0-9]{1,6})?", fullmatch=True)


@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(NUMBERISH, st.text(max_size=20))))
@example({"cpu.max": "100000 0"})
@example({"cpu.max": "9" * 400 + " 100000", "cpuset.cpus": "0-" + "9" * 400})
@example({"cpu.cfs_quota_us": "9" * 400, "cpu.cfs_period_us": "1", "memory.max": "-" + "9" * 400})
@example({"memory.stat": "hierarchical_memory_limit " + "9" * 5000, "pids.max": "-1"})
def test_whatever_is_in_the_files_the_answer_is_a_sensible_number_or_none_or_one_of_two_errors(files):
    read = reader(**{name.replace(".", "__"): text for name, text in files.items()})
    for parse in PARSERS:
        try:
            amount = parse(read)
        except (OSError, ValueError):
            continue
        assert amount is None or (amount >= 0 and math.isfinite(amount))
