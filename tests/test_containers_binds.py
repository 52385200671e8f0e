"""SINGULARITY_BIND_EXTRA: what is understood, what would show too much, what is there."""

import fcntl
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fakes
from fakes import cgroup2, ids, machine, mounted, said
from ospool_ep import checks
from ospool_ep.containers import ask, binds, default_image, offer
from ospool_ep.containers.binds import Bind
from ospool_ep.cvmfs.ask import questions
from ospool_ep.cvmfs.given import Given
from ospool_ep.cvmfs.record import MOUNTED, State
from ospool_ep.machine import Machine, Result
from ospool_ep.settings import Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (" , ", ()),
        ("/data", (Bind("/data", "/data", "/data"),)),
        ("/data:/inside", (Bind("/data:/inside", "/data", "/inside"),)),
        ("/data:/inside:ro", (Bind("/data:/inside:ro", "/data", "/inside"),)),
        ("/a,/b /c\t/d", tuple(Bind(path, path, path) for path in ("/a", "/b", "/c", "/d"))),
        ("/tmp:/host-tmp", (Bind("/tmp:/host-tmp", "/tmp", "/host-tmp"),)),
        ("/image.sqsh:/x:image-src=/", (Bind("/image.sqsh:/x:image-src=/", "/image.sqsh", "/x"),)),
    ],
)
def test_how_it_is_written(text, expected):
    assert binds.read(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data", "does not begin with /"),
        ("/data:inside", "does not begin with /"),
        (":/x", "does not begin with /"),
        ("/a:/b:rx", "neither ro nor rw"),
        ("/a:/b:ro:rw", "neither ro nor rw"),
        ("/a:/srv", "hides /srv"),
        ("/a://srv", "hides"),
        ("/a:/srv/", "hides"),
        ("/a:/", "hides"),
        ("/tmp", "hides /tmp"),
        ("/a:/var/tmp", "hides /var/tmp"),
        ("/a:/x/../srv", "hides"),
    ],
)
def test_what_can_work_in_no_job(text, words):
    with pytest.raises(ValueError, match=words):
        binds.read(text)


def test_everything_that_is_wrong_is_told_and_what_was_written():
    with pytest.raises(ValueError, match=r"'data'; .*'/a:/srv'"):
        binds.read("data /ok /a:/srv")


@pytest.mark.parametrize(
    "path",
    [
        "/", "/run", "/run/ospool-ep", "/run/ospool-ep/ep-1/tokens.d", "/pilot", "/pilot/ep-1", "//pilot",
        "/dev", "/dev/shm", "/dev/shm/x", "/etc", "/etc/condor", "/etc/condor/tokens-orig.d", "/etc/osg", "/proc",
        "/proc/1/root", "/pilot/", "/./pilot", "/x/../pilot",
    ],
)  # fmt: skip
def test_what_is_private_at_above_or_below(path):
    assert binds.exposes(path)
    with pytest.raises(ValueError):
        binds.read(f"{path}:/x")


@pytest.mark.parametrize("path", ["/data", "/etc/hosts", "/pilots", "/run/munge", "/dev/fuse", "/home/pilot", "/procs"])
def test_what_is_not(path):
    assert not binds.exposes(path)
    assert binds.read(f"{path}:/x")


@given(st.text(st.sampled_from("/:,. abro\x00é")))
def test_any_text_is_understood_or_refused_for_a_person(text):
    try:
        found = binds.read(text)
    except ValueError as error:
        assert str(error)
    else:
        assert all(bind.source.startswith("/") and bind.target.startswith("/") for bind in found)


def present(*found, questions=None):
    return binds.present(Machine(), tuple(Bind(text, text.partition(":")[0], "/x") for text in found), questions)


def test_a_source_that_is_there_is_mounted_as_it_was_written(tmp_path):
    (tmp_path / "file").touch()
    texts = (f"{tmp_path}:/x:ro", f"{tmp_path}/file:/y")
    assert present(*texts) == (texts, ())


def test_a_missing_source_is_a_warning_and_the_others_stay(tmp_path):
    there, problems = present(f"{tmp_path}/none:/x", f"{tmp_path}:/y")
    assert there == (f"{tmp_path}:/y",)
    assert ids(problems) == ["bind-missing"]
    assert problems[0].warning
    assert f"{tmp_path}/none cannot be used: No such file or directory" in problems[0].found
    assert "docker run -v" in problems[0].cure


@pytest.mark.parametrize("target", ["/", "/proc/self", "/etc/../proc", "/dev/shm"])
def test_a_link_to_what_is_private_is_not_followed(tmp_path, target):
    (tmp_path / "link").symlink_to(target)
    there, problems = present(f"{tmp_path}/link:/x")
    assert there == ()
    assert "private" in said(problems)


def test_a_link_in_a_circle_is_a_warning(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert ids(present(f"{tmp_path}/loop:/x")[1]) == ["bind-missing"]


def test_a_source_that_does_not_answer_is_left_out(tmp_path):
    hangs = machine(tmp_path, answers=(("realpath", Result(124, "", "\nno answer within 2 s")),))
    there, problems = binds.present(hangs, (Bind("/nfs", "/nfs", "/nfs"),))
    assert there == ()
    assert "hanging mount" in problems[0].found


def test_many_at_once_and_one_source_twice_are_all_there(tmp_path):
    texts = tuple(f"{tmp_path}:/x{number}" for number in range(12))
    for _ in range(3):
        assert present(*texts, questions=tmp_path / "questions") == (texts, ())


def test_what_was_there_is_asked_for_again_as_it_was_written(tmp_path):
    (tmp_path / "goes").mkdir()
    texts = (f"{tmp_path}:/x:ro", f"{tmp_path}/goes:/y")
    assert binds.again(Machine(), texts, tmp_path / "questions") == (texts, ())
    (tmp_path / "goes").rmdir()
    there, problems = binds.again(Machine(), texts, tmp_path / "questions")
    assert there == texts[:1]
    assert ids(problems) == ["bind-missing"]
    assert binds.again(Machine(), (), tmp_path / "questions") == ((), ())
    assert len(list((tmp_path / "questions").iterdir())) == len(texts)


def test_names_that_look_alike_are_told_apart(tmp_path):
    for name in ("a_b", "a/b"):
        (tmp_path / name).mkdir(parents=True)
    texts = (f"{tmp_path}/a_b", f"{tmp_path}/a/b")
    for _ in range(3):
        assert present(*texts, questions=tmp_path / "questions") == (texts, ())


def test_while_an_earlier_question_hangs_no_second_one_is_asked(tmp_path):
    locks = tmp_path / "questions"
    assert ask.resolve(Machine(), str(tmp_path), locks).real == str(tmp_path)
    (lock,) = locks.iterdir()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert ask.resolve(Machine(), str(tmp_path), locks).error == ask.HANGS
    assert ask.resolve(Machine(), str(tmp_path), locks).real == str(tmp_path)


def test_while_a_repository_holds_anybodys_question_no_path_in_it_is_asked(tmp_path):
    """The lock is the one of cvmfs.look, which is held for as long as its question hangs."""
    (tmp_path / "run/ospool-ep").mkdir(parents=True)
    locks = questions(Machine(root=tmp_path), own=False)
    hangs, other = "/cvmfs/a.cern.ch/image", "/cvmfs/b.cern.ch/image"
    answers = (("realpath", Result(0, "/somewhere\n", "")),)
    here = machine(tmp_path, answers=answers)
    locks.mkdir()
    with (locks / "a.cern.ch").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert ask.resolve(here, hangs, locks).error == ask.HANGS
        images = default_image.locate_all(here, (hangs, other), False, locks)
    assert [one.name for one in images] == ["", other]
    assert ask.resolve(here, hangs, locks).real == "/somewhere"


@pytest.mark.parametrize(("mount", "own"), [(None, False), (Given(State(MOUNTED)), True), (Given(), False)])
def test_the_boots_questions_have_the_locks_of_cvmfs(root, mount, own):
    mounted(root, "40 31 0:50 / /cvmfs ro shared:5 - fuse cvmfs2 ro")
    here = machine(root, answers=fakes.changed(("realpath", Result(0, "/somewhere\n", ""))))
    found = checks.containers(here, Settings(), 0.5, mount).look().value
    assert found.questions == str(questions(here, own))
    assert (questions(here, own) / "singularity.opensciencegrid.org").exists()
    assert offer.setup(found, Settings(), 5000).locks == questions(here, own)


def test_the_question_holds_its_lock_itself(tmp_path):
    free = os.open(tmp_path, os.O_RDONLY)
    os.close(free)  # the lock gets this number
    inside = ask.resolve(Machine(), f"/proc/self/fd/{free}", tmp_path / "questions").real
    assert [inside] == [str(path) for path in (tmp_path / "questions").iterdir()]


@pytest.mark.parametrize("place", ["file/questions", "none/questions"])
def test_without_a_place_for_locks_the_question_is_asked(tmp_path, place):
    (tmp_path / "file").touch()
    assert ask.resolve(Machine(), str(tmp_path), tmp_path / place).real == str(tmp_path)


def test_a_name_that_is_too_long_for_a_lock_is_asked(tmp_path):
    deep = tmp_path.joinpath(*["d" * 60] * 6)
    deep.mkdir(parents=True)
    assert ask.resolve(Machine(), str(deep), tmp_path / "questions").real == str(deep)


def test_cvmfs_is_mounted_where_somebody_has_mounted_it(tmp_path):
    assert binds.cvmfs(machine(tmp_path)) == ()
    mounted(tmp_path, cgroup2("/sys/fs/cgroup"))
    (tmp_path / "cvmfs").mkdir()
    assert binds.cvmfs(machine(tmp_path)) == ()
    for point in ("/cvmfs", "/cvmfs/oasis.opensciencegrid.org"):
        mounted(tmp_path, f"31 24 0:27 / {point} ro - fuse cvmfs2 ro")
        assert [bind.text for bind in binds.cvmfs(machine(tmp_path))] == ["/cvmfs"]
