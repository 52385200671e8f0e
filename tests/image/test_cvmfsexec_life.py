"""What becomes of a CVMFS that a stand-in for cvmfsexec has mounted: nothing mounts it again."""

import re

import bound
import cvmfs_standin
import payload
import pytest
import runs
import troubles
from cvmfs_standin import MASKED, OASIS, OPEN, SINGULARITY
from payload import TINY, ended, image, send

from poolbox import jobs, pilot, slots

NEEDS_OASIS = f"TARGET.HAS_CVMFS_{cvmfs_standin.attribute(OASIS)}"
AGAIN = 75
# Pilots of both of cvmfsexec's modes
HANGS = ("hangs", "hangs-masked")
ALL = ("all", "all-masked")
# Who holds a lock, and is a question. Others may be asked meanwhile: that takes milliseconds
HOLDERS = f"""\
import os, pathlib
for line in pathlib.Path("/proc/locks").read_text().splitlines():
    _, kind, *_, pid, _, _, _ = line.replace("-> ", "").split()
    try:
        words = pathlib.Path("/proc", pid, "cmdline").read_text()
        files = [os.readlink(one) for one in pathlib.Path("/proc", pid, "fd").iterdir()]
    except OSError:
        continue
    if kind == "FLOCK" and "look.py" in words and any(one.endswith("/{OASIS}") for one in files):
        print(pid)
"""
WAITS = "#!/bin/sh\necho started\n: >here\nwhile [ ! -e go ]; do sleep 0.2; done\necho ended\n"
SCRATCH = "/pilot/ep-*/execute/dir_*"


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    mounts = cvmfs_standin.mounts(box)
    repos = cvmfs_standin.REPOS
    pilots = {
        "one": (repos, (*OPEN, *mounts)),
        "hangs": (repos, (*OPEN, *mounts)),
        "hangs-masked": (repos, (*MASKED, *mounts)),
        "all": ({**repos, **payload.IN_TINY}, (*OPEN, *mounts)),
        "all-masked": ({**repos, **payload.IN_TINY}, (*MASKED, *mounts)),
        "optional": ({**repos, **payload.IN_TINY, "CVMFS_REQUIRED": "false"}, (*OPEN, *mounts)),
        "config": (repos, (*OPEN, *mounts)),
    }
    with cvmfs_standin.together(box, pool, token_file, pilots) as booted:
        bound.hasten(box, *booted.values())
        yield booted


def needs_oasis(pool, site, script="#!/bin/sh\ntrue\n"):
    """A job that asks for the repository in its requirements."""
    return jobs.submit(pool, described(site), {"run.sh": script})


def described(site):
    return runs.description(f"{runs.at_site(site)} && {NEEDS_OASIS}", runs.PROJECT)


def others_run(pool, site):
    """Jobs that do not need CVMFS: one directly, one in a container."""
    for job in (send(pool, site, script="#!/bin/sh\nexit 0\n"), send(pool, site, image(TINY))):
        assert ended(pool, job).exit_code == 0


def stays(pool, job):
    assert jobs.wait_for_job(pool, job, 0).events == ("SUBMIT",)
    payload.remove(pool, job)


@pytest.mark.lane("one")
def test_when_a_standin_for_the_client_of_one_repository_dies_only_its_jobs_stay_away(box, pool, sites):
    assert ended(pool, needs_oasis(pool, "one")).exit_code == 0
    cvmfs_standin.signal(box, sites["one"].container, "KILL", OASIS)
    ad = cvmfs_standin.wait_for_ad(pool, "one", lambda ad: cvmfs_standin.has(ad, OASIS) == "false")
    assert (cvmfs_standin.has(ad, SINGULARITY), ad["CVMFS_LOST"], ad["CVMFS_STUCK_PROBES"]) == ("true", "false", "0")
    assert "Transport endpoint is not connected" in ad["CVMFS_COMMENT"]
    assert OASIS in ad["CVMFS_COMMENT"]
    job = needs_oasis(pool, "one")
    others_run(pool, "one")
    stays(pool, job)
    log = pilot.logs(box.engine, sites["one"].container)
    assert len(re.findall(f" {OASIS} is dead", log)) == 1, log
    assert pilot.stop(box.engine, sites["one"].container) == 0


def several(box, container, seen):
    """All that hold the lock from now on, until two questions have held it one after the other."""

    def twice():
        seen.add(tuple(questions(box, container)))
        return len(seen - {()}) > 1

    payload.wait_until(twice, 90)


@pytest.mark.lane("hangs")
def test_when_a_standin_for_the_client_hangs_the_pilot_is_unharmed(box, pool, sites):
    for site in HANGS:
        cvmfs_standin.signal(box, sites[site].container, "STOP", OASIS)
    waiting = []
    for site in HANGS:
        ad = cvmfs_standin.wait_for_ad(pool, site, lambda ad: cvmfs_standin.has(ad, OASIS) == "false", 90)
        told = [ad["CVMFS_STUCK_PROBES"], ad["CVMFS_LOST"], cvmfs_standin.has(ad, SINGULARITY)]
        assert told == ["1", "false", "true"]
        assert "does not answer" in ad["CVMFS_COMMENT"]
        waiting.append(needs_oasis(pool, site))
        others_run(pool, site)
    # Several periods later there is still one question, but for a moment now and then
    seen = {site: set() for site in HANGS}
    for site in HANGS:
        several(box, sites[site].container, seen[site])
    for site, job in zip(HANGS, waiting, strict=True):
        stays(pool, job)
        assert max(map(len, seen[site])) == 1, seen
        assert troubles.ad(pool, site)["CVMFS_STUCK_PROBES"] == "1"
        cvmfs_standin.signal(box, sites[site].container, "CONT", OASIS)
    for site in HANGS:
        ad = cvmfs_standin.wait_for_ad(pool, site, lambda ad: ad["CVMFS_STUCK_PROBES"] == "0", 90)
        # Four hours have to pass
        assert cvmfs_standin.has(ad, OASIS) == "false"
        assert "counts again after 4 hours" in ad["CVMFS_COMMENT"]


def questions(box, container):
    """Pids of questions that hold the lock of a repository."""
    return box.inside(container, "python3", "-I", "-c", HOLDERS, user="osg").split()


@pytest.mark.lane("hangs")
@pytest.mark.parametrize("site", HANGS)
def test_a_stop_while_the_standins_for_the_client_hang(box, pool, sites, site):
    container = sites[site].container
    cvmfs_standin.signal(box, container, "STOP")
    payload.wait_until(lambda: questions(box, container))
    assert pilot.stop(box.engine, container) == 0, "137 would say that it took longer than the window"
    slots.wait_until_gone(pool, f'GLIDEIN_Site == "{site}"', 20)


@pytest.mark.lane("all")
def test_when_all_standins_for_the_client_die_the_pilot_drains_and_leaves(box, pool, sites):
    running = {site: send(pool, site, script=WAITS) for site in ALL}
    for site in ALL:
        container = sites[site].container
        payload.wait_until(lambda name=container: box.inside(name, "sh", "-c", f"ls {SCRATCH}/here", check=False))
        cvmfs_standin.signal(box, container, "KILL")
    for site in ALL:
        ad = cvmfs_standin.wait_for_ad(pool, site, lambda ad: ad["CVMFS_LOST"] == "true")
        assert (cvmfs_standin.has(ad, OASIS), cvmfs_standin.has(ad, SINGULARITY)) == ("false", "false")
    late = [send(pool, site) for site in ALL]
    for site in ALL:
        box.inside(sites[site].container, "sh", "-c", f"for one in {SCRATCH}; do : >$one/go; done", user="osg")
        assert ended(pool, running[site]).stdout == "started\nended\n"
        code = pilot.wait(box.engine, sites[site].container, 90)
        assert code == AGAIN, pilot.logs(box.engine, sites[site].container, 30)
        slots.wait_until_gone(pool, f'GLIDEIN_Site == "{site}"', 20)
        assert "exit code 75" in pilot.logs(box.engine, sites[site].container)
    for job in late:
        stays(pool, job)


@pytest.mark.lane("optional")
def test_where_cvmfs_is_not_required_the_death_of_all_standins_for_the_client_ends_nothing(box, pool, sites):
    cvmfs_standin.signal(box, sites["optional"].container, "KILL")
    ad = cvmfs_standin.wait_for_ad(pool, "optional", lambda ad: cvmfs_standin.has(ad, OASIS) == "false")
    assert ad["CVMFS_LOST"] == "false"
    others_run(pool, "optional")


@pytest.mark.lane("config")
def test_a_pilot_whose_standin_for_the_config_repositorys_client_dies_goes_on(box, pool, sites):
    """What is mounted does not need it any more."""
    cvmfs_standin.signal(box, sites["config"].container, "KILL", cvmfs_standin.CONFIG)
    ad = cvmfs_standin.wait_for_ad(pool, "config", lambda ad: cvmfs_standin.has(ad, cvmfs_standin.CONFIG) == "false")
    assert (ad["CVMFS_LOST"], cvmfs_standin.has(ad, OASIS)) == ("false", "true")
    assert ended(pool, needs_oasis(pool, "config", f"#!/bin/sh\ncat /cvmfs/{OASIS}/README\n")).stdout == "from oasis\n"
