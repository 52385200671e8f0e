import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ospool_ep import names


@pytest.mark.parametrize(
    ("resource", "label"),
    [
        ("LAB-EP1", "LAB-EP1"),
        ("My Res", "My-Res"),
        ("a_b  c/d", "a-b-c-d"),
        ("..-x-..", "x"),
        ("größe", "gr-e"),
        ("日本", "unnamed"),
        ('"; START = True', "START-True"),
        ("$(LOG)", "LOG"),
        ("x" * 80, "x" * 63),
        ("x" * 62 + "-y", "x" * 62),
    ],
)
def test_the_resource_name_becomes_part_of_a_host_name(resource, label):
    assert names.sanitised(resource) == label


@given(st.text(), st.text(), st.booleans())
def test_every_name_is_a_possible_host_name_and_begins_with_the_resource(resource, host, randomize):
    chosen = names.choose(resource, host, "0123abcd", randomize)
    assert re.fullmatch(r"[A-Za-z0-9.-]{1,255}", chosen.machine)
    assert chosen.machine[0] not in ".-"
    assert chosen.machine[-1] not in ".-"
    assert chosen.machine.startswith(names.sanitised(resource))


def test_two_pilots_on_one_host_have_distinct_daemons():
    one, other = (names.choose("R", "h", instance, False) for instance in ("00000001", "00000002"))
    assert one.machine == other.machine == "R.h"
    assert one.slot == "slot1@ep-00000001@R.h"
    assert one.slot != other.slot


def test_a_random_label_is_added_on_request():
    assert names.choose("R", "h", "0123abcd", True).machine == "R.0123abcd.h"


@pytest.mark.parametrize("host", ["", "...", "_"])
def test_a_host_without_a_name(host):
    assert names.choose("R", host, "0123abcd", False).machine == "R.localhost"
