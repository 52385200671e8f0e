"""A healthy /cvmfs of the host, with squashfuse for its client, in a pilot: jobs read it, the ad says what is there."""

import re
import time

import bound
import payload
import pytest
import runs
from bound import CONFIG, IMAGE, OASIS, REVISION, SINGULARITY
from payload import TINY, ended, image

from poolbox import cvmfs, jobs, pilot

HOUR_S = 3600
RECENT, OLD, PLAIN, ABSENT = "sft.cern.ch", "cms.cern.ch", "atlas.cern.ch", "larsoft-ib.opensciencegrid.org"
NOT_THERE = ["false", None, None, None]


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    """`at-host`: three good repositories, two that have had I/O errors, a directory that nothing is mounted on.

    `directly`: the same, where containers do not run. `without-cvmfs`: none.
    """
    with bound.host(box, "good") as host:
        for repository, age_s in ((RECENT, HOUR_S), (OLD, 5 * HOUR_S)):
            host.serve(repository, {"nioerr": "3", "timestamp_last_ioerr": str(int(time.time()) - age_s)})
        host.run("mkdir", f"{host.path}/{PLAIN}")
        barred = ("--security-opt", f"seccomp={payload.DEFAULT_SECCOMP}")
        pilots = {
            "at-host": ({"OSG_DEFAULT_CONTAINER_DISTRIBUTION": f"100%__{cvmfs.IMAGE}"}, bound.options(host)),
            "directly": ({}, (*bound.options(host), *barred)),
            "without-cvmfs": ({}, ()),
        }
        with runs.together(box, pool, token_file, pilots) as booted:
            yield booted


@pytest.fixture(scope="module")
def ad(sites):
    return sites["at-host"].ad


# Where a job runs, what it asks for, and what it then runs in
KINDS = {
    "no container": ("directly", "", "no container"),
    "an image directory": ("at-host", image(TINY), TINY),
    "an image in CVMFS": ("at-host", image(IMAGE), IMAGE),
    "the default image in CVMFS": ("at-host", "", IMAGE),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_reads_a_file_from_a_bound_cvmfs(pool, sites, kind):
    site, more, container = KINDS[kind]
    result = ended(pool, bound.send(pool, site, more, needs=OASIS))
    assert (result.exit_code, result.stdout) == (0, f"{OASIS}\nin {container}\n")


@pytest.mark.parametrize("repository", [OASIS, SINGULARITY])
def test_the_ad_has_the_clients_numbers(ad, repository):
    assert bound.said(ad, repository) == ["true", REVISION, "0", "-1"]


def test_the_ad_says_where_cvmfs_comes_from(ad, sites):
    assert (ad["CVMFS_SOURCE"], ad["CVMFS_STUCK_PROBES"]) == ('"bound"', "0")
    assert ad["CVMFS_LOST"] == "false"
    assert not [name for name in sites["without-cvmfs"].ad if "CVMFS_SOURCE" in name]


@pytest.mark.parametrize("repository", [ABSENT, "stash.osgstorage.org"])
def test_a_repository_that_is_not_there_is_said_to_be_not_there(ad, repository):
    assert bound.said(ad, repository) == NOT_THERE


def test_a_directory_that_nothing_is_mounted_on_is_no_repository(ad):
    assert bound.said(ad, PLAIN)[0] == "false"


def test_an_io_error_of_the_last_four_hours_counts_as_absence(ad):
    has, revision, nioerr, age_s = bound.said(ad, RECENT)
    assert (has, revision, nioerr) == ("false", "1", "3")
    assert HOUR_S <= int(age_s) < HOUR_S + 300


def test_an_older_io_error_does_not(ad):
    has, _, nioerr, age_s = bound.said(ad, OLD)
    assert (has, nioerr) == ("true", "3")
    assert 5 * HOUR_S <= int(age_s) < 5 * HOUR_S + 300


def test_a_job_that_needs_what_is_not_there_stays_where_it_is(pool, sites):
    stays = [bound.send(pool, "at-host", needs=RECENT), bound.send(pool, "without-cvmfs", needs=OASIS)]
    assert ended(pool, bound.send(pool, "at-host", needs=OLD)).exit_code == 0
    assert ended(pool, bound.send(pool, "without-cvmfs", script="#!/bin/sh\nls /cvmfs\n")).stdout == ""
    for job in stays:
        assert jobs.wait_for_job(pool, job, 0).events == ("SUBMIT",)
    payload.remove(pool, *stays)


def test_the_log_says_what_is_there_and_what_has_failed(box, sites):
    log = pilot.logs(box.engine, sites["at-host"].container)
    assert f"{OASIS} (revision {REVISION})" in log
    assert "warning: cvmfs-io-errors" in log
    assert re.search(f"found: {re.escape(RECENT)} failed 6[0-9] minutes ago", log)


def test_what_is_mounted_on_the_host_later_is_seen(box, pool, boot):
    """What :shared is good for: the host's automounter mounts a repository when somebody asks for it."""
    later = "sw.hsf.org"
    with bound.host(box, "later") as host:
        booted = boot("later", options=bound.options(host))
        assert bound.said(booted.ad, later) == NOT_THERE
        host.serve(later)
        bound.hasten(box, booted)
        bound.wait_for(pool, "later", (box, booted.container), **{bound.has(later): "true"})


def test_the_config_repository_comes_into_containers_too(pool, sites):
    script = f"#!/bin/sh\ncat /cvmfs/{CONFIG}/hello\n"
    assert ended(pool, bound.send(pool, "at-host", image(TINY), script=script)).stdout == f"{CONFIG}\n"
