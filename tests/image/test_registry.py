"""Jobs whose images come from a registry: a real one, with its own certificate authority."""

import re

import payload
import pytest
import runs
import troubles
from payload import ended, environment, image, send, sent_back

from poolbox import jobs, slots
from poolbox import registry as registries

CA = "/ca.pem"
# A bound that every image of the registry exceeds
ONE_MB = """\
import json, pathlib, sys
path = pathlib.Path(sys.argv[1], "setup.json")
path.write_text(json.dumps(json.loads(path.read_text()) | {"cache_mb": 1}))
"""
SHOW = "#!/bin/sh\nenv\ncat /etc/greeting\n"


@pytest.fixture(scope="module")
def mortal(box, pool, registry):
    """A registry of one test's, to be stopped. The other one has built its image."""
    with registries.registry(
        box.engine, registries.TAG, f"{pool.name}-mortal-registry", pool.name, "mortal.example.org"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def sites(box, pool, token_file, registry, mortal):
    trust = ("-v", f"{registry.ca}:{CA}:ro")
    https = {"SSL_CERT_FILE": CA, "APPTAINER_REGISTRY_MIRROR": registry.https}
    default = {**https, "OSG_DEFAULT_CONTAINER_DISTRIBUTION": f"100%__docker://{registry.https}/group/entry:1"}
    pilots = {
        "https": (https, trust),
        "default": (default, trust),
        "http": ({"APPTAINER_REGISTRY_MIRROR": f"http://{registry.http}"}, ()),
        "alone": ({}, ()),
        "mortal": ({"APPTAINER_REGISTRY_MIRROR": f"http://{mortal.http}"}, ()),
    }
    with runs.together(box, pool, token_file, pilots) as booted:
        troubles.hasten(box, *booted.values())
        yield booted


@pytest.fixture
def ready(pool, sites):
    """Waits until a pilot has asked its registry, and says how the ad looks then."""

    def wait(site):
        asked = f'GLIDEIN_Site == "{site}" && SINGULARITY_CAN_USE_REGISTRY =?= True'
        return slots.wait_for_slot(pool, asked, 90, unless_ended=sites[site].container)

    return wait


def blobs(registry):
    """Pulled so far: layers and the like."""
    return [request for request in registry.requests() if "/blobs/" in request]


@pytest.mark.parametrize(
    "line", ['+SingularityImage = "{}"', "container_image = {}", "universe = container\ncontainer_image = {}"]
)
def test_an_image_of_the_registry_runs_and_is_pulled_once(pool, registry, ready, line):
    ready("https")
    job = (pool, "https", line.format(f"docker://{registry.https}/group/tiny:1"))
    first = ended(pool, send(*job, script=SHOW), 120)
    assert (first.exit_code, first.stdout.splitlines()[-1]) == (0, "new"), first
    before = blobs(registry)
    second = ended(pool, send(*job, script=SHOW))
    assert second.exit_code == 0
    assert (blobs(registry), len(before) > 0) == (before, True)


@pytest.mark.parametrize("name", ["docker://tiny:1", "docker://library/tiny:1", "docker://docker.io/group/tiny:1"])
@pytest.mark.parametrize("site", ["https", "http"])
def test_images_of_docker_hub_come_from_the_mirror(pool, ready, site, name):
    ready(site)
    result = ended(pool, send(pool, site, image(name), script=SHOW), 120)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "new"), result
    assert environment(result.stdout)["PWD"] == "/srv"


def test_a_docker_image_of_condor_submit_comes_from_the_mirror(pool, ready):
    ready("https")
    result = ended(pool, send(pool, "https", "universe = container\ndocker_image = tiny:1", script=SHOW), 120)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "new"), result


def test_an_image_without_a_shell_runs_with_its_own_path(pool, registry, ready):
    ready("https")
    lines = (image(f"docker://{registry.https}/group/static:1"), "transfer_executable = False")
    result = ended(pool, send(pool, "https", *lines, executable="/app/env"), 120)
    assert result.exit_code == 0, result
    assert environment(result.stdout)["PATH"].split(":")[0] == "/app"
    assert environment(result.stdout)["HOME"] == "/srv"


def test_jobs_that_name_none_run_in_a_default_image_of_the_registry(pool, registry, ready):
    ad = ready("default")
    assert f"docker://{registry.https}/group/entry:1" in ad["OSG_DEFAULT_SINGULARITY_IMAGE"]
    assert ad["OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE"] == '"registry"'
    result = ended(pool, send(pool, "default", script="#!/bin/sh\nenv\n"), 120)
    env = environment(result.stdout)
    assert (env["FROM_IMAGE"], env["PATH"].split(":")[0], env["HOME"]) == ("yes", "/opt/entry/bin", "/srv")


def test_an_unknown_image_goes_back_to_the_queue_with_the_registrys_words(box, pool, sites, registry, ready):
    ready("https")
    job = send(pool, "https", image(f"docker://{registry.https}/group/nosuch:1"))
    assert re.search("manifest unknown|name unknown", sent_back(pool, job))
    payload.remove(pool, job)
    container = sites["https"].container
    failures = box.inside(container, "sh", "-c", "cat /pilot/ep-*/apptainer/failures", check=False)
    assert not re.search("^[0-9]+ (containers|sif)", failures, re.MULTILINE)


def test_where_no_registry_answers_jobs_with_such_images_stay(box, pool, sites):
    stays = send(pool, "alone", image("docker://tiny:1"))
    ad = troubles.wait_for_ad(box, pool, sites["alone"], 'SINGULARITY_COMMENT != ""', "asked")
    assert (ad["HAS_SINGULARITY"], ad["SINGULARITY_CAN_USE_REGISTRY"]) == ("true", "false")
    assert "registry-1.docker.io" in ad["SINGULARITY_COMMENT"]
    assert ended(pool, send(pool, "alone")).exit_code == 0
    assert jobs.wait_for_job(pool, stays, 0).events == ("SUBMIT",)
    payload.remove(pool, stays)


def test_the_cache_is_bounded(box, pool, sites, registry, ready):
    ready("http")
    container = sites["http"].container
    record = payload.record(box, container)
    box.inside(container, "python3", "-I", "-c", ONE_MB, str(record), user="osg")
    for name in ("tiny", "entry", "tiny"):
        result = ended(pool, send(pool, "http", image(f"docker://docker.io/group/{name}:1"), script="#!/bin/sh\n"), 120)
        assert result.exit_code == 0, result
    kept = box.inside(container, "sh", "-c", f"ls {record}/cache/cache/oci-tmp").split()
    assert len(kept) == 1, kept
    usual = box.inside(sites["https"].container, "sh", "-c", "ls /pilot/ep-*/apptainer/cache/cache/oci-tmp").split()
    assert len(usual) > 1, usual


def test_a_registry_that_stops_is_seen_and_one_that_comes_back_is_believed_later(box, pool, sites, mortal, ready):
    ready("mortal")
    box.engine.run("pause", mortal.container)
    ad = troubles.wait_for_ad(box, pool, sites["mortal"], "SINGULARITY_CAN_USE_REGISTRY =?= False", "asked")
    assert (ad["HAS_SINGULARITY"], ad["SINGULARITY_CAN_USE_SIF"]) == ("true", "true")
    assert "mortal.example.org" in ad["SINGULARITY_COMMENT"]
    stays = send(pool, "mortal", image("docker://tiny:1"), script=SHOW)
    assert ended(pool, send(pool, "mortal")).exit_code == 0
    assert jobs.wait_for_job(pool, stays, 0).events == ("SUBMIT",)
    box.engine.run("unpause", mortal.container)
    troubles.wait_for_two_passes(box, pool, sites["mortal"], "SINGULARITY_CAN_USE_REGISTRY")
    assert ended(pool, stays, 120).exit_code == 0
