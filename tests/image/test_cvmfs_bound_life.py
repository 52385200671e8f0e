"""Bad days of a bound /cvmfs during a pilot's life: mounts that die or hang cost their own attributes and no more."""

import time

import bound
import payload
import pytest
import runs
import troubles
from bound import CONFIG, IMAGE, OASIS, SINGULARITY
from payload import IN_TINY, TINY, ended, image

from poolbox import jobs, pilot

PLAIN = "#!/bin/sh\necho plain\n"
OFF = {bound.has(OASIS): "false", bound.has(SINGULARITY): "true"}
ON = {bound.has(OASIS): "true"}
STUCK = "CVMFS_STUCK_PROBES"
WATCHED_S = 52
NAMES = ("dying", "hanging", "unkillable", "all-hang")


@pytest.fixture(scope="module")
def hosts(box):
    """Each pilot has a machine of its own."""
    with (
        bound.host(box, "dying") as dying, bound.host(box, "hanging") as hanging,
        bound.host(box, "unkillable") as unkillable, bound.host(box, "all-hang") as all_hang,
    ):  # fmt: skip
        yield dict(zip(NAMES, (dying, hanging, unkillable, all_hang), strict=True))


@pytest.fixture(scope="module")
def sites(box, pool, token_file, hosts):
    pilots = {name: (IN_TINY, bound.options(hosts[name])) for name in NAMES}
    with runs.together(box, pool, token_file, pilots) as booted:
        bound.hasten(box, *booted.values())
        yield booted


def others_run(pool, site):
    """Jobs that do not need CVMFS: in the default image, and in one of their own."""
    sent = [bound.send(pool, site, *more, script=PLAIN) for more in ((), (image(TINY),))]
    assert [ended(pool, job).stdout for job in sent] == ["plain\n"] * 2


def stay(pool, *sent):
    """These jobs have not run, and are not wanted any more."""
    events = [jobs.wait_for_job(pool, job, 0).events for job in sent]
    payload.remove(pool, *sent)
    assert events == [("SUBMIT",)] * len(sent)


@pytest.mark.lane("dying")
def test_a_repository_whose_client_has_died_is_off_within_a_period(box, pool, sites, hosts):
    host, booted = hosts["dying"], sites["dying"]
    host.signal(OASIS, "KILL")
    ad, seconds = bound.wait_for(pool, "dying", **OFF)
    print(f"off after {seconds:.1f} s, with a period of {bound.PERIOD_S} s")
    assert OASIS in ad["CVMFS_COMMENT"]
    assert bound.said(ad, OASIS)[1:] == ["undefined"] * 3
    needs = bound.send(pool, "dying", needs=OASIS)
    others_run(pool, "dying")
    assert ended(pool, bound.send(pool, "dying", image(IMAGE), needs=SINGULARITY, script=PLAIN)).stdout == "plain\n"
    assert ad["Start"] == booted.ad["Start"]
    stay(pool, needs)


@pytest.mark.lane("dying")
def test_a_new_mount_counts_only_after_four_hours(box, pool, sites, hosts):
    """After the test before: the repository is off."""
    bound.replace(hosts["dying"], OASIS)
    time.sleep(3 * bound.PERIOD_S)
    assert box.inside(sites["dying"].container, "cat", f"/cvmfs/{OASIS}/hello") == f"{OASIS}\n"
    assert troubles.ad(pool, "dying")[bound.has(OASIS)] == "false"
    ad, _ = bound.wait_for(pool, "dying", (box, sites["dying"].container), **ON)
    assert bound.said(ad, OASIS) == ["true", bound.REVISION, "0", "-1"]
    assert ended(pool, bound.send(pool, "dying", needs=OASIS)).exit_code == 0


@pytest.mark.lane("dying")
def test_an_io_error_takes_a_repository_off(box, pool, sites, hosts):
    """A new mount has the numbers of one that has just had an error."""
    bound.replace(hosts["dying"], OASIS, {"nioerr": "1", "timestamp_last_ioerr": str(int(time.time()))})
    ad, _ = bound.wait_for(pool, "dying", **OFF)
    has, _, nioerr, age_s = bound.said(ad, OASIS)
    assert (has, nioerr) == ("false", "1")
    assert 0 <= int(age_s) < 120
    bound.replace(hosts["dying"], OASIS)
    bound.wait_for(pool, "dying", (box, sites["dying"].container), **ON)


@pytest.mark.lane("dying")
def test_jobs_with_an_image_in_a_dead_repository_stay(pool, sites, hosts):
    hosts["dying"].signal(SINGULARITY, "KILL")
    bound.wait_for(pool, "dying", **{bound.has(SINGULARITY): "false"})
    needs = bound.send(pool, "dying", image(IMAGE), script=PLAIN)
    others_run(pool, "dying")
    stay(pool, needs)


def nothing_piles_up(box, pool, site, booted, unkillable):
    """For two looks at what hangs (20 s each): the ad counts the question, and no process is added.

    At work are two, the renewal and its child; between looks there are only questions that cannot be killed. A retest
    of containers may have a question, too, for a moment.
    """
    seen = []
    for _ in range(WATCHED_S):
        seen.append(len([name for name in bound.others(box, booted.container) if name in ("cvmfs", "python3")]))
        time.sleep(1)
    print(f"{site}: processes that look at CVMFS, second by second: {seen}")
    assert min(seen[-30:]) <= unkillable
    assert troubles.ad(pool, site)[STUCK] == "1"


def calm(box, booted):
    payload.wait_until(lambda: not bound.others(box, booted.container), 30)


@pytest.mark.lane("hanging")
def test_a_repository_that_hangs_costs_its_attributes_and_no_more(box, pool, sites, hosts):
    booted = sites["hanging"]
    with bound.stopped(hosts["hanging"], OASIS):
        ad, seconds = bound.wait_for(pool, "hanging", **OFF, CVMFS_STUCK_PROBES="1")
        print(f"off after {seconds:.1f} s, with a period of {bound.PERIOD_S} s")
        assert OASIS in ad["CVMFS_COMMENT"]
        needs = bound.send(pool, "hanging", needs=OASIS)
        nothing_piles_up(box, pool, "hanging", booted, 0)
        others_run(pool, "hanging")
        stay(pool, needs)
    bound.wait_for(pool, "hanging", (box, booted.container), **ON, CVMFS_STUCK_PROBES="0")
    calm(box, booted)


@pytest.mark.lane("all-hang")
def test_all_repositories_hang_and_the_pilot_goes_on(box, pool, sites, hosts):
    everything = {bound.has(OASIS): "false", bound.has(SINGULARITY): "false"}
    booted = sites["all-hang"]
    with bound.stopped(hosts["all-hang"], CONFIG, OASIS, SINGULARITY):
        bound.wait_for(pool, "all-hang", **everything, CVMFS_STUCK_PROBES="3")
        others_run(pool, "all-hang")
    bound.wait_for(pool, "all-hang", (box, booted.container), **ON, CVMFS_STUCK_PROBES="0")
    calm(box, booted)


@pytest.mark.lane("unkillable")
def test_questions_that_cannot_be_killed_are_counted_and_never_doubled(box, pool, sites, hosts):
    booted = sites["unkillable"]
    with bound.unkillable(hosts["unkillable"], OASIS):
        ad, _ = bound.wait_for(pool, "unkillable", **OFF, CVMFS_STUCK_PROBES="1")
        assert OASIS in ad["CVMFS_COMMENT"]
        nothing_piles_up(box, pool, "unkillable", booted, 1)
        others_run(pool, "unkillable")
    bound.wait_for(pool, "unkillable", (box, booted.container), **ON, CVMFS_STUCK_PROBES="0")
    calm(box, booted)


@pytest.mark.lane("all-hang")
def test_docker_stop_is_as_fast_as_always_while_cvmfs_hangs(box, pool, sites, hosts):
    with bound.stopped(hosts["all-hang"], *bound.THREE):
        bound.wait_for(pool, "all-hang", CVMFS_STUCK_PROBES="3")
        assert pilot.stop(box.engine, sites["all-hang"].container) == 0, "137 would say that it took longer"
