import os

import pytest

from fakes import ids
from ospool_ep import resources
from ospool_ep.resources import Host
from ospool_ep.settings import Settings


def decide(**asked):
    return resources.decide(Host(8, 64000), Settings(**asked))


def test_nothing_asked_everything_offered():
    offer, problems = decide()
    assert (offer.cpus, offer.memory_mb, problems) == (8, 64000, ())
    assert "NUM_CPUS not set, MEMORY not set" in offer.source


def test_less_is_taken_as_asked():
    offer, problems = decide(num_cpus=2, memory_mb=1000)
    assert (offer.cpus, offer.memory_mb, problems) == (2, 1000, ())
    assert offer.source == "2 CPUs, 1000 MB (host 8 and 64000; NUM_CPUS 2, MEMORY 1000)"


@pytest.mark.parametrize(
    ("asked", "found", "cure"),
    [
        ({"num_cpus": 9}, "NUM_CPUS=9 is more than the 8 CPUs", "-e NUM_CPUS=8"),
        ({"memory_mb": 64001}, "MEMORY=64001 is more than the 64000 MB", "-e MEMORY=64000"),
    ],
)
def test_more_than_there_is_is_lowered_with_a_warning(asked, found, cure):
    offer, problems = decide(**asked)
    assert (offer.cpus, offer.memory_mb) == (8, 64000)
    assert ids(problems) == ["offer-lowered"]
    assert problems[0].warning
    assert found in problems[0].found
    assert cure in problems[0].cure


def test_this_machine():
    host = resources.look()
    assert 1 <= host.cpus <= os.cpu_count()
    assert host.memory_mb > 100
