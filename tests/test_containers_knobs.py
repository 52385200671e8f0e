"""HTCondor's configuration of job containers, evaluated as the starter does it."""

import classad2
import pytest

from ospool_ep import classads
from ospool_ep.containers.knobs import knobs

NONE = classad2.Value.Undefined


def of_job(job, **slot):
    """Whether the job runs in a container, and in which image."""
    said, machine = knobs("/r", True), classad2.ClassAd(slot)
    found = [
        classads.parse(said[name]).eval(machine, classad2.ClassAd(job))
        for name in ("SINGULARITY_JOB", "SINGULARITY_IMAGE_EXPR")
    ]
    return found[0] is True, found[1]


ON = {"HAS_SINGULARITY": True}
DEFAULT = ON | {"OSG_DEFAULT_SINGULARITY_IMAGE": "/default"}


@pytest.mark.parametrize(
    ("job", "slot", "expected"),
    [
        ({}, {}, (False, NONE)),
        ({}, {"HAS_SINGULARITY": False, "OSG_DEFAULT_SINGULARITY_IMAGE": "/default"}, (False, "/default")),
        ({}, ON, (False, NONE)),
        ({}, DEFAULT, (True, "/default")),
        ({"WantContainer": False, "WantDocker": False}, DEFAULT, (True, "/default")),
        ({"SingularityImage": "/i"}, ON, (True, "/i")),
        ({"SingularityImage": "/i"}, DEFAULT, (True, "/i")),
        ({"ContainerImage": "x.sif", "WantContainer": True}, DEFAULT, (True, "x.sif")),
        ({"DockerImage": "alpine"}, DEFAULT, (True, "docker://alpine")),
        ({"DockerImage": "docker://alpine"}, ON, (True, "docker://alpine")),
        ({"SingularityImage": "/i", "ContainerImage": "/c", "DockerImage": "d"}, DEFAULT, (True, "/i")),
        ({"SingularityImage": "/i"}, {"HAS_SINGULARITY": False}, (False, "/i")),
        ({"SingularityImage": "/i", "HAS_SINGULARITY": True}, {}, (False, "/i")),
    ],
)
def test_every_payload_runs_in_its_image_or_in_the_default_one(job, slot, expected):
    assert of_job(job, **slot) == expected


@pytest.mark.parametrize(("pattern", "runs"), [("^/cvmfs/a[.]b/", False), ("^/cvmfs/(?!(a[.]b)/)", True), (NONE, True)])
def test_while_the_default_image_is_out_of_reach_jobs_that_name_none_run_directly(pattern, runs):
    slot = ON | {"OSG_DEFAULT_SINGULARITY_IMAGE": "/cvmfs/a.b/i", "CVMFS_UNUSABLE": pattern}
    assert of_job({}, **slot)[0] is runs
    assert of_job({"CVMFS_UNUSABLE": "^/cvmfs"}, **DEFAULT) == (True, "/default"), "the machine's word, not the job's"
    assert of_job({"SingularityImage": "/i"}, **slot) == (True, "/i")


def test_a_job_cannot_choose_the_default_image_or_its_own_binds():
    job = {"OSG_DEFAULT_SINGULARITY_IMAGE": "/evil", "SingularityBind": "/run/ospool-ep:/x"}
    assert of_job(job, **DEFAULT) == (True, "/default")
    assert classads.parse(knobs("/r", True)["SINGULARITY_BIND_EXPR"]).eval() == ""


@pytest.mark.parametrize("able", [True, False])
def test_pid_namespaces_as_seen(able):
    assert knobs("/r", able)["SINGULARITY_USE_PID_NAMESPACES"] == str(able)


def test_the_scratch_directory_is_srv_and_no_other():
    said = knobs("/r", True)
    assert (said["SINGULARITY_TARGET_DIR"], said["STARTER_NESTED_SCRATCH"]) == ("/srv", "False")


def test_htcondor_calls_the_front_and_tests_each_image_before_its_job():
    said = knobs("/r", True)
    assert said["SINGULARITY"] == "/usr/libexec/ospool-ep/apptainer"
    assert said["SINGULARITY_RUN_TEST_BEFORE_JOB"] == "True"


def test_the_retest_is_started_more_often_than_it_tests():
    said = knobs("/record", True)
    assert said["STARTD_CRON_CONTAINERS_ARGS"] == "/record"
    assert said["STARTD_CRON_CONTAINERS_MODE"] == "Periodic"
    assert int(said["STARTD_CRON_CONTAINERS_PERIOD"].removesuffix("s")) <= 60
