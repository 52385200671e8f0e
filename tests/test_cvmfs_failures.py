"""What the client says (2.12, as ../shared/reference/cvmfsexec.md has it), who has to do what, and how often we try."""

import pytest

from ospool_ep.cvmfs import failures

CONFIG, OASIS = "config-osg.opensciencegrid.org", "oasis.opensciencegrid.org"
ALWAYS, TWICE, NEVER = 1000, 2, 1
BANNER = "CernVM-FS: running with credentials 1000:1000\nCernVM-FS: loading Fuse module... done\n"


def log(words, name=CONFIG):
    return f"Sat Nov 21 20:00:00 2026 ({name}) {words}\n"


def said(words, code, name=CONFIG):
    return f"{BANNER}{words} ({code} - ...)\nmountrepo {name} failed\n"


NETWORK = "failed to download repository manifest ({})"
CASES = [
    (16, NETWORK.format("failed to resolve host address"), ALWAYS, "network of this container"),
    (16, NETWORK.format("host connection problem"), ALWAYS, "ports 80 and 8000"),
    (16, NETWORK.format("host serving data too slowly"), ALWAYS, "network of this container"),
    (16, NETWORK.format("host returned HTTP error"), TWICE, "CVMFSEXEC_REPOS"),
    (16, NETWORK.format("proxy connection problem"), ALWAYS, "CVMFS_HTTP_PROXY"),
    (16, NETWORK.format("proxy returned HTTP error"), TWICE, "CVMFS_HTTP_PROXY"),
    (16, NETWORK.format("proxy serving data too slowly"), ALWAYS, "OSG_SQUID_LOCATION"),
    (16, NETWORK.format("failed to resolve proxy address"), ALWAYS, "CVMFS_HTTP_PROXY"),
    (23, "failed to discover HTTP proxy servers", TWICE, "auto;DIRECT"),
    (9, "cannot create workspace directory /x/dist/var/lib/cvmfs/shared (13)", NEVER, "chown"),
    (12, "failed to create new cache manager: quota manager", NEVER, "/cvmfs-cache"),
    (4, "fuse: device not found, try 'modprobe fuse' first", NEVER, "--device /dev/fuse"),
    (4, "fuse: failed to open /dev/fuse: Permission denied", NEVER, "chmod 0666 /dev/fuse"),
    (134, "could not open usyslog file /cvmfs-logs/x.log (13), aborting", NEVER, "/cvmfs-logs"),
]  # fmt: skip


@pytest.mark.parametrize("where", ["said", "log"])
@pytest.mark.parametrize(("status", "words", "attempts", "cure"), CASES)
def test_each_reason_has_its_cure_and_a_number_of_attempts(status, words, attempts, cure, where):
    if where == "said":
        failed = failures.ended(status, said(words, status), log("something else"))
    else:
        failed = failures.ended(status, said("mount failed", status), log(words))
    problem = failed.problem
    assert (problem.id, problem.exit_code, problem.warning) == ("cvmfs-mount-failed", 69, False)
    assert f"could not mount {CONFIG}: {words}" in problem.found
    assert cure in problem.cure
    assert words in problem.raw
    assert failed.attempts == attempts
    assert "CVMFS_REQUIRED=false" in problem.why


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (16, "failed to verify repository whitelist (whitelist expired)"),
        (16, "failed to download manifest (signature verification failed)"),
        (16, "cannot read /cvmfs-cache/shared/00/ab"),
        (5, "loader failed to bind socket"),
        (2, "syntax error near unexpected token"),
        (137, ""),
    ],
)
def test_what_nobody_knows_is_shown_and_tried_once(status, words):
    failed = failures.ended(status, said(words, status, OASIS), log(words))
    assert failed.problem.found == f"cvmfsexec could not mount {OASIS}: cvmfsexec ended with status {status}"
    assert "CVMFSEXEC_DEBUG=true" in failed.problem.cure
    assert words in failed.problem.raw
    assert failed.attempts == NEVER


def test_the_reason_is_the_last_of_its_kind_without_time_and_repository():
    first, last = log("host connection problem, host a"), log("host connection problem, host b")
    failed = failures.ended(16, said("x", 16), first + last + log("unmounted"))
    assert failed.problem.found.endswith(f"{CONFIG}: host connection problem, host b")


def test_a_proxy_explains_what_it_brings_about():
    """A client that falls back tells of both; the proxy is what the site can mend."""
    both = log("host connection problem") + log("proxy connection problem")
    assert "CVMFS_HTTP_PROXY" in failures.ended(16, "", both).problem.cure


def test_where_no_repository_is_named():
    found = failures.ended(1, "unshare: unshare failed: Operation not permitted\n", "").problem.found
    assert found == "cvmfsexec could not mount CVMFS: cvmfsexec ended with status 1"


def test_the_script_that_bash_prints_when_a_child_is_killed_is_left_out():
    script = "".join(f"    line {number}\n\ttab {number}\n# comment {number}\n" for number in range(60))
    raw = failures.ended(137, f"/x/cvmfsexec: line 9: 77 Killed  unshare <<EOF\n{script}the end\n", "").problem.raw
    assert raw == "/x/cvmfsexec: line 9: 77 Killed  unshare <<EOF\nthe end"


def test_only_the_end_of_what_was_said_is_shown():
    raw = failures.ended(
        1, "".join(f"said {n}\n" for n in range(99)), "".join(f"log {n}\n" for n in range(99))
    ).problem.raw
    assert len(raw.splitlines()) < 30
    assert "said 98" in raw
    assert "log 98" in raw
    assert "said 0\n" not in raw


def test_the_logs_of_repositories_that_were_mounted_are_no_reason():
    logs = log("mounted it") + log("whitelist expired", OASIS)
    raw = failures.ended(16, said("x", 16, OASIS), logs).problem.raw
    assert "whitelist expired" in raw
    assert "mounted it" not in raw


@pytest.mark.parametrize(
    ("logs", "ending"), [("", "120 s"), (log("proxy connection problem"), "120 s: proxy connection problem")]
)
def test_a_mount_that_has_not_come_back(logs, ending):
    failed = failures.late(120, BANNER, logs)
    assert failed.problem.id == "cvmfs-mount-timeout"
    assert failed.problem.found == f"cvmfsexec has mounted nothing within {ending}"
    assert failed.problem.exit_code == 69
    assert failed.attempts == NEVER


@pytest.mark.parametrize(("logs", "attempts"), [("", TWICE), (log("host connection problem"), ALWAYS)])
def test_a_repository_that_cannot_be_read_though_cvmfsexec_is_content(logs, attempts):
    failed = failures.unreadable(f"{OASIS} is not there", BANNER, logs)
    assert failed.problem.id == "cvmfs-unreadable"
    assert failed.problem.found == f"mounted, but no file can be read: {OASIS} is not there"
    assert failed.attempts == attempts
    assert str(failed) == failed.problem.found
