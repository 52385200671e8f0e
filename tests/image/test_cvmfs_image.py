"""What the image brings for cvmfsexec: the programs that it calls, mount points, and itself or the reason why not."""

import hashlib
from pathlib import Path

import pytest

PINNED = Path(__file__).resolve().parents[2] / "image/cvmfsexec/sha256sums"
# Called by cvmfsexec, mountrepo, umountrepo and the authorization helper's wrapper
PROGRAMS = (
    "awk", "bash", "cat", "cut", "dirname", "egrep", "find", "grep", "id", "ln", "mkdir", "mkfifo", "mktemp", "mount",
    "pivot_root", "readlink", "rm", "rmdir", "sed", "tail", "touch", "umount", "uname", "unshare",
)  # fmt: skip
LIBRARIES = "LD_LIBRARY_PATH=/cvmfsexec/dist/usr/lib64 ldd /cvmfsexec/dist/usr/bin/cvmfs2"


def sh(box, script, *options):
    """What a shell in the image says, as any uid that a site may choose."""
    return box.run(options=("--user", "4321", "--entrypoint", "sh", *options), command=("-c", script)).out


@pytest.fixture(scope="module")
def included(box):
    """Whether this image was built where cvmfsexec could be fetched."""
    return "NOT_INCLUDED" not in sh(box, "ls /cvmfsexec")


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_that_cvmfsexec_calls_is_there(there, name):
    assert there[name].startswith(("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"))


@pytest.fixture(scope="module")
def there(box):
    said = sh(box, f"for name in {' '.join(PROGRAMS)}; do echo $name $(command -v $name); done")
    return {name: path for name, _, path in (line.partition(" ") for line in said.splitlines())}


def test_egrep_says_nothing(box):
    """cvmfsexec reads the mount table with it."""
    ended = box.run(options=("--entrypoint", "sh"), command=("-c", "echo proc | egrep -q '(proc |sys)'; echo $?"))
    assert (ended.out, ended.err) == ("1\n", "")


def test_default_local_is_an_empty_file_to_mount_a_sites_own_over(box):
    assert sh(box, "stat -c '%F %a %u' /cvmfsexec/default.local") == "regular empty file 644 0\n"


def test_a_sites_default_local_can_be_mounted(box):
    own = box.file("CVMFS_QUOTA_LIMIT=1000\n")
    assert sh(box, "cat /cvmfsexec/default.local", "-v", f"{own}:/cvmfsexec/default.local:ro") == own.read_text()


def test_the_tree_is_roots_and_everybody_may_read_it(box):
    odd = "find /cvmfsexec ! -user 0 -o ! -type l -perm /6022 -o ! -readable -o -type d ! -executable"
    assert sh(box, odd) == ""


def test_cache_logs_and_cvmfs_are_open_to_every_uid(box):
    """A volume takes owner and mode from the image's directory."""
    said = sh(box, "stat -c '%n %a' /cvmfs-cache /cvmfs-logs /cvmfs; ls -A /cvmfs-cache /cvmfs-logs /cvmfs | wc -w")
    assert said.splitlines() == ["/cvmfs-cache 1777", "/cvmfs-logs 1777", "/cvmfs 755", "3"]


def test_an_image_without_cvmfsexec_says_why_in_one_line(box, included):
    if included:
        pytest.skip("this image has cvmfsexec")
    (line,) = sh(box, "cat /cvmfsexec/NOT_INCLUDED").splitlines()
    assert "WITH_CVMFSEXEC=false" in line or "could not be fetched when the image was built: " in line
    assert sh(box, "ls /cvmfsexec").split() == ["NOT_INCLUDED", "default.local"]


def test_an_image_with_cvmfsexec_has_what_was_pinned_and_can_start_it(box, included):
    if not included:
        pytest.skip("this image has no cvmfsexec: its sources could not be reached")
    for line in PINNED.read_text().splitlines():
        digest, name = line.split()
        if name != "makedist":
            assert hashlib.sha256(sh(box, f"cat /cvmfsexec/{name}").encode()).hexdigest() == digest
    assert "not found" not in sh(box, LIBRARIES)
    assert len(sh(box, "cat /cvmfsexec/PACKAGES").splitlines()) >= 4
