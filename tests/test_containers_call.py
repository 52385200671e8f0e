"""HTCondor's calls, as the log of a starter has them (25.14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ospool_ep.containers.call import Call, parse

DIRECTORY = "/pilot/ep-7c734e46/execute/dir_259"
OPTIONS = (
    f"-S /tmp -S /var/tmp -W {DIRECTORY} --pwd /srv -B {DIRECTORY}:/srv --home {DIRECTORY} -C"  # as SpawnJob makes them
)
EXEC = (*f"-s exec {OPTIONS} /usr/share/ospool-ep/tiny".split(), "/srv//run.sh", "two words")
TEST = tuple(f"-s -q test {OPTIONS} broken.sif".split())


def test_a_job():
    job = parse(EXEC)
    assert (job.before, job.action, job.image) == (("-s",), "exec", "/usr/share/ospool-ep/tiny")
    assert job.command == ("/srv//run.sh", "two words")
    assert job.value("-W") == job.value("--home") == DIRECTORY
    assert job.words == EXEC


def test_the_test_before_it_has_no_command():
    job = parse(TEST)
    assert (job.before, job.action, job.image, job.command) == (("-s", "-q"), "test", "broken.sif", ())


def test_run_is_for_images_with_an_entry_point():
    assert parse(("run", *EXEC[2:])).action == "run"


@pytest.mark.parametrize("flag", ["--nv", "--rocm", "--contain", "--ipc", "--cleanenv"])
def test_flags_have_no_value(flag):
    job = parse((*EXEC[:2], flag, *EXEC[2:]))
    assert job.image == "/usr/share/ospool-ep/tiny"
    assert (flag,) in job.options


def test_a_job_with_another_initial_directory_has_more_binds():
    job = parse((*EXEC[:2], "-B", "/data/iwd", *EXEC[2:]))
    assert job.image == "/usr/share/ospool-ep/tiny"
    assert job.value("-W") == DIRECTORY
    assert job.sources == ("/data/iwd", DIRECTORY)


def test_what_looks_like_an_option_after_the_image_is_the_jobs():
    words = (*EXEC, "-W", "/elsewhere", "--home", "/x", "-B", "/run/ospool-ep:/y", "exec", "--nv")
    job = parse(words)
    assert job.command == words[words.index("/srv//run.sh") :]
    assert job.value("-W") == DIRECTORY
    assert job.sources == (DIRECTORY,)
    assert job.at_home().command == job.command


@pytest.mark.parametrize("image", ["--bind=/run/ospool-ep:/x", "-C", "-B", "--nv", "-", "--", "-x", "--pwd"])
@pytest.mark.parametrize("words", [TEST[:-1], EXEC[:-3]], ids=["test", "exec"])
@pytest.mark.parametrize("after", [(), ("/run/ospool-ep:/x",), ("/run/ospool-ep", "/image", "command")])
def test_an_image_that_looks_like_an_option_is_refused_or_shown_for_what_it_is(words, image, after):
    try:
        job = parse((*words, image, *after))
    except ValueError as error:
        assert str(error)
    else:
        assert not job.image.startswith("-")
        assert job.sources == (DIRECTORY, *(("/run/ospool-ep",) if image == "-B" else ()))


@pytest.mark.parametrize(
    "option",
    [
        "--bind=/run/ospool-ep:/x",
        "--bind",
        "--writable",
        "--fakeroot",
        "--security",
        "-Bx",
        "-c",
        "--cleanenv=x",
        "--env",
    ],
)
def test_an_option_that_htcondor_does_not_give_is_refused(option):
    with pytest.raises(ValueError, match="is no option"):
        parse((*EXEC[:2], option, *EXEC[2:]))


@pytest.mark.parametrize("option", ["-S", "-B", "--pwd", "--home", "-W"])
@pytest.mark.parametrize("value", ["-C", "--bind=/run", "relative", ""])
def test_a_value_that_is_no_path_is_refused(option, value):
    with pytest.raises(ValueError, match="is no option"):
        parse((*EXEC[:2], option, value, *EXEC[2:]))


@pytest.mark.parametrize(
    "words",
    [(), ("--version",), ("exec",), ("-s",), ("exec", "/image", "true"), ("inspect", "-W", "/x", "y"),
     ("exec", "-W", "/x", "-W", "/y", "i"), ("-d", *EXEC[1:]), ("shell", *EXEC[2:]), ("-s", "-q"),
     EXEC[:-3], TEST[:-1]],
)  # fmt: skip
def test_what_is_no_call_for_a_job_is_refused(words):
    with pytest.raises(ValueError, match="not called as HTCondor does"):
        parse(words)


def test_an_option_that_is_not_there_has_no_value():
    assert Call((), "exec", (("-C",),), "i", ()).value("-W") == ""


def test_the_home_gets_its_name_inside_once():
    job = parse(EXEC).at_home()
    assert job.value("--home") == f"{DIRECTORY}:/srv"
    assert job.at_home() == job
    assert Call((), "exec", (("-C",),), "i", ()).at_home().options == (("-C",),)


def test_more_mounts_come_after_htcondors():
    job = parse(EXEC).bound(("/cvmfs", "/a:/b:ro"))
    assert job.options == (*parse(EXEC).options, ("-B", "/cvmfs"), ("-B", "/a:/b:ro"))
    assert job.image == parse(EXEC).image


WORDS = st.lists(st.sampled_from([*EXEC, "-S", "-x", "run", "test", ""]) | st.text(max_size=5)).map(tuple)
MORE = st.lists(st.sampled_from([*EXEC[2:], "-x", "/x"]), max_size=4).map(tuple)


@given(WORDS | MORE.map(lambda more: (*EXEC[:-3], *more, *EXEC[-3:])))
def test_no_word_is_lost_changed_or_moved(words):
    try:
        job = parse(words)
    except ValueError:
        return
    assert job.words == words
    assert not job.image.startswith("-")
