"""What disappears during a pilot's life, and what comes back; and what a retest costs and leaves."""

import re
import time

import payload
import pytest
import runs
import troubles
from payload import IN_TINY, TINY, ended, image, send, sent_back, wait_until

from poolbox import jobs, pilot

FUSE = "/dev/fuse"


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    site = box.new_path()
    site.mkdir()
    hanging = ({**IN_TINY, "SINGULARITY_BIND_EXTRA": "/site"}, ("-v", f"{site}:/site"))
    pilots = {"fuse": (IN_TINY, ()), "proc": (IN_TINY, ()), "hang": hanging, "dead": hanging, "calm": (IN_TINY, ())}
    with runs.together(box, pool, token_file, pilots) as booted:
        troubles.hasten(box, *booted.values())
        yield booted


def sif_job(pool, site):
    directory = jobs.new_directory(pool)
    pool.exec("cp", f"{TINY}.sif", f"{directory}/my.sif", user=jobs.USER)
    return send(pool, site, "container_image = my.sif", directory=directory)


def told(box, booted):
    """What the retest wrote into the container's log."""
    return [line for line in pilot.logs(box.engine, booted.container).splitlines() if " RETEST " in line]


@pytest.mark.lane("fuse")
def test_sif_files_go_off_after_one_failed_job_and_come_back_after_two_passes(box, pool, sites):
    """The startd's own retests: a failed job makes the next one test."""
    booted = sites["fuse"]
    box.inside(booted.container, "chmod", "0600", FUSE, user="0")
    job = sif_job(pool, "fuse")
    assert "this machine can no longer run .sif containers" in sent_back(pool, job)
    wait_until(lambda: troubles.ad(pool, "fuse")["SINGULARITY_CAN_USE_SIF"] == "false", 100)
    ad = troubles.ad(pool, "fuse")
    assert (ad["HAS_SINGULARITY"], ad["SINGULARITY_CAN_USE_REGISTRY"]) == ("true", "false")
    assert FUSE in ad["SINGULARITY_COMMENT"]
    assert ended(pool, send(pool, "fuse", image(TINY))).exit_code == 0
    starts = jobs.wait_for_job(pool, job, 0).events.count("EXECUTE")
    assert ended(pool, send(pool, "fuse")).exit_code == 0
    result = jobs.wait_for_job(pool, job, 0)
    assert (result.state, result.events.count("EXECUTE")) == ("waiting", starts)

    box.inside(booted.container, "chmod", "0666", FUSE, user="0")
    troubles.wait_for_two_passes(box, pool, booted, "SINGULARITY_CAN_USE_SIF")
    assert ended(pool, job).exit_code == 0
    log = "\n".join(told(box, booted))
    assert re.search("SINGULARITY_CAN_USE_SIF = False.*SINGULARITY_CAN_USE_SIF = True", log, re.DOTALL), log


@pytest.mark.lane("proc")
def test_all_containers_go_off_when_they_do_not_start_any_more(box, pool, sites):
    booted = sites["proc"]
    stays = image(TINY)
    with troubles.over_proc(box, booted.container):
        ad = troubles.wait_for_ad(box, pool, booted, "HAS_SINGULARITY =?= False")
        assert "/proc" in ad["SINGULARITY_COMMENT"]
        assert (ad["SINGULARITY_CAN_USE_SIF"], ad["SINGULARITY_USE_PID_NAMESPACES"]) == ("false", "false")
        job = send(pool, "proc", stays)
        plain = ended(pool, send(pool, "proc", script="#!/bin/sh\nenv\n"))
        assert "APPTAINER_CONTAINER" not in plain.stdout
        assert jobs.wait_for_job(pool, job, 0).events == ("SUBMIT",)
    troubles.wait_for_two_passes(box, pool, booted, "HAS_SINGULARITY")
    assert ended(pool, job).exit_code == 0


LIST = "#!/bin/sh\nenv\nls /site\n"
HANGS = 'regexp("/site.*hanging", SINGULARITY_COMMENT)'
WELL = f"HAS_SINGULARITY && !{HANGS}"


@pytest.mark.lane("hang")
def test_a_mount_that_hangs_is_left_out_and_nothing_piles_up(box, pool, sites):
    booted = sites["hang"]
    with troubles.served(box, booted.container, "/site", f"{pool.name}-server") as server:
        assert "apptainer.conf" in ended(pool, send(pool, "hang", script=LIST)).stdout
        box.engine.run("pause", server)
        without_the_mount(box, pool, booted)
        box.engine.run("unpause", server)
        troubles.wait_for_ad(box, pool, booted, WELL)
        assert "apptainer.conf" in ended(pool, send(pool, "hang", script=LIST)).stdout
    wait_until(lambda: beside_htcondor(box, booted) == 0)


@pytest.mark.lane("dead")
def test_a_mount_whose_waiters_cannot_be_killed_does_no_more_harm(box, pool, sites):
    booted = sites["dead"]
    with troubles.dead(box, booted.container, "/site", f"{pool.name}-dead-server"):
        without_the_mount(box, pool, booted)
    troubles.wait_for_ad(box, pool, booted, WELL)
    assert ended(pool, send(pool, "dead", image(TINY))).exit_code == 0
    wait_until(lambda: beside_htcondor(box, booted) == 0)


def without_the_mount(box, pool, booted):
    """The ad names the mount, jobs run in containers without it, and retest after retest leaves no more processes."""
    troubles.wait_for_ad(box, pool, booted, HANGS)
    result = ended(pool, send(pool, booted.ad["GLIDEIN_Site"].strip('"'), script=LIST))
    assert "APPTAINER_CONTAINER=" in result.stdout
    assert "apptainer.conf" not in result.stdout
    seen = []
    for _ in range(40):
        troubles.hurry(box, booted.container)  # every retest has something to test
        seen.append(beside_htcondor(box, booted))
        time.sleep(1)
    print(f"processes beside HTCondor's, second by second: {seen}")
    assert min(seen[-10:]) < 4


def beside_htcondor(box, booted):
    """How many processes there are that are not HTCondor's."""
    processes = pilot.processes(box.engine, booted.container)
    return len([process for process in processes if not process.name.startswith("condor_")])


FAILING = ("exit 255", "exit 1", "exit 137", "kill -9 $$", "exit 127")


@pytest.mark.lane("calm")
def test_jobs_that_merely_fail_and_broken_images_change_nothing(box, pool, sites):
    booted = sites["calm"]
    failing = [send(pool, "calm", script=f"#!/bin/sh\n{command}\n") for command in FAILING]
    directory = jobs.new_directory(pool)
    jobs.put_file(pool, f"{directory}/broken.sif", "not an image\n")
    broken = send(pool, "calm", "container_image = broken.sif", directory=directory)
    results = [ended(pool, job) for job in failing]
    assert [result.exit_code for result in results[:3]] == [255, 1, 137]
    assert "broken.sif cannot be started here" in sent_back(pool, broken)
    payload.remove(pool, broken)
    record = payload.record(box, booted.container)
    assert "containers" not in box.inside(booted.container, "sh", "-c", f"cat {record}/failures", check=False)
    assert troubles.ad(pool, "calm")["HAS_SINGULARITY"] == "true"
    assert troubles.ad(pool, "calm")["SINGULARITY_CAN_USE_SIF"] == "true"
