import pytest

from fakes import ids, machine, put, said
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
        ({"free_mb": 511}, "scratch-full", Exit.UNFIT, "has 511 MB free, at least 512"),
        ({"free_mb": 512}, "scratch-little", Exit.OK, "has 512 MB free"),
        ({"free_mb": 4095}, "scratch-little", Exit.OK, "most jobs ask for more"),
    ],
)
def test_each_thing_that_keeps_jobs_from_running(changes, id, code, words):
    problems = judge(**changes)
    assert ids(problems) == [id]
    assert exit_code(problems) == code
    assert words in said(problems)
    assert "/pilot" in said(problems)


def test_enough_is_enough():
    assert judge(free_mb=4096) == ()


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
