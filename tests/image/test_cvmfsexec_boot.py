"""What keeps a stand-in for cvmfsexec from mounting: how the pilot ends, and what its administrator reads."""

import contextlib
import shutil

import cvmfs_standin
import payload
import pytest
import selftests
from cvmfs_standin import CONFIG, MASKED, OASIS, OPEN, SINGULARITY

from poolbox import pilot

UNKNOWN = "nosuch.opensciencegrid.org"
WITHOUT = {"CVMFS_REQUIRED": "false"}
DEFAULT = (f"--security-opt=seccomp={payload.DEFAULT_SECCOMP}", "--security-opt=systempaths=unconfined")
READS = ("cat", f"/cvmfs/{OASIS}/README")
NO_PIVOT_ROOT = ("-v", "/dev/null:/usr/bin/pivot_root")
DEAD = "http://127.0.0.1:9"
# Longer than the two minutes that mounting may take
SLEEPS = "STANDIN_SLEEP_S=1000\n"
GIVEN_UP_S = 150
# Started together when the module begins, for each takes its two minutes: variables, default.local
SLOW = {
    "dead proxy": ({"CVMFS_HTTP_PROXY": DEAD}, None),
    "dead proxy, not required": ({"CVMFS_HTTP_PROXY": DEAD, **WITHOUT}, None),
    "dead squid": ({"OSG_SQUID_LOCATION": "http://nosuch.invalid:3128"}, None),
    "sleeps": ({}, SLEEPS),
}
WORDS = {"dead proxy": "proxy connection problem", "dead squid": "failed to resolve proxy address", "sleeps": "120 s"}


@pytest.fixture(scope="module", autouse=True)
def slow(box):
    with contextlib.ExitStack() as stack:
        yield {
            case: stack.enter_context(
                cvmfs_standin.started(box, f"slow{number}", *cvmfs_standin.mounts(box, local), env=env)
            )
            for number, (case, (env, local)) in enumerate(SLOW.items())
        }


def tmpfs(size):
    return ("--tmpfs", f"/cvmfs-cache:mode=1777,uid=1000,size={size}")


def volume(box, uid=1000, mode="rw"):
    return ("-v", f"{box.scratch(uid)}:/cvmfs-cache:{mode}")


# How the container differs, the problem's id, and words of it
CASES = {
    "no pivot_root": (lambda box: {"options": NO_PIVOT_ROOT}, "cvmfs-pivot-root", "pivot_root"),
    "no /dev/fuse": (lambda box: {"devices": ()}, "cvmfs-fuse", "--device /dev/fuse"),
    "default seccomp": (lambda box: {"security": DEFAULT}, "cvmfs-userns", "--security-opt seccomp=unconfined"),
    "another's cache": (lambda box: {"options": volume(box, 0)}, "cvmfs-cache-permission", "chown 1000"),
    "read-only cache": (lambda box: {"options": volume(box, mode="ro")}, "cvmfs-cache-permission", "is read-only"),
    "small cache": (lambda box: {"options": tmpfs("200m")}, "cvmfs-cache-space", "/cvmfs-cache has room for"),
    "smaller than the quota": (
        lambda box: {"options": tmpfs("1500m"), "env": {"CVMFS_QUOTA_LIMIT": "3000"}}, "cvmfs-cache-space", "3000 MB",
    ),
    "unknown repository": (
        lambda box: {"env": {"CVMFSEXEC_REPOS": f"{OASIS},{UNKNOWN}"}}, "cvmfs-mount-failed", f"not mount {UNKNOWN}",
    ),
    "no proxy": (lambda box: {"env": {"CVMFS_HTTP_PROXY": "auto"}}, "cvmfs-mount-failed", "CVMFS_HTTP_PROXY"),
    "a bad default.local": (lambda box: {"local": "CVMFS_X='1\n"}, "cvmfs-default-local", "default.local"),
}  # fmt: skip


def with_trouble(box, trouble, **how):
    """A container that differs from a good one."""
    mounts = cvmfs_standin.mounts(box, trouble.pop("local", None))
    return cvmfs_standin.run(box, *mounts, *trouble.pop("options", ()), **trouble, **how)


def of_cvmfs(ids):
    return [id for id in ids if id.startswith("cvmfs")]


@pytest.mark.parametrize("case", CASES)
def test_with_a_standin_for_cvmfsexec_a_pilot_is_refused(box, case):
    how, id, words = CASES[case]
    ended = with_trouble(box, how(box))
    assert (ended.code, of_cvmfs(ended.refusals)) == (69 if id != "cvmfs-default-local" else 78, [id]), ended
    assert words in " ".join(ended.out.split()), ended


@pytest.mark.parametrize("case", ["no pivot_root", "no /dev/fuse", "small cache", "unknown repository"])
def test_where_cvmfs_is_not_required_the_selftest_with_a_standin_for_cvmfsexec_warns(box, case):
    how, id, _ = CASES[case]
    trouble = how(box)
    ended = with_trouble(box, trouble | {"env": {**trouble.get("env", {}), **WITHOUT}}, program="ospool-selftest")
    assert (ended.code, ended.refusals) == (0, []), ended
    assert id in ended.warnings
    assert "CVMFS_REQUIRED=false" in ended.out


def test_where_cvmfs_is_not_required_a_pilot_goes_on_without(box, pool, boot):
    booted = boot(
        "not-required", env={**cvmfs_standin.REPOS, **WITHOUT}, options=(*cvmfs_standin.mounts(box), *NO_PIVOT_ROOT)
    )
    assert cvmfs_standin.has(booted.ad, OASIS) in (None, "false")
    result = payload.ended(pool, payload.send(pool, "not-required", script="#!/bin/sh\nls /cvmfs\n"))
    assert (result.exit_code, result.stdout) == (0, "")


def test_several_mistakes_with_a_standin_for_cvmfsexec_are_told_at_once(box):
    options = (*cvmfs_standin.mounts(box), *NO_PIVOT_ROOT, "-v", f"{box.scratch(0)}:/cvmfs-cache")
    ended = cvmfs_standin.run(box, *options, env={"NUM_CPUS": "abc"})
    assert {"cvmfs-pivot-root", "cvmfs-cache-permission", "setting-invalid"} <= set(ended.refusals), ended


def test_an_image_without_cvmfsexec_says_why(box):
    reason = "built with WITH_CVMFSEXEC=false"
    empty = box.new_path()
    empty.mkdir()
    (empty / "NOT_INCLUDED").write_text(f"{reason}\n")
    ended = cvmfs_standin.run(box, "-v", f"{empty}:/cvmfsexec:ro")
    assert (ended.code, ended.refusals) == (69, ["cvmfs-not-in-image"]), ended
    assert reason in ended.out


def test_a_proxy_that_comes_later_is_waited_for_by_a_standin_for_cvmfsexec(box):
    with cvmfs_standin.proxy(box, "late", box.name, after_s=6) as url:
        ended = cvmfs_standin.run(box, *cvmfs_standin.mounts(box), env={"CVMFS_HTTP_PROXY": url},
                                  program="ospool-cvmfs", command=READS)  # fmt: skip
    assert (ended.code, ended.out) == (0, "from oasis\n"), ended
    assert "next attempt in" in ended.err


@pytest.mark.parametrize("security", [OPEN, MASKED], ids=["open", "masked"])
def test_after_a_failed_attempt_of_a_standin_for_cvmfsexec_no_client_is_left(box, security):
    """Without a PID namespace those of the repositories that had been mounted before would be."""
    served = box.new_path()
    shutil.copytree(cvmfs_standin.server(box), served)
    refuses = served / f"{SINGULARITY}.refuses"
    refuses.touch()
    options = (*cvmfs_standin.mounts(box, served=served), "--entrypoint", "ospool-cvmfs")
    look = ("sh", "-c", "ls -d /cvmfs/*/; ps -e -o args= | grep -c '[s]quashfuse_ll -f'")
    with cvmfs_standin.started(box, "twice", *options, security=security, command=look) as container:
        payload.wait_until(lambda: "next attempt in" in pilot.logs(box.engine, container))
        refuses.unlink()
        ended = cvmfs_standin.result(box, container, GIVEN_UP_S)
    assert ended.code == 0, ended
    assert ended.out.split() == [*(f"/cvmfs/{name}/" for name in (CONFIG, OASIS, SINGULARITY)), "3"], ended


def test_two_pilots_with_one_cache_and_a_standin_for_cvmfsexec(box, pool, boot):
    """The client's caches have one manager, whose end takes all others' mounts with it."""
    cache = box.scratch()
    options = (*cvmfs_standin.mounts(box), "-v", f"{cache}:/cvmfs-cache")
    first = boot("cache", env=cvmfs_standin.REPOS, options=options)
    ended = cvmfs_standin.run(box, *options)
    assert (ended.code, ended.refusals) == (69, ["cvmfs-cache-in-use"]), ended
    holder = box.inside(first.container, "hostname").strip()
    assert holder in ended.out
    assert cvmfs_standin.inside(box, first.container, *READS) == "from oasis\n"
    assert pilot.stop(box.engine, first.container) == 0
    after = cvmfs_standin.run(box, *options, program="ospool-cvmfs", command=READS)
    assert (after.code, after.out) == (0, "from oasis\n"), after


def test_the_cache_of_a_killed_pilot_with_a_standin_for_cvmfsexec_is_free(box, boot):
    options = (*cvmfs_standin.mounts(box), "-v", f"{box.scratch()}:/cvmfs-cache")
    first = boot("killed-cache", env=cvmfs_standin.REPOS, options=options)
    box.engine.run("kill", first.container)
    after = cvmfs_standin.run(box, *options, program="ospool-cvmfs", command=READS)
    assert (after.code, after.out) == (0, "from oasis\n"), after


def test_a_warm_cache_and_a_dead_proxy_with_a_standin_for_the_client(box):
    """It starts offline, as the real one does."""
    options = (*cvmfs_standin.mounts(box), "-v", f"{box.scratch()}:/cvmfs-cache")
    for env in ({}, {"CVMFS_HTTP_PROXY": DEAD}):
        said = cvmfs_standin.run(box, *options, env=env, program="ospool-cvmfs", command=READS)
        assert (said.code, said.out) == (0, "from oasis\n"), said


def test_a_log_directory_that_cannot_be_written_is_a_warning(box):
    options = (*cvmfs_standin.mounts(box), "-v", f"{box.scratch(0)}:/cvmfs-logs")
    said = cvmfs_standin.run(box, *options, program="ospool-selftest")
    assert (said.code, "cvmfs-logs" in said.warnings) == (0, True), said


def test_a_live_cvmfs_that_is_bound_in_wins_over_a_standin_for_cvmfsexec(box):
    """See test_cvmfs_bound for what a bound one is worth; here nothing may be mounted over it."""
    tree = box.new_path()
    for name in (CONFIG, OASIS):
        (tree / name).mkdir(parents=True)
        (tree / name / "README").write_text("bound\n")
    options = (*cvmfs_standin.mounts(box), "-v", f"{tree}:/cvmfs:ro")
    said = cvmfs_standin.run(box, *options, program="ospool-selftest")
    assert (said.code, "CVMFSEXEC_REPOS has no effect" in said.out) == (0, True), said
    assert "mounting" not in said.out


@pytest.mark.parametrize("case", SLOW)
def test_after_two_minutes_a_pilot_with_a_standin_for_cvmfsexec_gives_up(box, slow, case):
    """The last test of the module: the containers were started before the first."""
    if case == "dead proxy, not required":
        payload.wait_until(lambda: "goes on without" in pilot.logs(box.engine, slow[case]), GIVEN_UP_S)
        return
    ended = cvmfs_standin.result(box, slow[case], GIVEN_UP_S)
    id = "cvmfs-mount-timeout" if case == "sleeps" else "cvmfs-mount-failed"
    assert (ended.code, ended.refusals) == (69, [id]), ended
    told = selftests.problem(ended, id)
    assert WORDS[case] in told["found"], told
    assert case == "sleeps" or "CVMFS_HTTP_PROXY" in told["type"]
