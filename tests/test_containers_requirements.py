"""What START asks about a job's container, evaluated against real job ads."""

import dataclasses
import time

import classad2
import pytest

from fakes import NOW, SETUP, STATE
from ospool_ep import ad, classads, policy, pools
from ospool_ep.containers import published, requirements
from ospool_ep.cvmfs import published as cvmfs_published
from ospool_ep.cvmfs.record import BOUND, State
from ospool_ep.cvmfs.repositories import Repository
from ospool_ep.process_limits import ProcessLimits
from ospool_ep.settings import Settings

JOB = {"ProjectName": "Physics", "User": "alice@ap.example.org"}
HERE = Settings(site="LAB", resource_name="LAB-EP1")
WITH_CVMFS = dataclasses.replace(STATE, cvmfs=True)
# What the machine can do: all of it, then all but one thing.
MACHINES = {
    "all": (SETUP, WITH_CVMFS),
    "containers": (SETUP, dataclasses.replace(WITH_CVMFS, containers=0)),
    "sif": (SETUP, dataclasses.replace(WITH_CVMFS, sif=0)),
    "registry": (SETUP, dataclasses.replace(WITH_CVMFS, registry=1)),
    "cvmfs": (SETUP, STATE),
    "disk": (SETUP, dataclasses.replace(WITH_CVMFS, disk_full=True)),
}
REGISTRY, FILE, CVMFS, DIRECTORY = (
    {"containers", "sif", "registry", "disk"}, {"containers", "sif"}, {"containers", "cvmfs"}, {"containers"},
)  # fmt: skip
NEVER = set(MACHINES)
# Without what an image of this name does not start.
NEEDS = {
    "docker://alpine": REGISTRY,
    "docker://hub.opensciencegrid.org/htc/rocky:9": REGISTRY,
    "docker://server:5000/odd.sif": REGISTRY,
    "oras://ghcr.io/x/y:1": REGISTRY,
    "library://user/x": REGISTRY,
    "https://example.org/x.sif": REGISTRY,
    "image.sif": FILE,
    "./sub/image.sif": FILE,
    "/images/el9.sif": FILE,
    "osdf:///ospool/x.sif": FILE,
    "pelican://host/x.sif": FILE,
    "/cvmfs/singularity.opensciencegrid.org/htc/rocky:9": CVMFS,
    "/cvmfs/unpacked.cern.ch/x.sif": CVMFS | FILE,
    "/images/el9": DIRECTORY,
    "image-directory": DIRECTORY,
    "/images/a:b": DIRECTORY,
    "/images/x.sif.d": DIRECTORY,
    "/images/a  [1] 'b'": DIRECTORY,
    "instance://x": NEVER,
    "docker-daemon:x:latest": NEVER,
    "oci:/x": NEVER,
    "oci-archive:x.tar": NEVER,
    "osdf:///ospool/directory": NEVER,
    "docker:alpine": NEVER,
    # What an ad cannot say again (OSG_FAILED_IMAGES).
    "": NEVER,
    "/images/\\": NEVER,
    '/images/"x"': NEVER,
    "/images/ü": NEVER,
    "/images/x\n": NEVER,
    "/images/\x01": NEVER,
    "docker://a\tb": NEVER,
}


def machine_ad(setup=SETUP, state=WITH_CVMFS, failed=()):
    containers = published.attributes(setup, state, failed)
    life = ad.lifetime(HERE, int(time.time()))
    texts = ad.attributes(HERE, pools.choose(HERE, lambda count: 0), life, containers, ProcessLimits())
    found = classad2.ClassAd({"Cpus": 8, "Memory": 32000, "LoadAvg": 0.5, "DetectedCpus": 8})
    for name, text in texts.items():
        found[name] = classads.parse(text)
    return found


def starts(job, machine):
    answer = classads.parse(policy.start(HERE)).eval(machine, classad2.ClassAd(JOB | job))
    assert isinstance(answer, bool), "START must never be undefined"
    return answer


@pytest.mark.parametrize("lacking", MACHINES)
@pytest.mark.parametrize("image", NEEDS)
@pytest.mark.parametrize("name", ["SingularityImage", "ContainerImage"])
def test_an_image_starts_where_nothing_is_lacking_that_it_needs(name, image, lacking):
    assert starts({name: image}, machine_ad(*MACHINES[lacking])) is (lacking not in NEEDS[image])


@pytest.mark.parametrize("lacking", MACHINES)
@pytest.mark.parametrize("image", ["alpine", "docker:dind", "quay.io/x/y:1", "docker://alpine", "x.sif"])
def test_what_docker_jobs_name_comes_from_a_registry(image, lacking):
    job = {"DockerImage": image, "WantDockerImage": True, "WantContainer": True}
    assert starts(job, machine_ad(*MACHINES[lacking])) is (lacking not in REGISTRY)


@pytest.mark.parametrize("lacking", MACHINES)
def test_a_job_without_an_image_starts_everywhere(lacking):
    assert starts({}, machine_ad(*MACHINES[lacking]))


UNUSABLE = State(
    BOUND, (Repository("unpacked.cern.ch", "EIO"), Repository("singularity.opensciencegrid.org", seen=True))
)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("/cvmfs/singularity.opensciencegrid.org/htc/rocky:9", True),
        ("/cvmfs/unpacked.cern.ch/x", False),
        ("/cvmfs/unpacked.cern.ch.example.org/x", True),
        ("/cvmfs/nobody.knows.it/x", True),
        ("/images/cvmfs/unpacked.cern.ch/x", True),
        ("docker://unpacked.cern.ch/x", True),
        (None, True),
    ],
)
def test_an_image_in_a_repository_that_cannot_be_counted_on_waits(image, expected):
    machine = machine_ad()
    for name, text in cvmfs_published.attributes(UNUSABLE, NOW).items():
        machine[name] = classads.parse(text)
    assert starts({"SingularityImage": image} if image else {}, machine) is expected


def test_the_first_name_counts():
    machine = machine_ad(*MACHINES["registry"])
    assert starts({"SingularityImage": "/i", "ContainerImage": "docker://a", "DockerImage": "b"}, machine)
    assert not starts({"ContainerImage": "docker://a", "DockerImage": "b"}, machine)


@pytest.mark.parametrize("value", [5, True, 1.5, ["a"]])
def test_an_image_that_is_no_text_leaves_start_defined(value):
    assert isinstance(starts({"SingularityImage": value}, machine_ad()), bool)


@pytest.mark.parametrize(
    "claim",
    ["SINGULARITY_CAN_USE_REGISTRY", "SINGULARITY_START_CLAUSE", "HAS_SINGULARITY", "SINGULARITY_CAN_USE_SIF"],
)
def test_a_job_cannot_answer_for_the_machine(claim):
    assert not starts({"SingularityImage": "docker://a", claim: True}, machine_ad(*MACHINES["registry"]))


def test_a_job_cannot_say_which_image_it_names():
    assert not starts({"SingularityImage": "docker://a", "OSG_JOB_IMAGE": "/i"}, machine_ad(*MACHINES["registry"]))


def test_an_image_that_failed_waits_and_others_do_not():
    machine = machine_ad(failed=("alice@ap.example.org docker://broken", "bob@ap.example.org /i"))
    assert not starts({"SingularityImage": "docker://broken"}, machine)
    assert not starts({"ContainerImage": "docker://broken"}, machine)
    assert not starts({"DockerImage": "broken"}, machine)
    assert starts({"SingularityImage": "docker://other"}, machine)
    assert starts({}, machine)


def test_what_failed_for_one_user_is_nobody_elses_affair():
    machine = machine_ad(failed=("bob@ap.example.org /i",))
    assert starts({"SingularityImage": "/i"}, machine)
    assert not starts({"SingularityImage": "/i", "User": "bob@ap.example.org"}, machine)


def test_without_the_list_no_job_waits():
    machine = machine_ad()
    del machine["OSG_FAILED_IMAGES"]
    assert starts({"SingularityImage": "/i"}, machine)


def test_a_tool_daemon_would_run_outside_of_the_container():
    assert not starts({"ToolDaemonCmd": "x"}, machine_ad())


def test_the_clause_is_never_undefined():
    clause = classads.parse(requirements.CONTAINER_START)
    for image in (*NEEDS, 5, None):
        job = classad2.ClassAd(JOB | ({} if image is None else {"SingularityImage": image}))
        for setup, state in MACHINES.values():
            assert isinstance(clause.eval(machine_ad(setup, state), job), bool)
