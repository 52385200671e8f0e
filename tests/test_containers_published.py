"""What the machine ad says of containers."""

import dataclasses

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import SETUP, STATE
from ospool_ep import classads
from ospool_ep.containers.published import attributes
from ospool_ep.containers.record import Setup, State

HALF = st.integers(0, 2)
TEXT = st.text(max_size=30)
STATES = st.builds(State, HALF, HALF, HALF, *[st.booleans()] * 3, TEXT, TEXT, TEXT, TEXT, TEXT, st.just(0), st.just(0))
SETUPS = st.builds(Setup, TEXT, TEXT, st.booleans(), st.sampled_from([(), ("/cvmfs",), ("/cvmfs-data",)]))
NAMES = {
    "HAS_SINGULARITY", "SINGULARITY_USE_PID_NAMESPACES", "SINGULARITY_CAN_USE_SIF", "SINGULARITY_CAN_USE_REGISTRY",
    "SINGULARITY_DISK_IS_FULL", "SINGULARITY_CAN_USE_CVMFS", "SINGULARITY_COMMENT", "OSG_FAILED_IMAGES",
    "OSG_DEFAULT_SINGULARITY_IMAGE", "OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE",
    *(f"{family}_{name}" for family in ("SINGULARITY", "GWMS_SINGULARITY", "CONTAINERSW")
      for name in ("PATH", "VERSION", "MODE")),
}  # fmt: skip


def ad(setup=SETUP, state=STATE, failed=(), **more):
    found = classad2.ClassAd(more)
    for name, text in attributes(setup, state, failed).items():
        found[name] = classads.parse(text)
    return found


def state(**changes):
    return dataclasses.replace(STATE, **changes)


@given(SETUPS, STATES, st.lists(TEXT, max_size=3).map(tuple))
def test_every_attribute_is_always_there_on_one_line_and_parses(setup, given_state, failed):
    said = attributes(setup, given_state, failed)
    assert set(said) == NAMES
    assert not [text for text in said.values() if isinstance(classads.parse(text), classads.ParseFailure)]
    assert not [text for text in said.values() if "\n" in text or "\r" in text]
    # The shadow of whoever reads a backslash before a quote that is none dies (NTreceivers.cpp).
    assert not [text for text in said.values() if "\\" in text.replace('\\"', "")]
    assert not [text for text in said.values() if "\\\\" in text]


@given(SETUPS, STATES)
def test_nothing_is_promised_without_containers_and_no_registry_without_sif(setup, given_state):
    said = ad(setup, given_state)
    can = {name: said[name] for name in NAMES if name.startswith(("SINGULARITY_CAN", "SINGULARITY_USE"))}
    assert said["HAS_SINGULARITY"] or not any(can.values())
    assert said["SINGULARITY_CAN_USE_SIF"] or not said["SINGULARITY_CAN_USE_REGISTRY"]


def test_where_all_is_well():
    said = ad()
    assert said["HAS_SINGULARITY"] is said["SINGULARITY_CAN_USE_SIF"] is said["SINGULARITY_CAN_USE_REGISTRY"] is True
    assert said["SINGULARITY_USE_PID_NAMESPACES"] is True
    assert said["SINGULARITY_VERSION"] == said["GWMS_SINGULARITY_VERSION"] == said["CONTAINERSW_VERSION"] == "1.4.5"
    assert said["SINGULARITY_PATH"] == "/usr/bin/apptainer"
    assert said["SINGULARITY_MODE"] == "unprivileged"
    assert said["SINGULARITY_COMMENT"] == ""


def test_what_is_lost_takes_the_programs_attributes_along():
    said = attributes(SETUP, state(containers=1))
    assert said["HAS_SINGULARITY"] == "False"
    assert said["SINGULARITY_VERSION"] == said["CONTAINERSW_PATH"] == "undefined"


@pytest.mark.parametrize("changes", [{"sif": 1}, {"registry": 1}, {"disk_full": True}, {"containers": 1}])
def test_images_of_registries_need_all_of_these(changes):
    assert ad(state=state(**changes))["SINGULARITY_CAN_USE_REGISTRY"] is False


def test_a_full_disk_is_told_and_is_no_reason_against_files():
    said = ad(state=state(disk_full=True))
    assert said["SINGULARITY_DISK_IS_FULL"] is said["SINGULARITY_CAN_USE_SIF"] is True


def test_the_comment_has_both_parts_and_any_text():
    assert ad(state=state(comment="a 'b'", registry_comment="c"))["SINGULARITY_COMMENT"] == "a 'b'; c"
    assert ad(state=state(registry_comment="c"))["SINGULARITY_COMMENT"] == "c"


def test_what_not_every_reader_of_ads_survives_is_replaced():
    said = attributes(SETUP, state(comment='a "b" \\c\x01\x7fé~'))
    assert said["SINGULARITY_COMMENT"] == "\"a 'b' /c   ~\""


NONE = '"none: jobs that name no image run directly"'


def test_without_a_default_image_the_ad_says_so():
    said = attributes(SETUP, STATE)
    assert said["OSG_DEFAULT_SINGULARITY_IMAGE"] == "undefined"
    assert said["OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE"] == NONE


def test_cvmfs_where_it_is_there():
    assert ad()["SINGULARITY_CAN_USE_CVMFS"] is False
    assert ad(SETUP, state(cvmfs=True))["SINGULARITY_CAN_USE_CVMFS"] is True
    assert ad(SETUP, state(cvmfs=True, containers=0))["SINGULARITY_CAN_USE_CVMFS"] is False


@pytest.mark.parametrize(
    ("gpus", "plain", "gpu", "expected"),
    [
        (None, "p", "g", "p"),
        (0, "p", "g", "p"),
        (2, "p", "g", "g"),
        (2, "p", "p", "p"),
        (2, "p", "", classad2.Value.Undefined),
        (0, "", "g", classad2.Value.Undefined),
        (2, "", "g", "g"),
        (2, "", "", classad2.Value.Undefined),
    ],
)
def test_the_default_image_is_the_one_for_this_kind_of_machine(gpus, plain, gpu, expected):
    more = {} if gpus is None else {"TotalGPUs": gpus}
    said = ad(state=state(image=plain, gpu_image=gpu, image_source="CVMFS" if plain else ""), **more)
    assert said.eval("OSG_DEFAULT_SINGULARITY_IMAGE") == expected


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"image": "/i", "image_source": "local"}, '"local"'),
        ({}, NONE),
        ({"gpu_image": "g"}, "undefined"),
        ({"image": "/i", "image_source": "local", "default_fails": True}, NONE),
    ],
)
def test_where_the_default_image_comes_from(changes, source):
    assert attributes(SETUP, state(**changes))["OSG_DEFAULT_SINGULARITY_IMAGE_SOURCE"] == source


def test_images_that_failed_are_a_list_and_the_last_are_kept():
    said = ad(failed=tuple(f"u@x image{number}" for number in range(60)))
    there = {n: classad2.ExprTree(f'member("u@x image{n}", OSG_FAILED_IMAGES)').eval(said) for n in (9, 10, 59)}
    assert there == {9: False, 10: True, 59: True}
    assert attributes(SETUP, STATE)["OSG_FAILED_IMAGES"] == "{}"


def test_what_an_ad_cannot_say_is_left_out_of_the_list():
    failed = ("u@x /a", 'u@x "', "u@x \\", "u@x \x01", "u@x é", "u@x /b\n", "u@x /c")
    assert attributes(SETUP, STATE, failed)["OSG_FAILED_IMAGES"] == '{"u@x /a", "u@x /c"}'
