"""Limits read from cgroup trees on a temporary root; captured trees are in test_captures.py."""

import errno
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes import cgroup1, cgroup2, group, machine, member, mounted, put
from ospool_ep import cgroups

MB = 1 << 20
GIANT = "9223372036854771712"
CGROUP = "/sys/fs/cgroup"
READINGS = (cgroups.quota, cgroups.cpuset, cgroups.memory, cgroups.memory_high, cgroups.processes)


def v2(root, path, **levels):
    """A version 2 hierarchy seen from its top; a level is a directory below it (`_` for a slash) and its files."""
    member(root, f"0::{path}")
    mounted(root, cgroup2(CGROUP))
    group(root, CGROUP, {})
    for name, files in levels.items():
        group(root, f"{CGROUP}/{name.replace('_', '/')}", {"cgroup.type": "domain"} | files)


def v1(root, path, controller, **levels):
    """The same for one controller of version 1; `top` is the machine's root."""
    member(root, f"4:{controller}:{path}", "0::/")
    mounted(root, cgroup1(f"{CGROUP}/{controller}", controller))
    for name, files in levels.items():
        inside = "" if name == "top" else f"/{name.replace('_', '/')}"
        group(root, f"{CGROUP}/{controller}{inside}", files | ({"release_agent": ""} if name == "top" else {}))


def told(reading):
    return [(limit.amount, limit.source) for limit in reading.limits], list(reading.doubts)


def read(what, root, **changes):
    return told(what(machine(root, **changes)))


# --- CPUs


def test_the_quota_of_this_cgroup_and_of_every_ancestor_version_2(tmp_path):
    v2(tmp_path, "/a/b/c", a={"cpu.max": "250000 100000"}, a_b={"cpu.max": "400000 100000"},
       a_b_c={"cpu.max": "50000 100000"})  # fmt: skip
    assert read(cgroups.quota, tmp_path) == (
        [(0.5, "cpu quota 0.5 of this cgroup"), (4, "cpu quota 4.0 of the parent cgroup"),
         (2.5, "cpu quota 2.5 of the cgroup /a")], [],
    )  # fmt: skip


def test_the_quota_of_this_cgroup_and_of_every_ancestor_version_1(tmp_path):
    def files(quota):
        return {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": "100000"}

    v1(tmp_path, "/a/b", "cpu", top=files("-1"), a=files("150000"), a_b=files("-1"))
    assert read(cgroups.quota, tmp_path) == ([(1.5, "cpu quota 1.5 of the parent cgroup")], [])


def test_the_host_view_without_any_quota(tmp_path):
    v2(tmp_path, "/a", a={"cpu.max": "max 100000"})
    assert read(cgroups.quota, tmp_path) == ([], [])


def test_controllers_that_nobody_handed_down_limit_nothing(tmp_path):
    v2(tmp_path, "/user.slice/session", user={}, **{"user.slice_session": {}})
    group(tmp_path, f"{CGROUP}/user.slice", {"cgroup.type": "domain"})
    for what in READINGS:
        assert read(what, tmp_path) == ([], [])


def test_the_cpuset_is_that_of_our_own_cgroup(tmp_path):
    v2(tmp_path, "/a/b", a={"cpuset.cpus.effective": "0-7"}, a_b={"cpuset.cpus.effective": "0-1"})
    assert read(cgroups.cpuset, tmp_path) == ([(2, "cpuset 2")], [])


def test_the_cpuset_of_the_nearest_ancestor_that_has_one(tmp_path):
    v2(tmp_path, "/a/b", a={"cpuset.cpus.effective": "0-7"}, a_b={})
    assert read(cgroups.cpuset, tmp_path) == ([(8, "cpuset 8")], [])


def test_a_cpuset_of_version_1(tmp_path):
    v1(tmp_path, "/a", "cpuset", top={"cpuset.effective_cpus": "0-7"}, a={"cpuset.effective_cpus": "2,4"})
    assert read(cgroups.cpuset, tmp_path) == ([(2, "cpuset 2")], [])


# --- memory


def test_the_memory_of_this_cgroup_and_of_every_ancestor_version_2(tmp_path):
    v2(tmp_path, "/a/b", a={"memory.max": str(700 * MB)}, a_b={"memory.max": str(900 * MB)})
    assert read(cgroups.memory, tmp_path) == (
        [(900, "memory limit 900 MB of this cgroup"), (700, "memory limit 700 MB of the parent cgroup")], [],
    )  # fmt: skip


def memory1(limit, around):
    return {"memory.limit_in_bytes": str(limit), "memory.stat": f"cache 0\nhierarchical_memory_limit {around}"}


def test_no_limit_in_version_1_is_a_giant_number(tmp_path):
    v1(tmp_path, "/a", "memory", top=memory1(GIANT, GIANT), a=memory1(GIANT, GIANT))
    assert read(cgroups.memory, tmp_path) == ([], [])


def test_version_1_betrays_a_limit_around_that_nobody_shows_us(tmp_path):
    member(tmp_path, "4:memory:/slice/me")
    mounted(tmp_path, cgroup1(f"{CGROUP}/memory", "memory", "/slice/me"))
    group(tmp_path, f"{CGROUP}/memory", memory1(900 * MB, 500 * MB))
    limits, doubts = read(cgroups.memory, tmp_path)
    assert limits[0] == (900, "memory limit 900 MB of this cgroup")
    assert limits[1] == (500, "memory limit 500 MB of a cgroup outside of this container")
    assert doubts == []


def test_a_limit_around_that_is_seen_is_not_told_twice(tmp_path):
    v1(tmp_path, "/a/b", "memory", top=memory1(GIANT, GIANT), a=memory1(500 * MB, 500 * MB),
       a_b=memory1(900 * MB, 500 * MB))  # fmt: skip
    limits, _ = read(cgroups.memory, tmp_path)
    assert limits == [(900, "memory limit 900 MB of this cgroup"), (500, "memory limit 500 MB of the parent cgroup")]


def test_a_limit_around_is_found_through_an_ancestor_where_our_own_file_is_shut(tmp_path):
    v1(tmp_path, "/a/b", "memory", a=memory1(GIANT, 500 * MB), a_b=memory1(900 * MB, 500 * MB))
    shut = ((f"{CGROUP}/memory/a/b/memory.stat", errno.EACCES),)
    limits, _ = read(cgroups.memory, tmp_path, unreadable=shut)
    assert min(amount for amount, _ in limits) == 500


def test_the_smallest_limit_around_is_the_one_that_our_own_cgroup_tells(tmp_path):
    v1(tmp_path, "/a/b", "memory", a=memory1(800 * MB, 800 * MB), a_b=memory1(500 * MB, 500 * MB))
    shut = ((f"{CGROUP}/memory/a/b/memory.limit_in_bytes", errno.EACCES),)
    limits, _ = read(cgroups.memory, tmp_path, unreadable=shut)
    assert min(amount for amount, _ in limits) == 500


def test_memory_high_is_read_at_every_level_and_is_no_hard_limit(tmp_path):
    v2(tmp_path, "/a/b", a={"memory.max": "max", "memory.high": str(700 * MB)},
       a_b={"memory.max": "max", "memory.high": str(900 * MB)})  # fmt: skip
    assert read(cgroups.memory, tmp_path) == ([], [])
    limits, _ = read(cgroups.memory_high, tmp_path)
    assert limits == [(900, "memory.high 900 MB of this cgroup"), (700, "memory.high 700 MB of the parent cgroup")]


def test_version_1_has_no_memory_high(tmp_path):
    v1(tmp_path, "/a", "memory", top=memory1(GIANT, GIANT), a=memory1(GIANT, GIANT))
    assert read(cgroups.memory_high, tmp_path) == ([], [])


# --- processes


def test_processes_of_both_versions(tmp_path):
    v2(tmp_path / "2", "/a", a={"pids.max": "300"})
    v1(tmp_path / "1", "/a", "pids", top={}, a={"pids.max": "300"})
    for root in (tmp_path / "1", tmp_path / "2"):
        assert read(cgroups.processes, root) == ([(300, "pids.max 300 of this cgroup")], [])


# --- which view we have


@pytest.mark.parametrize(
    ("mounts", "points"),
    [
        ([("cpu,cpuacct", "cpu,cpuacct"), ("memory", "memory")], ("cpu,cpuacct", "memory")),
        ([("cpu", "cpu"), ("cpuacct", "cpuacct"), ("memory", "memory")], ("cpu", "memory")),
        ([("all", "cpuset,cpu,cpuacct,memory,pids")], ("all", "all")),
    ],
    ids=["two together", "each apart", "all in one"],
)
def test_controllers_of_version_1_apart_or_together(tmp_path, mounts, points):
    member(tmp_path, *(f"{number}:{controllers}:/me" for number, (_, controllers) in enumerate(mounts, 1)))
    mounted(tmp_path, *(cgroup1(f"{CGROUP}/{point}", controllers) for point, controllers in mounts))
    cpu, memory = (f"{CGROUP}/{point}/me" for point in points)
    group(tmp_path, cpu, {"cpu.cfs_quota_us": "250000", "cpu.cfs_period_us": "100000"})
    group(tmp_path, memory, memory1(512 * MB, 512 * MB))
    assert read(cgroups.quota, tmp_path) == ([(2.5, "cpu quota 2.5 of this cgroup")], [])
    assert read(cgroups.memory, tmp_path) == ([(512, "memory limit 512 MB of this cgroup")], [])


def test_a_hybrid_whose_memory_is_version_2_and_cpu_version_1(tmp_path):
    member(tmp_path, "2:cpu:/one", "0::/two")
    mounted(tmp_path, cgroup1(f"{CGROUP}/cpu", "cpu"), cgroup2(f"{CGROUP}/unified"))
    group(tmp_path, f"{CGROUP}/cpu/one", {"cpu.cfs_quota_us": "300000", "cpu.cfs_period_us": "100000"})
    group(tmp_path, f"{CGROUP}/unified/two", {"memory.max": str(300 * MB), "cpu.max": "100000 100000"})
    assert read(cgroups.quota, tmp_path)[0] == [(3, "cpu quota 3.0 of this cgroup")]
    assert read(cgroups.memory, tmp_path)[0] == [(300, "memory limit 300 MB of this cgroup")]


def test_a_cgroup_namespace_shows_one_level(tmp_path):
    member(tmp_path, "0::/")
    mounted(tmp_path, cgroup2(CGROUP))
    group(tmp_path, CGROUP, {"cgroup.type": "domain", "cpu.max": "200000 100000"})
    assert read(cgroups.quota, tmp_path) == ([(2, "cpu quota 2.0 of this cgroup")], [])


def test_a_mount_from_outside_of_our_namespace_is_read_and_doubted(tmp_path):
    member(tmp_path, "0::/")
    mounted(tmp_path, cgroup2(CGROUP, "/../.."))
    group(tmp_path, CGROUP, {"cgroup.type": "domain", "memory.max": str(300 * MB)})
    limits, doubts = read(cgroups.memory, tmp_path)
    assert limits == [(300, f"memory limit 300 MB of the cgroup at {CGROUP}")]
    assert len(doubts) == 1


def test_a_blank_in_a_mount_point(tmp_path):
    member(tmp_path, "0::/")
    mounted(tmp_path, cgroup2(r"/mnt/my\040cgroups"))
    group(tmp_path, "/mnt/my cgroups", {"cgroup.type": "domain", "pids.max": "77"})
    assert read(cgroups.processes, tmp_path) == ([(77, "pids.max 77 of this cgroup")], [])


@pytest.mark.parametrize("version", [1, 2])
def test_a_process_in_the_machines_root_cgroup_has_no_limits(tmp_path, version):
    if version == 1:
        member(tmp_path, "4:memory:/", "3:pids:/", "2:cpu:/", "1:cpuset:/")
        names = ("memory", "pids", "cpu", "cpuset")
        mounted(tmp_path, *(cgroup1(f"{CGROUP}/{name}", name) for name in names))
        for name in names:
            group(tmp_path, f"{CGROUP}/{name}", {"release_agent": ""})
    else:
        v2(tmp_path, "/")
    for what in READINGS:
        assert read(what, tmp_path) == ([], [])


# --- what cannot be read


@pytest.mark.parametrize(
    ("what", "name"), [(cgroups.quota, "cpu.max"), (cgroups.memory, "memory.max"), (cgroups.processes, "pids.max")]
)
class TestDoubts:
    def test_a_file_that_no_level_has(self, tmp_path, what, name):
        member(tmp_path, "0::/")
        mounted(tmp_path, cgroup2(CGROUP))
        group(tmp_path, CGROUP, {"cgroup.type": "domain"})
        assert read(what, tmp_path) == ([], [f"{CGROUP}/{name} is missing"])

    def test_a_cgroup_that_is_gone(self, tmp_path, what, name):
        member(tmp_path, "0::/a (deleted)")
        mounted(tmp_path, cgroup2(CGROUP))
        group(tmp_path, CGROUP, {"cgroup.type": "domain"})
        assert read(what, tmp_path) == ([], [f"{CGROUP}/a (deleted) is missing"])

    def test_a_limit_above_a_cgroup_that_is_gone(self, tmp_path, what, name):
        v2(tmp_path, "/a/gone", a={name: "200000 100000" if name == "cpu.max" else str(300 * MB)})
        limits, doubts = read(what, tmp_path)
        assert (len(limits), doubts) == (1, [f"{CGROUP}/a/gone is missing"])

    def test_a_file_that_nobody_may_read_hides_no_limit_of_another_level(self, tmp_path, what, name):
        text = "200000 100000" if name == "cpu.max" else str(300 * MB)
        v2(tmp_path, "/a/b", a={name: text}, a_b={name: text})
        path = f"{CGROUP}/a/b/{name}"
        limits, doubts = read(what, tmp_path, unreadable=((path, errno.EACCES),))
        assert [source.rpartition(" of ")[2] for _, source in limits] == ["the parent cgroup"]
        assert doubts == [f"{path}: Permission denied"]

    def test_garbage_names_the_file_and_what_it_says(self, tmp_path, what, name):
        v2(tmp_path, "/a", a={name: "nonsense"})
        limits, (doubt,) = read(what, tmp_path)
        assert limits == []
        assert doubt == f"{CGROUP}/a/{name} says 'nonsense'"

    def test_every_file_that_is_wrong_is_told(self, tmp_path, what, name):
        v2(tmp_path, "/a/b", a={name: ""}, a_b={name: "\x00\xff"})
        _, doubts = read(what, tmp_path)
        assert [doubt.split(" says ")[0] for doubt in doubts] == [f"{CGROUP}/a/b/{name}", f"{CGROUP}/a/{name}"]

    def test_a_directory_in_the_place_of_the_file(self, tmp_path, what, name):
        v2(tmp_path, "/a", a={})
        (tmp_path / f"{CGROUP}/a/{name}".lstrip("/")).mkdir()
        assert read(what, tmp_path) == ([], [f"{CGROUP}/a/{name}: Is a directory"])

    def test_nothing_mounted(self, tmp_path, what, name):
        member(tmp_path, "0::/")
        mounted(tmp_path)
        assert read(what, tmp_path) == ([], ["its cgroups are not mounted"])

    def test_no_proc_at_all(self, tmp_path, what, name):
        limits, doubts = read(what, tmp_path)
        assert (limits, len(doubts)) == ([], 1)


@pytest.mark.parametrize("name", ["memory", "pids", "cpu"])
def test_a_file_that_a_cgroup_of_version_1_ought_to_have_is_missed(tmp_path, name):
    v1(tmp_path, "/", name)
    group(tmp_path, f"{CGROUP}/{name}", {})
    what = {"memory": cgroups.memory, "pids": cgroups.processes, "cpu": cgroups.quota}[name]
    limits, (doubt,) = read(what, tmp_path)
    assert limits == []
    assert doubt.startswith(f"{CGROUP}/{name}/")
    assert doubt.endswith(" is missing")


def test_a_cgroup_that_is_gone_is_told_although_the_machines_root_is_there(tmp_path):
    v2(tmp_path, "/a (deleted)")
    assert read(cgroups.memory, tmp_path) == ([], [f"{CGROUP}/a (deleted) is missing"])


def test_of_a_limit_only_the_container_itself_can_be_asked_for_more(tmp_path):
    v2(tmp_path, "/a/b", a={"memory.max": str(700 * MB)}, a_b={"memory.max": str(900 * MB)})
    own, parent = cgroups.memory(machine(tmp_path)).limits
    assert own.option.format(1000) == "docker run --memory=1000m"
    assert parent.option == ""


NAMES = st.sampled_from(["cpu.max", "memory.max", "memory.high", "pids.max", "cpuset.cpus.effective", "cgroup.type"])
TEXTS = st.one_of(st.binary(max_size=30), st.text(string.digits + "max -,", max_size=12).map(str.encode))
FILES = st.dictionaries(NAMES, TEXTS, max_size=6)
MEMBERSHIP = st.one_of(st.just(b"0::/a\n"), st.just(b"4:memory,cpu:/a\n0::/"), st.binary(max_size=40))
MOUNTED = st.sampled_from([cgroup2(CGROUP), cgroup1(CGROUP, "memory,cpu,pids"), cgroup2(rf"{CGROUP}/\000"), "", "x"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MEMBERSHIP, st.lists(st.one_of(MOUNTED.map(str.encode), st.binary(max_size=60)), max_size=3), FILES, FILES)
def test_no_machine_brings_the_reading_down(tmp_path_factory, membership, mounts, own, parent):
    root = tmp_path_factory.mktemp("any")
    put(root, "/proc/self/cgroup", membership)
    put(root, "/proc/self/mountinfo", b"\n".join(mounts))
    for directory, files in ((CGROUP, parent), (f"{CGROUP}/a", own)):
        for name, text in files.items():
            put(root, f"{directory}/{name}", text)
    for what in READINGS:
        reading = what(machine(root))
        assert all(limit.amount >= 0 and limit.source for limit in reading.limits)
        assert all(isinstance(doubt, str) and doubt for doubt in reading.doubts)
