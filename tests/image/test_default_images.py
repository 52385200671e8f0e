"""Jobs that name no image: in the default image, directly where there is none, in one of CVMFS where that is."""

import payload
import pytest
import runs
import troubles
from payload import TINY, ended, environment, image, send

from poolbox import jobs

CVMFS = "/cvmfs/singularity.opensciencegrid.org/htc"


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    """Default settings; containers forbidden; CVMFS bound from the host, and the weights of its images."""
    tree = box.new_path()
    (tree / "singularity.opensciencegrid.org/htc").mkdir(parents=True)
    (tree / "config-osg.opensciencegrid.org").mkdir()
    copy = ("--entrypoint", "cp", "-v", f"{tree}:/made", box.image, "-r", TINY)
    box.engine.run("run", "--rm", "--user", "0", *copy, "/made/singularity.opensciencegrid.org/htc/rocky:9")
    at_cvmfs = ("-v", f"{tree}:/cvmfs:ro")
    weights = {"OSG_DEFAULT_CONTAINER_DISTRIBUTION": f"0%__{TINY} 100%__htc/rocky:9"}
    pilots = {
        "plainly": ({}, ()),
        "barred": (payload.IN_TINY, ("--security-opt", f"seccomp={payload.DEFAULT_SECCOMP}")),
        "cvmfs": (weights, at_cvmfs),
        "blamed": (payload.IN_TINY, ()),
    }
    with runs.together(box, pool, token_file, pilots) as booted:
        yield booted


def container_of(pool, site, *more, script="#!/bin/sh\nenv\nls /cvmfs\n"):
    result = ended(pool, send(pool, site, *more, script=script))
    assert result.exit_code == 0, result
    return environment(result.stdout).get("APPTAINER_CONTAINER"), result.stdout


def said(booted, *names):
    return [booted.ad.get(name) for name in names]


NONE = '"none: jobs that name no image run directly"'
DEFAULT = ("HAS_SINGULARITY", "OSG_DEFAULT_SINGULARITY_IMAGE", "OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE")


def test_without_a_default_image_jobs_that_name_none_run_directly(pool, sites):
    assert said(sites["plainly"], *DEFAULT) == ["true", "undefined", NONE]
    assert container_of(pool, "plainly")[0] is None
    assert container_of(pool, "plainly", image(TINY))[0] == TINY


def test_where_containers_do_not_run_plain_jobs_do_and_container_jobs_stay(pool, sites):
    assert said(sites["barred"], "HAS_SINGULARITY", "HasSingularity") == ["false", "false"]
    assert "seccomp" in sites["barred"].ad["SINGULARITY_COMMENT"]
    stay = [send(pool, "barred", image(TINY)), send(pool, "barred", image("docker://htc/rocky:9"))]
    assert container_of(pool, "barred")[0] is None
    for job in stay:
        assert jobs.wait_for_job(pool, job, 0).events == ("SUBMIT",)
    payload.remove(pool, *stay)


def test_the_default_image_comes_from_cvmfs_where_that_is(pool, sites):
    chosen = f"{CVMFS}/rocky:9"
    ad = sites["cvmfs"].ad
    assert chosen in ad["OSG_DEFAULT_SINGULARITY_IMAGE"]
    assert said(sites["cvmfs"], "OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE", "SINGULARITY_CAN_USE_CVMFS") == [
        '"CVMFS"',
        "true",
    ]
    container, out = container_of(pool, "cvmfs")
    assert container == chosen
    assert "config-osg.opensciencegrid.org" in out


def test_cvmfs_is_in_containers_of_other_images_too(pool, sites):
    container, out = container_of(pool, "cvmfs", image(TINY))
    assert container == TINY
    assert "singularity.opensciencegrid.org" in out


def test_a_job_with_an_image_in_cvmfs_runs_only_where_cvmfs_is(pool, sites):
    stays = send(pool, "plainly", image(f"{CVMFS}/rocky:9"))
    assert container_of(pool, "cvmfs", image(f"{CVMFS}/rocky:9"))[0] == f"{CVMFS}/rocky:9"
    assert jobs.wait_for_job(pool, stays, 0).events == ("SUBMIT",)
    payload.remove(pool, stays)


@pytest.mark.parametrize("name", ["tmp", "var_tmp"])
def test_files_named_like_apptainers_own_directories_are_no_harm(pool, sites, name):
    directory = jobs.new_directory(pool)
    jobs.put_file(pool, f"{directory}/{name}", "the job's own\n")
    script = f"#!/bin/sh\ncat {name}\ntouch /tmp/a /var/tmp/b && ls -d /tmp /var/tmp\n"
    result = ended(pool, send(pool, "blamed", f"transfer_input_files = {name}", script=script, directory=directory))
    assert result.stdout == "the job's own\n/tmp\n/var/tmp\n"


def test_jobs_that_cannot_start_do_not_end_the_default_image(box, pool, sites):
    """Else a job would get out of its container by spoiling three others'."""
    spoiled = [
        send(pool, "blamed", f'+MountUnderScratch = "{place}"') for place in ("/proc/x", "/dev/null/x", "/proc/y")
    ]
    for job in spoiled:
        jobs.wait_for_job(pool, job, 15)
    by_hand = troubles.ByHand(box, sites["blamed"].container)
    said = by_hand.run()
    by_hand.remove()
    payload.remove(pool, *spoiled)
    assert (said["HAS_SINGULARITY"], TINY in said["OSG_DEFAULT_SINGULARITY_IMAGE"]) == ("True", True), said
    assert container_of(pool, "blamed")[0] == TINY
