"""Whose fault it is that a container did not start. Where our own start too it takes the image ring."""

import dataclasses
import time

import pytest

from fakes import SETUP, STATE
from ospool_ep.containers import blame, probe
from ospool_ep.containers.failures import CONTAINERS, IMAGE
from ospool_ep.containers.record import Record
from ospool_ep.machine import Result


@pytest.fixture
def found(tmp_path):
    made = Record(tmp_path / "apptainer")
    made.create(SETUP, dataclasses.replace(STATE, image="/default", gpu_image="docker://gpu"))
    return made


def put_job_ad(tmp_path, text):
    (tmp_path / ".job.ad").write_text(text)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ('Cmd = "x"\nUser = "alice@ap"\nOwner = "a"\n', "alice@ap"),
        ('user = "bob@ap"\n', "bob@ap"),
        ('RemoteUser = "x"\nUserLog = "y"\n', "?"),
        ('Arguments = "User = \\"x\\""\n', "?"),
        ("", "?"),
    ],
)
def test_the_user_is_who_the_jobs_ad_says(tmp_path, text, user):
    assert blame.user(put_job_ad(tmp_path, text)) == user


def test_without_an_ad_the_user_is_unknown(tmp_path):
    assert blame.user(str(tmp_path)) == "?"


def test_an_image_that_is_refused_waits_for_this_user_only(found, tmp_path):
    blame.blame_image(found, "/etc", put_job_ad(tmp_path, 'User = "alice@ap"\n'))
    (failure,) = found.failures(int(time.time()))
    assert (failure.what, failure.why) == (IMAGE, "alice@ap /etc")


@pytest.mark.parametrize("image", ["/x\\", '/x"', "/x\n", "/x\ny", "/\x01", "/ü"])
def test_what_cannot_be_written_into_an_ad_is_not_remembered(found, tmp_path, image):
    blame.blame_image(found, image, put_job_ad(tmp_path, 'User = "alice@ap"\n'))
    assert found.failures(int(time.time())) == ()


@pytest.mark.parametrize("image", ["my.sif", "/default", "docker://gpu", "/i"])
def test_where_no_container_at_all_starts_it_is_the_machine_whatever_the_image(found, tmp_path, image):
    work = tmp_path / "execute/dir_7"
    work.mkdir(parents=True)
    said = blame.explain(found, SETUP, blame.Case(image, str(work), (), probe.Start(image)), Result(127, "", "x"))
    assert said.startswith("this machine can no longer run containers: ")
    assert [failure.what for failure in found.failures(int(time.time()))] == [CONTAINERS]
    assert not list(tmp_path.glob("ep-*"))
