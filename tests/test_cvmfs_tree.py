"""The directory that cvmfsexec works in, made of a read-only one like the image's."""

import os

import pytest

from fakes import put
from ospool_ep.cvmfs import tree
from ospool_ep.cvmfs.needs import TREE
from ospool_ep.machine import Machine

FILES = ("cvmfsexec", "mountrepo", "umountrepo", "dist/usr/bin/cvmfs2", "dist/lib64/libcvmfs.so", "dist/extra",
         "dist/etc/cvmfs/default.conf", "dist/etc/cvmfs/keys/opensciencegrid.org/a.pub", "dist/etc/auto.cvmfs",
         "dist/var/lib/cvmfs/old", "dist/cvmfs/old", "default.local")  # fmt: skip


def image(root):
    """What makedist lays out; directories and files as they come out of a layer that nobody may write to."""
    for name in FILES:
        put(root, f"{TREE}/{name}", name)
    put(root, f"{TREE}/dist/etc/cvmfs/default.local", "DIST=1\n")
    source = root / TREE.lstrip("/")
    (source / "dist/etc/cvmfs/link.conf").symlink_to("default.conf")
    for path in (source, *source.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o555)
    return Machine(root=root)


@pytest.fixture
def here(nobodys):
    for name in ("cvmfs-cache", "cvmfs-logs"):
        (nobodys / name).mkdir()
    return image(nobodys)


def created(here, name="one", text="OURS=1\n", logs=True):
    directory = here.root / name
    return directory, tree.create(here, directory, text, logs)


def test_programs_and_libraries_are_those_of_the_image(here):
    directory, program = created(here)
    assert program == directory / "cvmfsexec"
    for name in FILES[:6]:
        assert (directory / name).read_text() == name
        assert (directory / name).resolve() == here.path(f"{TREE}/{name}")


def test_cvmfsexec_finds_itself_in_the_new_directory(here):
    """It takes its own directory from its name, and makes mnt, log and dist/... there."""
    _, program = created(here)
    assert program.is_symlink()
    assert program.parent.stat().st_mode & 0o200


def test_what_must_be_written_can_be(here):
    directory, _ = created(here)
    for name in (
        "",
        "dist",
        "dist/cvmfs",
        "dist/var",
        "dist/var/lib",
        "dist/etc",
        "dist/etc/cvmfs",
        "dist/etc/cvmfs/keys",
    ):
        put(directory / name, "new", "x")
    assert not (directory / "dist/cvmfs/old").exists()
    assert not (directory / "dist/var/lib/cvmfs/old").exists()


def test_cache_and_logs_are_the_volumes(here):
    directory, _ = created(here)
    put(directory, "/dist/var/lib/cvmfs/cached", "x")
    put(directory, "/log/oasis.log", "x")
    assert os.listdir(here.path("/cvmfs-cache")) == ["cached"]
    assert os.listdir(here.path("/cvmfs-logs")) == ["oasis.log"]


def test_logs_that_cannot_be_written_stay_in_the_directory(here):
    directory, _ = created(here, logs=False)
    assert not (directory / "log").is_symlink()


@pytest.mark.parametrize("link", [False, True])
def test_the_configuration_is_ours_and_the_rest_a_copy(here, link):
    local = here.path(f"{TREE}/dist/etc/cvmfs/default.local")
    if link:
        local.parent.chmod(0o755)
        local.unlink()
        local.symlink_to("/etc/hostname")
        local.parent.chmod(0o555)
    directory, _ = created(here)
    etc = directory / "dist/etc/cvmfs"
    assert (etc / "default.local").read_text() == "OURS=1\n"
    assert not (etc / "default.local").is_symlink()
    assert (etc / "default.conf").read_text() == "dist/etc/cvmfs/default.conf"
    assert (etc / "link.conf").read_text() == "dist/etc/cvmfs/default.conf"
    assert (etc / "link.conf").is_symlink()


def test_the_image_is_as_it_was(here):
    source = here.path(TREE)
    before = {path: path.lstat().st_mode for path in source.rglob("*")}
    created(here)
    assert {path: path.lstat().st_mode for path in source.rglob("*")} == before
    assert tree.distributed(here) == "DIST=1\n"


def test_two_starts_share_nothing_that_either_writes(here):
    one, _ = created(here, "one", "N=1\n")
    two, _ = created(here, "two", "N=2\n")
    assert (one / "dist/etc/cvmfs/default.local").read_text() == "N=1\n"
    real = [
        {path.resolve() for path in made.rglob("*") if os.access(path.parent.resolve(), os.W_OK)} for made in (one, two)
    ]
    assert {path for path in real[0] & real[1] if here.path(TREE) not in path.parents} == {
        here.path("/cvmfs-cache"), here.path("/cvmfs-logs"),
    }  # fmt: skip


def test_a_distribution_without_configuration_of_its_own(nobodys):
    assert tree.distributed(Machine(root=nobodys)) == ""
    with pytest.raises(OSError):
        created(Machine(root=nobodys))


def test_a_directory_that_is_there_already_is_not_used_again(here):
    created(here)
    with pytest.raises(FileExistsError):
        created(here)
