"""The table of mounts, and in which of them a path is."""

import errno

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fakes import cgroup1, cgroup2, machine, mounted
from ospool_ep import mounts
from ospool_ep.mounts import Mount

HIDING = "40 31 0:50 / /sys/fs/cgroup rw - tmpfs none rw"


def points(text):
    return {mount.point: mount.kind for mount in mounts.parse(text)}


def test_controllers_of_version_1_are_options():
    (together,) = mounts.parse(cgroup1("/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct"))
    options = frozenset({"rw", "cpu", "cpuacct"})
    assert together == Mount("cgroup", "/", "/sys/fs/cgroup/cpu,cpuacct", options, follows=True)


def test_blanks_and_backslashes_in_mount_points_are_written_in_octal():
    (mount,) = mounts.parse(cgroup2(r"/mnt/my\040cgroup\134x", r"/a\040b"))
    assert (mount.point, mount.root) == ("/mnt/my cgroup\\x", "/a b")


OPTIONAL = [
    ("", False), ("shared:4", True), ("master:9", True), ("shared:4 master:9 propagate_from:2", True),
    ("propagate_from:2", False), ("unbindable", False),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "follows"), OPTIONAL)
def test_optional_fields_say_whether_a_mount_follows_others(fields, follows):
    (mount,) = mounts.parse(f"31 24 0:27 / /sys/fs/cgroup rw {fields}{' ' if fields else ''}- cgroup2 cgroup rw")
    assert mount == Mount("cgroup2", "/", "/sys/fs/cgroup", frozenset({"rw"}), follows)


def test_a_mount_point_that_is_called_like_an_optional_field_is_none():
    (mount,) = mounts.parse("31 24 0:27 shared:1 shared:2 shared:3 - cgroup2 shared:4 rw")
    assert not mount.follows


def test_what_is_mounted_later_on_the_same_point_hides_what_was_there():
    assert points(f"{cgroup2('/sys/fs/cgroup')}\n{HIDING}\n") == {"/sys/fs/cgroup": "tmpfs"}
    assert points(f"{HIDING}\n{cgroup2('/sys/fs/cgroup')}\n") == {"/sys/fs/cgroup": "cgroup2"}


def test_rows_that_are_no_mounts_are_passed_over():
    rubbish = "\n - \nx - cgroup2 cgroup rw\n31 24 0:27 / /c rw - cgroup2\n"
    assert mounts.parse(rubbish) == ()
    assert points(rubbish + cgroup2("/c")) == {"/c": "cgroup2"}


def test_the_table_of_a_machine(tmp_path):
    mounted(tmp_path, cgroup2("/c"))
    assert [mount.point for mount in mounts.read(machine(tmp_path))] == ["/sys", "/c"]
    with pytest.raises(PermissionError):
        mounts.read(machine(tmp_path, unreadable=((mounts.TABLE, errno.EACCES),)))


ROOT = Mount("overlay", "/", "/", frozenset())
HERE = Mount("ext4", "/", "/pilot", frozenset())


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/pilot", HERE), ("/pilot/x/y", HERE), ("/pilots", ROOT), ("/", ROOT), ("/other", ROOT)],
)
def test_a_path_is_in_the_mount_nearest_above_it(path, expected):
    for table in ((ROOT, HERE), (HERE, ROOT)):
        assert mounts.holding(table, path) == expected


def test_a_path_in_no_mount():
    assert mounts.holding((HERE,), "/other") is None
    assert mounts.holding((), "/") is None


LINE = st.builds(
    "1 2 0:3 {} {} rw {}- {} x {}".format, *[st.text(max_size=9)] * 2, st.sampled_from(["", "shared:1 "]),
    st.sampled_from(["cgroup", "cgroup2", "tmpfs"]), st.text(max_size=9),
)  # fmt: skip


@given(st.lists(st.one_of(LINE, st.text(max_size=40)), max_size=5).map("\n".join), st.text(max_size=9))
@example(r"1 2 0:3 / /\777\000 rw - cgroup2 x rw", "/")
def test_whatever_the_table_says_there_is_an_answer(text, path):
    table = mounts.parse(text)
    assert len({mount.point for mount in table}) == len(table)
    assert mounts.holding(table, path) in (None, *table)
