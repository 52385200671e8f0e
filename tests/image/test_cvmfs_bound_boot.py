"""Boots with a /cvmfs of the host that is empty, dead, hanging, forbidden, or mounted so that it will be."""

import re

import bound
import pytest
import runs
from bound import CONFIG, OASIS, SINGULARITY

from poolbox import pilot

# --print-config stands for a boot that goes on: it ends by itself
GOES_ON = ("--print-config",)
REQUIRED = {"CVMFS_REQUIRED": "true"}
UNFIT, CONFIGURATION = 69, 78
TOOK = re.compile(r"exec condor_master after ([0-9.]+) s")
# A look at CVMFS, then one at an image in it. A boot that was held would take a minute: then a check is given up
PATIENCE_S = 2 * 5


@pytest.fixture
def host(box):
    with bound.host(box, "boot") as made:
        yield made


def boots(box, host, env=None, *, propagation="shared", options=()):
    """What a boot with the host's /cvmfs says."""
    more = (*bound.options(host, propagation), *options)
    return box.run(env, more, GOES_ON)


@pytest.fixture(scope="module")
def healthy_s(box, pool, token_file):
    """What a boot with a healthy one takes here and now."""
    with bound.host(box, "healthy") as made:
        pilots = {"healthy-at-boot": ({}, bound.options(made))}
        with runs.together(box, pool, token_file, pilots) as booted:
            found = took_s(pilot.logs(box.engine, booted["healthy-at-boot"].container))
    print(f"a boot with a healthy /cvmfs: {found} s")
    return found


def took_s(log):
    return float(TOOK.search(log)[1])


def unwrapped(ended):
    return " ".join((ended.out + ended.err).split())


def test_a_healthy_one_is_no_trouble(box, host):
    ended = boots(box, host, REQUIRED)
    assert (ended.code, ended.warnings, ended.refusals) == (0, [], [])


def test_an_empty_cvmfs_is_told(box):
    with bound.host(box, "empty", ()) as host:
        ended = boots(box, host)
    assert (ended.code, ended.warnings) == (0, ["cvmfs-empty"])


def test_a_cvmfs_whose_clients_have_all_died_is_told(box, host):
    signal_all(host, "KILL")
    ended = boots(box, host)
    assert (ended.code, ended.warnings) == (0, ["cvmfs-stale"])
    assert "Transport endpoint is not connected" in unwrapped(ended)


@pytest.mark.parametrize("repository", [OASIS, CONFIG])
def test_one_whose_client_has_died_is_named(box, host, repository):
    host.signal(repository, "KILL")
    ended = boots(box, host)
    assert (ended.code, ended.warnings) == (0, ["cvmfs-stale"])
    assert repository in unwrapped(ended)


def test_a_repository_that_only_root_may_read_is_told(box, host):
    bound.replace(host, OASIS, None, "-root-mode", "0700")
    ended = boots(box, host)
    assert (ended.code, ended.warnings) == (0, ["cvmfs-permission"])
    assert OASIS in unwrapped(ended)


# No :slave with a private mount's events, and none without any: nothing that the host mounts later would come in
PROPAGATION = {"": ["cvmfs-propagation"], "private": ["cvmfs-propagation"], "rshared": [], "rslave": [], "shared": []}


@pytest.mark.parametrize("mode", PROPAGATION)
def test_mounts_that_the_host_makes_later_must_come_in(box, host, mode):
    ended = boots(box, host, propagation=mode)
    assert (ended.code, ended.warnings) == (0, PROPAGATION[mode])


def test_one_that_hangs_does_not_hold_the_boot(box, host, boot, healthy_s):
    with bound.stopped(host, OASIS):
        booted = boot("hangs-at-boot", options=bound.options(host))
        log = pilot.logs(box.engine, booted.container)
        assert "warning: cvmfs-hangs" in log
        assert took_s(log) < 3 * healthy_s + PATIENCE_S
        assert bound.said(booted.ad, OASIS)[0] == "false"
        assert bound.said(booted.ad, SINGULARITY)[0] == "true"
        pilot.stop(box.engine, booted.container)


def test_all_that_hang_do_not_hold_the_boot_longer(box, host, boot, healthy_s):
    with bound.stopped(host, *bound.THREE):
        booted = boot("all-hang-at-boot", options=bound.options(host))
        log = pilot.logs(box.engine, booted.container)
        assert "warning: cvmfs-hangs" in log
        assert took_s(log) < 3 * healthy_s + PATIENCE_S
        assert booted.ad["CVMFS_STUCK_PROBES"] == "3"
        pilot.stop(box.engine, booted.container)


def test_one_whose_waiters_cannot_be_killed_does_not_hold_the_boot(box, host, boot, healthy_s):
    with bound.unkillable(host, OASIS):
        booted = boot("unkillable-at-boot", options=bound.options(host))
        log = pilot.logs(box.engine, booted.container)
        assert "warning: cvmfs-hangs" in log
        assert took_s(log) < 3 * healthy_s + PATIENCE_S
        assert [bound.said(booted.ad, one)[0] for one in (OASIS, SINGULARITY)] == ["false", "true"]
    assert pilot.stop(box.engine, booted.container) == 0


def signal_all(host, name):
    for repository in bound.THREE:
        host.signal(repository, name)


@pytest.mark.parametrize(("name", "id"), [("KILL", "cvmfs-stale"), ("STOP", "cvmfs-hangs")], ids=["dead", "hangs"])
def test_cvmfs_that_is_required_and_does_not_work_refuses_the_boot(box, host, name, id):
    signal_all(host, name)
    refused_and_not_required(box, host, id)


def test_cvmfs_that_is_required_and_empty_refuses_the_boot(box):
    with bound.host(box, "empty", ()) as host:
        refused_and_not_required(box, host, "cvmfs-empty")


def refused_and_not_required(box, host, id):
    refused = boots(box, host, REQUIRED)
    assert (refused.code, refused.warnings, refused.refusals) == (UNFIT, [id], ["cvmfs-required"])
    goes_on = boots(box, host, {"CVMFS_REQUIRED": "false"})
    assert (goes_on.code, goes_on.warnings, goes_on.refusals) == (0, [id], [])


def test_cvmfs_that_is_required_and_that_nobody_bound_refuses_the_boot(box):
    ended = box.run(REQUIRED, (), GOES_ON)
    assert (ended.code, ended.refusals) == (CONFIGURATION, ["cvmfs-required"])


ASKED = {"CVMFSEXEC_REPOS": f"{OASIS} {SINGULARITY}"}


@pytest.fixture
def no_cvmfsexec(box):
    """Options that give a container an image's /cvmfsexec where cvmfsexec is not included."""
    tree = box.new_path()
    tree.mkdir()
    (tree / "NOT_INCLUDED").write_text("left out by a test\n")
    (tree / "default.local").touch()
    return ("-v", f"{tree}:/cvmfsexec:ro")


def test_a_live_bound_cvmfs_wins_over_cvmfsexec(box, host, boot, no_cvmfsexec):
    booted = boot("both", env=ASKED, options=(*bound.options(host), *no_cvmfsexec))
    assert booted.ad["CVMFS_SOURCE"] == '"bound"'
    assert bound.said(booted.ad, OASIS)[0] == "true"
    log = pilot.logs(box.engine, booted.container)
    assert re.search(r"^.*CVMFSEXEC_REPOS has no effect.*bound", log, re.MULTILINE)
    assert "warning: cvmfs" not in log


def test_with_a_dead_bound_cvmfs_cvmfsexec_is_tried(box, host, no_cvmfsexec):
    signal_all(host, "KILL")
    ended = box.run(ASKED, (*bound.options(host), *no_cvmfsexec))
    assert (ended.code, ended.warnings, ended.refusals) == (UNFIT, ["cvmfs-stale"], ["cvmfs-not-in-image"])
    assert "left out by a test" in unwrapped(ended)
