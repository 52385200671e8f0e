"""What a job may name as its image, and what HTCondor may mount for it."""

import os

import pytest

from ospool_ep.containers import images


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "execute/dir_7"
    (path / "image/etc").mkdir(parents=True)
    (path / "my.sif").touch()
    return path


@pytest.mark.parametrize(
    "image",
    ["my.sif", "./my.sif", "image", "image/", "image/../image", "none.sif", "docker://alpine", "oras://x/y",
     "library://x", "https://example.org/x.sif", "/usr/share/ospool-ep/tiny", "/cvmfs/x/y:1", "/images/a:b.sif"],
)  # fmt: skip
def test_what_is_run(directory, image):
    assert images.refused(image, str(directory)) == ""


@pytest.mark.parametrize(
    "image",
    ["/", "//", "/.", "/proc/1/root", "/proc/self/root", "/proc/self/cwd/../../..", "/pilot", "/pilot/ep-1/execute",
     "/run", "/run/ospool-ep", "/etc", "/etc/condor", "/dev", "/dev/shm", "../../../../../../..", "/usr/..",
     "/usr/share/../../"],
)  # fmt: skip
def test_what_holds_the_pilots_own_files_is_not(directory, image):
    assert images.refused(image, str(directory))


@pytest.mark.parametrize("target", ["/", "/pilot", "/proc/1/root", "../../../../../../..", "/run/ospool-ep"])
def test_a_link_that_the_job_brings_along_is_followed(directory, target):
    (directory / "link").symlink_to(target)
    (directory / "second").symlink_to("link")
    for name in ("link", "second", str(directory / "link"), "link/."):
        assert images.refused(name, str(directory))


def test_a_link_within_the_jobs_own_directory_is_its_own_affair(directory):
    (directory / "link").symlink_to("image")
    assert images.refused("link", str(directory)) == ""


def test_a_link_in_a_circle_is_no_crash(directory):
    (directory / "loop").symlink_to("loop")
    assert isinstance(images.refused("loop", str(directory)), str)


def test_the_scratch_directory_may_be_reached_by_a_link(directory, tmp_path):
    (tmp_path / "other").symlink_to(directory)
    assert images.refused(str(tmp_path / "other/my.sif"), str(directory)) == ""


@pytest.mark.parametrize(
    "image",
    ["instance://x", "docker-daemon:x", "oci:/x", "oci-archive:x", "docker-archive:/x", "docker:alpine", "dir:/"],
)
def test_other_transports_are_not_for_jobs(directory, image):
    assert f"Apptainer's {image.partition(':')[0]}: images" in images.refused(image, str(directory))


def test_what_htcondor_mounts_for_a_job_is_looked_at_too(directory, tmp_path):
    own = (str(directory), str(directory / "image"), "/data")
    assert images.shown(own, str(directory)) == ""
    (tmp_path / "link").symlink_to("/run/ospool-ep")
    for path in ("/run/ospool-ep", "/", "/etc", str(tmp_path / "link")):
        assert "holds the pilot's own files" in images.shown((*own, path), str(directory))


def test_another_jobs_directory_is_not_shown():
    assert images.shown(("/pilot/ep-1/execute/dir_8",), "/pilot/ep-1/execute/dir_7")
    assert images.shown(("/pilot/ep-1/execute/dir_70",), "/pilot/ep-1/execute/dir_7")
    for own in ("/pilot/ep-1/execute/dir_7", "/pilot/ep-1/execute/dir_7/x"):
        assert images.shown((own,), "/pilot/ep-1/execute/dir_7") == ""


def test_the_tests_run_where_the_links_lead_somewhere():
    assert os.path.realpath("/proc/self/root") == "/"
