import pytest

from fakes import ids, machine, mounted, put, said
from ospool_ep import scratch
from ospool_ep.problem import Exit, exit_code
from ospool_ep.scratch import Scratch

GOOD = {"exists": True, "writable": True, "read_only": False, "noexec": False, "free_mb": 50000}


def judge(**changes):
    return scratch.judge(Scratch(**(GOOD | changes)), 12345)


def test_a_good_volume():
    assert judge() == ()


@pytest.mark.parametrize(
    ("changes", "id", "code", "words"),
    [
        ({"exists": False}, "scratch-missing", Exit.UNFIT, "is not a directory"),
        ({"read_only": True, "writable": False}, "scratch-read-only", Exit.UNFIT, "without :ro"),
        ({"writable": False}, "scratch-permission", Exit.PERMISSION, "chown 12345"),
        ({"noexec": True}, "scratch-noexec", Exit.UNFIT, "mounted noexec"),
        ({"free_mb": 1023}, "scratch-full", Exit.UNFIT, "has 1023 MB free: 512 MB are kept back, and jobs need 512 MB"),
        ({"free_mb": 1024}, "scratch-little", Exit.OK, "has 1024 MB free"),
        ({"free_mb": 4607}, "scratch-little", Exit.OK, "most jobs ask for more"),
        ({"free_inodes": 999}, "scratch-inodes", Exit.UNFIT, "df -i"),
    ],
)
def test_each_thing_that_keeps_jobs_from_running(changes, id, code, words):
    problems = judge(**changes)
    assert ids(problems) == [id]
    assert exit_code(problems) == code
    assert words in said(problems)
    assert "/pilot" in said(problems)


def test_enough_is_enough():
    assert judge(free_mb=4608) == judge(free_inodes=1000) == judge(free_inodes=None) == ()


def test_everything_wrong_with_a_volume_is_told_at_once():
    assert ids(judge(writable=False, noexec=True, free_mb=1)) == [
        "scratch-permission",
        "scratch-noexec",
        "scratch-full",
    ]


def test_a_real_directory(root):
    facts = scratch.look(machine(root))
    assert (facts.exists, facts.writable, facts.read_only, facts.noexec) == (True, True, False, False)
    assert facts.free_mb > 0
    assert list((root / "pilot").iterdir()) == []


def test_none_or_a_file_in_its_place(tmp_path):
    assert not scratch.look(machine(tmp_path)).exists
    put(tmp_path, "/pilot", "")
    assert not scratch.look(machine(tmp_path)).exists


def test_a_directory_of_somebody_else(nobodys):
    (nobodys / "pilot").mkdir()
    (nobodys / "pilot").chmod(0o500)
    assert ids(scratch.judge(scratch.look(machine(nobodys)), 7))[0] == "scratch-permission"


ROOT = "30 1 0:30 / / rw - overlay overlay rw"
DISK = "40 30 8:1 /dir /pilot rw - ext4 /dev/sda1 rw"


def memory(point, kind="tmpfs"):
    return f"41 30 0:51 / {point} rw - {kind} none rw,size=65536k"


@pytest.mark.parametrize(
    ("rows", "in_memory"),
    [
        ((ROOT,), False),
        ((ROOT, DISK), False),
        ((ROOT, memory("/pilot")), True),
        ((ROOT, memory("/pilot", "ramfs")), True),
        ((memory("/"),), True),
        ((memory("/"), DISK), False),
        ((ROOT, memory("/pilot"), DISK), False),
        ((ROOT, DISK, memory("/pilot")), True),
        ((ROOT, memory("/pilots"), memory("/dev/shm"), memory("/pilot/below")), False),
        ((), False),
    ],
)
def test_a_volume_in_memory_is_a_warning_because_jobs_files_are_then_counted_twice(root, rows, in_memory):
    mounted(root, *rows)
    facts = scratch.look(machine(root))
    assert facts.in_memory is in_memory
    told = [problem for problem in scratch.judge(facts, 7) if problem.id == "scratch-in-memory"]
    assert bool(told) is in_memory
    assert all(problem.warning and "docker run -v " in problem.cure for problem in told)


def test_without_a_table_of_mounts_a_volume_is_taken_to_be_on_a_disk(tmp_path):
    (tmp_path / "pilot").mkdir()
    assert scratch.look(machine(tmp_path)).in_memory is False
