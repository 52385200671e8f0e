"""OSG_DEFAULT_CONTAINER_DISTRIBUTION: what is understood, what is drawn, where it is."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import changed, machine
from ospool_ep.containers import default_image
from ospool_ep.containers.default_image import CVMFS, Image, choose, distribution, locate
from ospool_ep.machine import Result
from ospool_ep.settings import DISTRIBUTION, DISTRIBUTION_GPU

HERE = ("realpath", Result(0, "/somewhere\n", ""))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (" ", ()),
        (DISTRIBUTION, ((10, "htc/rocky:8"), (90, "htc/rocky:9"))),
        (DISTRIBUTION_GPU, ((100, "htc/rocky:9-cuda-12.6.0"),)),
        ("1%__/images/el9.sif\n2%__docker://alpine", ((1, "/images/el9.sif"), (2, "docker://alpine"))),
        ("1%__docker://h.org:5000/a/b:1@sha256:" + "0" * 64, ((1, "docker://h.org:5000/a/b:1@sha256:" + "0" * 64),)),
        ("0%__a 3%__b", ((0, "a"), (3, "b"))),
        # A name of the OSPool's is no path of the pilot's.
        ("1%__pilot/x", ((1, "pilot/x"),)),
    ],
)
def test_how_it_is_written(text, expected):
    assert distribution(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "htc/rocky:9", "10%_a", "-1%__a", "1.5%__a", "x%__a", "10%__", "%__a", "1%__a,2%__b", "1%__oras://x/y",
        "1%__http://x", "1%__a/../b", "1%__/a/../pilot", "1%__docker://", "1%__docker://a/../b", "1%__-a", '1%__a"b',
        "1%__$(X)", "1%__instance://x", "1%__a:b:c/d",
    ],
)  # fmt: skip
def test_what_is_none(text):
    with pytest.raises(ValueError, match="is not weight%__image, as in 10%__htc/rocky:8"):
        distribution(text)


@pytest.mark.parametrize("path", ["//", "/.", "/pilot/image", "/proc/1/root", "/etc", "//pilot", "/dev/shm/x"])
def test_the_pilots_own_files_are_no_image(path):
    with pytest.raises(ValueError, match="pilot's own files"):
        distribution(f"100%__{path}")


@pytest.mark.parametrize("text", ["0%__a", "0%__a 0%__b"])
def test_something_must_have_a_weight(text):
    with pytest.raises(ValueError, match="gives no image a weight above 0"):
        distribution(text)


WEIGHTS = st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any)


@given(WEIGHTS)
def test_the_choice_follows_the_weights(weights):
    entries = tuple((weight, f"image{number}") for number, weight in enumerate(weights))
    total, draws = sum(weights), 4000
    drawn = [choose(entries, number / draws) for number in range(draws)]
    for weight, image in entries:
        assert abs(drawn.count(image) - draws * weight / total) <= 2
        assert weight or image not in drawn


@given(WEIGHTS, st.floats(0, 1, exclude_max=True))
def test_every_draw_is_an_image_with_a_weight(weights, draw):
    entries = tuple((weight, f"image{number}") for number, weight in enumerate(weights))
    assert choose(entries, draw) in {image for weight, image in entries if weight}


def test_the_last_possible_draw_is_the_last_image():
    assert choose(((1, "a"), (2, "b"), (0, "c")), math.nextafter(1, 0)) == "b"


def test_without_entries_there_is_none():
    assert choose((), 0.5) == ""


@pytest.mark.parametrize("registry", [True, False])
def test_in_cvmfs_it_is_a_directory(tmp_path, registry):
    assert CVMFS == "/cvmfs/singularity.opensciencegrid.org"
    here = machine(tmp_path, answers=changed(HERE))
    assert locate(here, "htc/rocky:9", registry) == Image(f"{CVMFS}/htc/rocky:9", "CVMFS")


def test_without_cvmfs_it_comes_from_the_ospools_registry(tmp_path):
    found = locate(machine(tmp_path), "htc/rocky:9", True)
    assert found == Image("docker://hub.opensciencegrid.org/htc/rocky:9", "registry")


def test_a_local_path_is_local_or_nothing(tmp_path):
    assert locate(machine(tmp_path, answers=changed(HERE)), "/images/el9", True) == Image("/images/el9", "local")
    assert locate(machine(tmp_path), "/images/el9", True) == Image()


def test_an_address_is_taken_as_it_is_where_registries_can_be_used(tmp_path):
    here = machine(tmp_path, answers=changed(HERE))
    assert locate(here, "docker://alpine", True) == Image("docker://alpine", "registry")
    assert locate(here, "docker://alpine", False) == Image()


def test_with_neither_there_is_none(tmp_path):
    assert locate(machine(tmp_path), "htc/rocky:9", False) == Image()


@pytest.mark.parametrize("registry", [True, False])
def test_no_choice_no_image(tmp_path, registry):
    assert locate(machine(tmp_path, answers=changed(HERE)), "", registry) == Image()


def test_a_cvmfs_that_hangs_is_not_there(tmp_path):
    hangs = ("realpath", Result(124, "", "\nno answer within 2 s"))
    assert locate(machine(tmp_path, answers=changed(hangs)), "htc/rocky:9", False) == Image()


@given(st.text(st.sampled_from("0123456789%_ab:/.-@ \n")))
def test_any_text_is_understood_or_refused_for_a_person(text):
    try:
        found = default_image.distribution(text)
    except ValueError as error:
        assert str(error)
    else:
        assert bool(found) == bool(text.strip())
