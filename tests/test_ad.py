import pytest

from fakes import ABLE, NOW
from ospool_ep import CONTAINER_TAG, ad, classads, pools
from ospool_ep.process_limits import ProcessLimits
from ospool_ep.settings import Settings


def attributes(containers=ABLE, **changes):
    settings = Settings(**({"site": "LAB", "resource_name": "LAB-EP1"} | changes))
    pool = pools.choose(settings, lambda count: 0)
    return ad.attributes(settings, pool, ad.lifetime(settings, NOW), containers, ProcessLimits(shm_free_kb=65536))


def test_who_and_where():
    said = attributes(country="DE")
    assert said["GLIDEIN_Site"] == '"LAB"'
    assert said["GLIDEIN_ResourceName"] == said["OSG_SITE_NAME"] == '"LAB-EP1"'
    assert said["GLIDEIN_Country"] == '"DE"'
    assert said["GLIDECLIENT_Group"] == '"main-container"'
    assert said["GLIDEIN_ContainerTag"] == f'"{CONTAINER_TAG}"'
    assert said["IsOsgVoContainer"] == "True"
    assert int(said["OSG_GLIDEIN_VERSION"]) >= 861


def test_times_count_from_the_boot():
    said = attributes(accept_jobs_hours=2, retirement_hours=1, accept_idle_minutes=7)
    assert said["GLIDEIN_ToRetire"] == str(NOW + 7200)
    assert said["GLIDEIN_ToDie"] == str(NOW + 10800)
    assert (said["ACCEPT_JOBS_FOR_HOURS"], said["ACCEPT_IDLE_MINUTES"]) == ("2", "7")


def test_what_is_not_set_is_not_said():
    assert not {"OSG_PROJECT_NAME", "OSG_SQUID_LOCATION", "OSG_INSTITUTION_ID"} & set(attributes())
    said = attributes(project_name="P", squid="http://s:3128", institution_id="https://osg/1")
    assert said["OSG_PROJECT_NAME"] == '"P"'
    assert said["OSG_SQUID_LOCATION"] == '"http://s:3128"'
    assert said["OSG_INSTITUTION_ID"] == '"https://osg/1"'


@pytest.mark.parametrize(
    ("changes", "everybody"),
    [
        ({}, "True"),
        ({"start_extra": "TARGET.RequestMemory < 5"}, "True"),
        ({"itb": True}, "False"),
        ({"pool": "cm.example.org"}, "False"),
        ({"condor_host": ("cm",)}, "False"),
        ({"project_name": "P"}, "False"),
        ({"start_extra": 'TARGET.Owner == "x"'}, "False"),
        ({"start_extra": 'regexp("x", user)'}, "False"),
        ({"start_extra": "ProjectName == \"P\""}, "False"),
        ({"start_extra": "does not parse"}, "False"),
    ],
)  # fmt: skip
def test_ospool_is_true_only_for_a_pilot_that_is_for_everybody(changes, everybody):
    assert attributes(**changes)["OSPool"] == everybody


def test_itb():
    assert attributes(itb=True)["Is_ITB_Site"] == "True"
    assert attributes()["Is_ITB_Site"] == "False"


def test_what_containers_can_do_is_said_as_it_was_found():
    assert attributes({"HAS_SINGULARITY": "x"})["HAS_SINGULARITY"] == "x"


def test_start_finds_the_clauses_about_images_in_the_ad():
    assert {"OSG_JOB_IMAGE", "SINGULARITY_START_CLAUSE"} <= set(attributes())


def test_every_attribute_is_a_complete_expression():
    said = attributes(project_name='P" $(X)', squid="ü\\x", start_extra="a ? b : c")
    failures = {n: t for n, t in said.items() if isinstance(classads.parse(t), classads.ParseFailure)}
    assert failures == {}
