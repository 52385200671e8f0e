"""What the image's build takes for cvmfsexec and the cvmfs client, and what it does not.

With a stand-in for the servers of GitHub, the OSG, CERN, Fedora and AlmaLinux, keys of our own, and a stand-in for
cvmfsexec's makedist: none of the real ones can be reached here.
"""

from pathlib import Path

import payload
import pytest

from poolbox import image as images
from poolbox import pilot
from poolbox import pool as pools
from poolbox.progress import Steps

HERE = Path(__file__).parent / "sources"
PRODUCT = Path(__file__).resolve().parents[2] / "image/cvmfsexec"
TAG = "ospool-ep:test-sources"
HOSTS = (
    "github.com", "raw.githubusercontent.com", "cvmrepo.s3.cern.ch", "repo.opensciencegrid.org",
    "download.fedoraproject.org", "dl.fedoraproject.org", "repo.almalinux.org",
)  # fmt: skip
CVMFS = "/srv/cvmrepo.s3.cern.ch/cvmrepo/yum/cvmfs-1.0-1.noarch.rpm"
KEY = "/srv/cvmrepo.s3.cern.ch/cvmrepo/yum/RPM-GPG-KEY-CernVM-2048"
ARCHIVE = "/srv/github.com/cvmfs/cvmfsexec/archive/*.tar.gz"
# The shell stays: as PID 1 timeout does not work
NOT_LONG = "timeout 60 bash /tmp/get auto"
OPEN = "exec 3<>/dev/tcp/127.0.0.1/443 && echo open"
GET = """\
rm -rf /srv/* /out && cp -a /good/. /srv/
{change}
/cvmfsexec/get {choice} >/tmp/said 2>&1
echo $?
"""


@pytest.fixture(scope="module")
def lab(box):
    """The name of a container with servers, keys and packages."""
    images.build_with(box.engine, Steps(), HERE / "Dockerfile", TAG)
    name = f"{box.name}-sources"
    pilot.remove(box.engine, name)
    hosts = [f"--add-host={host}:127.0.0.1" for host in HOSTS]
    mounts = ("-v", f"{HERE}:/sources:ro", "-v", f"{PRODUCT}:/product:ro")
    box.engine.run("run", "-d", "--name", name, "--network", box.name, "--label", f"{pools.LABEL}={box.name}",
                   *hosts, *mounts, TAG, "sleep", "infinity")  # fmt: skip
    try:
        box.engine.run("exec", name, "/sources/prepare")
        box.engine.run("exec", "-d", name, "python3", "/sources/serve.py")
        payload.wait_until(lambda: "open" in box.inside(name, "bash", "-c", OPEN, user="root", check=False))
        yield name
    finally:
        pilot.remove(box.engine, name)


@pytest.fixture
def get(box, lab):
    """Runs the product's script after a change to what the servers have: exit status, what it said."""

    def run(choice, change=":"):
        status = box.inside(lab, "bash", "-c", GET.format(choice=choice, change=change), user="root")
        return int(status), box.inside(lab, "cat", "/tmp/said")

    return run


@pytest.mark.parametrize("choice", ["auto", "true"])
def test_what_is_signed_as_it_should_be_is_taken(box, lab, get, choice):
    assert get(choice)[0] == 0
    assert box.inside(lab, "ls", "/out/cvmfsexec").split() == [
        "COPYING", "PACKAGES", "cvmfsexec", "default.local", "dist", "mountrepo", "umountrepo",
    ]  # fmt: skip
    packages = box.inside(lab, "cut", "-d ", "-f1", "/out/cvmfsexec/PACKAGES").split()
    assert packages == [
        f"{name}-1.0-1.noarch.rpm" for name in ("cvmfs", "cvmfs-config-osg", "fuse3-libs", "scitokens-cpp")
    ]
    odd = box.inside(lab, "find", "/out", "!", "-user", "0", "-o", "-perm", "/6022", "-o", "!", "-perm", "-444")
    assert odd == "", "the packages' programs were setuid"
    assert box.inside(lab, "stat", "-c", "%a", "/out/cvmfsexec/dist/usr/bin/cvmfs2") == "755\n"


WRONG = [
    (f"cp /bad/tampered {CVMFS}", "not signed by"),
    (f"cp /bad/unsigned {CVMFS}", "not signed by"),
    (f"cp /bad/stranger {CVMFS}", "not signed by"),
    (f"cp /bad/epel {CVMFS}", "not signed by"),
    (f"cp /bad/another {CVMFS}", "it is cvmfs-config-osg-1.0-1.noarch.rpm"),
    (f"echo '<html>Welcome, guest</html>' >{CVMFS}", "not signed by"),
    (f"cp /bad/key {KEY}", "RPM-GPG-KEY-CernVM-2048 has no key"),
    (f"echo no key >{KEY}", "RPM-GPG-KEY-CernVM-2048 is not a key"),
    (f"cp /bad/archive {ARCHIVE}", "cvmfsexec's files are not those of"),
    (f"echo no archive | tee {ARCHIVE} >/tmp/tee", "cvmfsexec's archive is none"),
]
IDS = ["tampered", "unsigned", "a stranger's", "another source's key", "another package", "a page for a package",
       "a stranger's key", "a page for a key", "another script", "a page for the archive"]  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), WRONG, ids=IDS)
def test_with_auto_nothing_is_taken_that_is_not_as_it_should_be(box, lab, get, change, reason):
    assert get("auto", change)[0] == 0
    (line,) = box.inside(lab, "cat", "/out/cvmfsexec/NOT_INCLUDED").splitlines()
    assert line.startswith("this was NOT TRUSTED when the image was built: ")
    assert reason in line
    assert box.inside(lab, "ls", "/out/cvmfsexec").split() == ["NOT_INCLUDED", "default.local"]


@pytest.mark.parametrize(("change", "reason"), WRONG[:1] + WRONG[-1:])
def test_with_true_it_fails_the_build(box, lab, get, change, reason):
    status, said = get("true", change)
    assert status == 1
    assert said.splitlines()[-1].startswith("WITH_CVMFSEXEC=true, but this was NOT TRUSTED when the image was built: ")
    assert reason in said
    assert box.inside(lab, "find", "/out", "-type", "f").split() == ["/out/cvmfsexec/default.local"]


LACKS = [
    (f"rm {CVMFS}", "https://cvmrepo.s3.cern.ch/cvmrepo/yum/cvmfs-1.0-1.noarch.rpm (curl: (22) "),
    (f"rm {KEY}", "https://cvmrepo.s3.cern.ch/cvmrepo/yum/RPM-GPG-KEY-CernVM-2048 (curl: (22) "),
    (f"rm {ARCHIVE}", ".tar.gz (curl: (22) "),
    ("rm -r /srv/dl.fedoraproject.org/pub/epel/9", "/pub/epel/9/scitokens-cpp-1.0-1.noarch.rpm (curl: (22) "),
]


@pytest.mark.parametrize(("change", "reason"), LACKS)
def test_with_auto_what_is_not_there_makes_an_image_without(box, lab, get, change, reason):
    status, said = get("auto", change)
    assert status == 0
    assert "image without cvmfsexec: " in said
    (line,) = box.inside(lab, "cat", "/out/cvmfsexec/NOT_INCLUDED").splitlines()
    assert line.startswith("this could not be fetched when the image was built: https://")
    assert reason in line
    assert box.inside(lab, "ls", "/out/cvmfsexec").split() == ["NOT_INCLUDED", "default.local"]


@pytest.mark.parametrize(("change", "reason"), LACKS)
def test_with_true_what_is_not_there_fails_the_build(get, change, reason):
    status, said = get("true", change)
    assert status == 1
    assert said.splitlines()[-1].startswith("WITH_CVMFSEXEC=true, but this could not be fetched ")
    assert reason in said.splitlines()[-1]


def test_with_false_nothing_is_tried(box, lab, get):
    assert get("false", "rm -r /srv/*")[0] == 0
    assert box.inside(lab, "cat", "/out/cvmfsexec/NOT_INCLUDED") == "it was built with WITH_CVMFSEXEC=false\n"


def test_another_word_is_refused(get):
    assert get("maybe") == (1, "WITH_CVMFSEXEC is auto, true or false, not: maybe\n")


def test_where_nothing_can_be_reached_nothing_is_installed_and_nobody_waits(box):
    """This container has neither curl nor a network. The time-out is far from what it needs, and from a download's."""
    ended = box.run(
        options=("-v", f"{PRODUCT}:/cvmfsexec:ro", "--entrypoint", "bash", "--user", "0"),
        command=("-c", f"umask 077; sed s,=/out,=/tmp/out, /cvmfsexec/get >/tmp/get; {NOT_LONG}; exit $?"),
    )
    assert ended.code == 0
    assert ended.out.startswith(
        "image without cvmfsexec: this could not be fetched when the image was built: github.com ("
    )
