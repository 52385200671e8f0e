"""What the boot makes of its settings and tests."""

import dataclasses

import pytest

from fakes import NOW, changed, ids, machine, mounted
from ospool_ep.containers import offer, published
from ospool_ep.containers.default_image import CVMFS, Image
from ospool_ep.containers.offer import Containers
from ospool_ep.containers.verdict import Ability
from ospool_ep.machine import Result
from ospool_ep.settings import Settings

ABLE = Ability("1.4.5", directories=True, pid_namespaces=True, sif=True)
THERE = ("realpath", Result(0, "/somewhere\n", ""))
HERE = Settings(site="LAB", resource_name="R")


def look(root, *rows, draw=0.5, **changes):
    settings = dataclasses.replace(HERE, **changes)
    return offer.look(machine(root, answers=changed(*rows)), settings, draw)


def test_an_ordinary_machine(root):
    found, problems = look(root)
    assert found == Containers(ABLE, (), (), "htc/rocky:9", "htc/rocky:9-cuda-12.6.0", Image(), Image())
    assert problems == ()


@pytest.mark.parametrize(("draw", "image"), [(0.0, "a"), (0.24, "a"), (0.25, "b"), (0.99, "b")])
def test_the_draw_chooses(root, draw, image):
    found, _ = look(root, draw=draw, default_distribution="1%__a 3%__b", default_distribution_gpu="")
    assert (found.chosen, found.chosen_gpu) == (image, "")


def test_with_cvmfs_the_default_image_is_there_at_once(root):
    found, _ = look(root, THERE)
    assert found.image == Image(f"{CVMFS}/htc/rocky:9", "CVMFS")
    assert offer.state(found, NOW).image == f"{CVMFS}/htc/rocky:9"


def test_a_registry_is_not_asked_at_the_boot(root):
    found, _ = look(root, default_distribution="1%__docker://alpine")
    assert found.image == Image()
    assert found.chosen == "docker://alpine"


def test_an_image_in_a_cvmfs_that_has_died_is_not_offered():
    found = Containers(ABLE, image=Image("/cvmfs/a.b/i", "CVMFS"), gpu_image=Image("/images/i", "local"))
    left = offer.without(found, lambda path: path.startswith("/cvmfs/a.b/"))
    assert (left.image, left.gpu_image) == (Image(), Image("/images/i", "local"))
    assert offer.without(found, lambda path: False) == found
    assert offer.without(Containers(), lambda path: False) == Containers()


def test_a_cvmfs_that_does_not_answer_is_bound_into_jobs_all_the_same(root):
    """It may come back, and is not tested with: containers would not start."""
    (root / "cvmfs").mkdir()
    mounted(root, "40 31 0:50 / /cvmfs ro shared:5 - autofs /etc/auto.cvmfs ro")
    found, problems = look(root, ("sh /cvmfs", Result(1, "", "")), ("realpath", Result(1, "", "")))
    assert (found.binds, found.later, problems) == ((), ("/cvmfs",), ())
    assert offer.setup(found, HERE, 0).binds == ("/cvmfs",)


def test_the_libraries_of_a_gpus_driver_are_for_the_front():
    assert offer.setup(Containers(ABLE), HERE, 0).gpu_libraries == ()
    assert offer.setup(Containers(ABLE), HERE, 0, ("/a/libcuda.so.1",)).gpu_libraries == ("/a/libcuda.so.1",)


def test_a_bind_that_is_missing_is_a_warning_and_the_others_are_tested(root):
    rows = (("sh /there", Result(0, "/there\n", "")),)
    found, problems = look(root, *rows, bind_extra="/there:/x:ro,/missing")
    assert found.binds == ("/there:/x:ro",)
    assert ids(problems) == ["bind-missing"]
    assert found.able == ABLE


def test_the_tests_get_the_binds(root):
    rows = (THERE, ("-B /data:/x", Result(255, "", "FATAL:   cannot mount")))
    found, problems = look(root, *rows, bind_extra="/data:/x")
    assert not found.able.usable
    assert "cannot mount" in problems[-1].raw


def test_a_site_may_not_want_pid_namespaces(root):
    found, problems = look(root, disable_pid_namespaces=True)
    assert not found.able.pid_namespaces
    assert problems == ()
    assert not offer.setup(found, HERE, 0).pid_namespaces


def test_what_front_and_retest_are_told():
    settings = dataclasses.replace(
        HERE, registry_mirror="http://m:5000", passed_on=(("TZ", "x"), ("https_proxy", "p"), ("SSL_CERT_FILE", "/ca"))
    )
    found = Containers(ABLE, ("/cvmfs",), ("/cvmfs-data",), "a", "b")
    setup = offer.setup(found, settings, 20_000)
    assert (setup.version, setup.pid_namespaces, setup.binds) == ("1.4.5", True, ("/cvmfs-data", "/cvmfs"))
    assert (setup.mirror, setup.plain_http) == ("m:5000", True)
    assert setup.environment == {"https_proxy": "p", "SSL_CERT_FILE": "/ca"}
    assert (setup.default_image, setup.default_gpu_image, setup.cache_mb) == ("a", "b", 2000)


def test_where_no_image_can_be_pulled_no_room_is_kept_for_them():
    assert offer.setup(Containers(dataclasses.replace(ABLE, sif=False)), HERE, 20_000).cache_mb == 0


@pytest.mark.parametrize(
    ("able", "says"),
    [
        (ABLE, ("True", "True", "False")),
        (dataclasses.replace(ABLE, sif=False), ("True", "False", "False")),
        (Ability("1.4.5", comment="x"), ("False", "False", "False")),
        (Ability(), ("False", "False", "False")),
    ],
)
def test_at_the_boot_one_pass_is_enough_and_no_registry_has_answered(able, says):
    found = Containers(able, lasting="for life", comment="today")
    said = published.attributes(offer.setup(found, HERE, 0), offer.state(found, NOW))
    names = ("HAS_SINGULARITY", "SINGULARITY_CAN_USE_SIF", "SINGULARITY_CAN_USE_REGISTRY")
    assert tuple(said[name] for name in names) == says
    assert said["SINGULARITY_COMMENT"] == '"for life; today"'


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (Containers(), "jobs run directly"),
        (Containers(ABLE, image=Image("/i", "local"), chosen="/i"), "/i for jobs that name none"),
        (Containers(ABLE, chosen="htc/rocky:9"), "until a registry answers"),
        (Containers(ABLE, chosen="/i"), "no /i here: jobs that name none run directly"),
        (Containers(ABLE), "jobs that name none run directly"),
    ],
)
def test_where_a_job_runs_that_names_no_image(found, words):
    assert words in offer.summary_of_image(found)


@pytest.mark.parametrize("found", [Containers(ABLE), Containers(ABLE, chosen="/i")])
def test_nothing_is_announced_that_no_registry_can_bring(found):
    assert "until a registry answers" not in offer.summary_of_image(found)


def test_the_binds_are_shown():
    assert offer.summary(Containers(ABLE, ("/cvmfs", "/a:/b"))).endswith(", binds /cvmfs /a:/b")
