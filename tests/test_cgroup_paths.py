"""Which cgroups we are in: /proc/self/cgroup and /proc/self/mountinfo as values, and on a temporary root."""

import errno

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fakes import cgroup1, cgroup2, machine, member, mounted, put
from ospool_ep import cgroup_paths
from ospool_ep.cgroup_paths import MEMBERSHIP
from ospool_ep.mounts import TABLE, Mount

CONTROLLERS = ("cpu", "cpuset", "memory", "pids")
HYBRID = "5:pids:/p\n4:memory:/m\n2:cpu,cpuacct:/c\n1:name=systemd:/s\n0::/unified\n"


def two(root, point):
    return Mount("cgroup2", root, point, frozenset())


def where(path, *mounts, version=2):
    found = cgroup_paths.chain(path, version, mounts)
    return [(level.name, level.directory) for level in found.levels]


# --- membership


@pytest.mark.parametrize(
    ("controller", "expected"), [("cpu", (1, "/c")), ("memory", (1, "/m")), ("cpuset", (2, "/unified"))]
)
def test_version_2_takes_what_no_version_1_hierarchy_has(controller, expected):
    assert cgroup_paths.member(HYBRID, controller) == expected


def test_only_whole_names_of_controllers_count():
    assert cgroup_paths.member("3:cpuset:/set\n2:cpuacct:/acct\n1:name=cpu:/named\n", "cpu") == (2, None)


def test_version_2_is_the_row_with_the_number_0_and_no_controllers():
    assert cgroup_paths.member("0:freezer:/not\n3::/nor\n", "memory") == (2, None)


def test_a_path_may_have_colons():
    assert cgroup_paths.member("0::/a:b/c:d\n", "memory") == (2, "/a:b/c:d")


# --- from a path and the mounts to directories


def test_every_visible_ancestor_from_the_inside_out():
    assert where("/a/b/c", two("/", "/sys/fs/cgroup")) == [
        ("this cgroup", "/sys/fs/cgroup/a/b/c"),
        ("the parent cgroup", "/sys/fs/cgroup/a/b"),
        ("the cgroup /a", "/sys/fs/cgroup/a"),
        ("the cgroup /", "/sys/fs/cgroup"),
    ]


@pytest.mark.parametrize(("path", "root"), [("/", "/"), ("/docker/0a1b", "/docker/0a1b")])
def test_a_mount_that_begins_at_our_own_cgroup_shows_nothing_else(path, root):
    assert where(path, two(root, "/sys/fs/cgroup")) == [("this cgroup", "/sys/fs/cgroup")]


def test_a_mount_that_begins_further_up_shows_what_is_between_by_its_true_name():
    assert where("/kubepods/pod1/c", two("/kubepods", "/sys/fs/cgroup"))[1:] == [
        ("the parent cgroup", "/sys/fs/cgroup/pod1"),
        ("the cgroup /kubepods", "/sys/fs/cgroup"),
    ]


def test_a_name_that_only_begins_alike_is_another_cgroup():
    found = cgroup_paths.chain("/docker/0a1b2c", 2, (two("/docker/0a1b", "/sys/fs/cgroup"),))
    assert found.doubt


def test_of_two_mounts_of_the_same_hierarchy_the_one_that_shows_more_is_taken():
    own, host = two("/pods/c", "/sys/fs/cgroup"), two("/", "/host/cgroup")
    for mounts in ((own, host), (host, own)):
        assert where("/pods/c", *mounts)[0] == ("this cgroup", "/host/cgroup/pods/c")
        assert len(where("/pods/c", *mounts)) == 3


@pytest.mark.parametrize(
    ("path", "root"),
    [("/", "/.."), ("/", "/../.."), ("/..", "/"), ("/../sibling", "/.."), ("/../a", "/../b"), ("/x", "/y")],
)
def test_what_lies_outside_of_our_cgroup_namespace_is_a_guess_that_is_told(path, root):
    found = cgroup_paths.chain(path, 2, (two(root, "/sys/fs/cgroup"),))
    assert [(level.name, level.directory) for level in found.levels] == [
        ("the cgroup at /sys/fs/cgroup", "/sys/fs/cgroup")
    ]
    assert path in found.doubt


def test_outside_of_the_namespace_but_the_same_on_both_sides_is_our_own():
    found = cgroup_paths.chain("/../sibling", 2, (two("/../sibling", "/sys/fs/cgroup"),))
    assert (found.levels[0].name, found.doubt) == ("this cgroup", "")


def test_a_mount_that_shows_our_cgroup_goes_before_one_that_does_not():
    found = cgroup_paths.chain("/", 2, (two("/..", "/host/cgroup"), two("/", "/sys/fs/cgroup")))
    assert [level.directory for level in found.levels] == ["/sys/fs/cgroup"]
    assert found.doubt == ""


def test_nothing_mounted():
    found = cgroup_paths.chain("/a", 2, ())
    assert (found.levels, found.doubt) == ((), "its cgroups are not mounted")


# --- on a root


def find(root, controller="memory", **changes):
    found = cgroup_paths.find(machine(root, **changes), controller)
    return found.version, [level.directory for level in found.levels], found.doubt


def test_each_controller_has_its_own_hierarchy_in_a_hybrid(tmp_path):
    put(tmp_path, MEMBERSHIP, HYBRID)
    mounted(
        tmp_path,
        cgroup1("/c/memory", "memory", "/m"),
        cgroup1("/c/cpu,cpuacct", "cpu,cpuacct"),
        cgroup2("/c/unified"),
    )
    assert find(tmp_path, "memory") == (1, ["/c/memory"], "")
    assert find(tmp_path, "cpu") == (1, ["/c/cpu,cpuacct/c", "/c/cpu,cpuacct"], "")
    assert find(tmp_path, "cpuset") == (2, ["/c/unified/unified", "/c/unified"], "")


def test_a_controller_without_its_mount_is_told_although_others_have_theirs(tmp_path):
    put(tmp_path, MEMBERSHIP, HYBRID)
    mounted(tmp_path, cgroup1("/c/cpu", "cpu,cpuacct"), cgroup2("/c/unified"))
    assert find(tmp_path, "memory") == (1, [], "its cgroups are not mounted")


def test_no_cgroup_of_the_controller(tmp_path):
    member(tmp_path, "4:cpu:/")
    mounted(tmp_path, cgroup1("/c/cpu", "cpu"))
    version, levels, doubt = find(tmp_path, "memory")
    assert (version, levels) == (2, [])
    assert "names no cgroup of the memory controller" in doubt


def outside(root, groups, us="/system.slice/docker-1.scope", path="/"):
    """The host's tree as a volume in a private namespace: `groups` below its top, ours lists pid 7."""
    member(root, f"0::{path}")
    mounted(root, cgroup2("/sys/fs/cgroup", "/../.."))
    for group in groups:
        put(root, f"/sys/fs/cgroup{group}/cgroup.procs", "0\n7\n" if group == us else "0\n17\n")
    return cgroup_paths.find(machine(root, pid=7), "memory")


def test_our_own_cgroup_is_found_by_its_processes_where_its_name_is_not_told(tmp_path):
    found = outside(
        tmp_path, ["", "/init.scope", "/system.slice", "/system.slice/a.scope", "/system.slice/docker-1.scope"]
    )
    assert found.doubt == ""
    assert [(level.name, level.directory.removeprefix("/sys/fs/cgroup")) for level in found.levels] == [
        ("this cgroup", "/system.slice/docker-1.scope"), ("the parent cgroup", "/system.slice"), ("the cgroup /", ""),
    ]  # fmt: skip


def test_one_below_the_namespaces_own_is_found_too(tmp_path):
    groups = ["/system.slice/docker-1.scope", "/system.slice/docker-1.scope/leaf", "/system.slice/docker-2.scope/leaf"]
    found = outside(tmp_path, groups, us="/system.slice/docker-1.scope/leaf", path="/leaf")
    assert found.levels[0].directory == "/sys/fs/cgroup/system.slice/docker-1.scope/leaf"


def test_one_that_lists_us_nowhere_is_still_told(tmp_path):
    found = outside(tmp_path, ["/system.slice/docker-1.scope", "/a"], us="/a")
    assert "not found in what is mounted" in found.doubt
    assert [level.directory for level in found.levels] == ["/sys/fs/cgroup"]


def test_a_missing_list_of_mounts(tmp_path):
    member(tmp_path, "0::/")
    assert find(tmp_path) == (2, [], f"{TABLE}: No such file or directory")


@pytest.mark.parametrize(
    ("mounts", "version"),
    [((cgroup1("/c", "memory"), cgroup1("/cpu", "cpu")), 1), ((cgroup1("/cpu", "cpu"), cgroup2("/c")), 2)],
    ids=["version 1", "version 2"],
)
def test_without_our_own_path_what_is_mounted_is_better_than_nothing(tmp_path, mounts, version):
    mounted(tmp_path, *mounts)
    assert find(tmp_path) == (version, ["/c"], f"{MEMBERSHIP}: No such file or directory")


@pytest.mark.parametrize("path", [MEMBERSHIP, TABLE])
def test_a_file_of_proc_that_nobody_may_read(root, path):
    _, _, doubt = find(root, unreadable=((path, errno.EACCES),))
    assert doubt == f"{path}: Permission denied"


LINES = st.lists(st.text(st.characters(exclude_characters="\n"), max_size=20), max_size=5).map("\n".join)
PATHS = st.from_regex(r"(/(\.\.|a|b c|\\040|é){0,2}){0,4}", fullmatch=True)
MEMBERS = st.builds("{}:{}:{}".format, st.integers(0, 9), st.sampled_from(["", "cpu", "cpu,memory", "x"]), PATHS)
MOUNTS = st.lists(st.builds(two, PATHS, PATHS), max_size=4).map(tuple)


@given(st.lists(st.one_of(MEMBERS, LINES), max_size=4).map("\n".join), MOUNTS)
@example("4:memory\n:\n\n0", ())
@example("0::", (two("/", "/"),))
@example("0::/..", (two("/..", "/c"), two("/..", "/d")))
def test_whatever_proc_says_there_are_directories_or_a_doubt(membership, mounts):
    for controller in CONTROLLERS:
        version, path = cgroup_paths.member(membership, controller)
        found = cgroup_paths.chain(path or "/", version, mounts)
        assert found.version == version
        assert found.levels or found.doubt
        assert len({level.directory for level in found.levels}) == len(found.levels) or found.doubt
