"""Where images come from: registries on loopback, and default images."""

import dataclasses

from fakes import STATE, changed, machine
from ospool_ep.containers import sources
from ospool_ep.containers.renewal import NO_SIF
from ospool_ep.machine import Result
from servers import serving


def asked(found, setup, state=STATE, rows=(), **changes):
    root = found.path.parents[2]
    answer = sources.look(machine(root, answers=changed(*rows)), found, dataclasses.replace(setup, **changes), state)
    return answer.registry_error, answer.image, answer.image_source, answer.gpu_image


def test_a_default_image_of_docker_hub_comes_with_the_mirror(found, setup):
    with serving(401) as (host, seen):
        assert asked(found, setup, mirror=host, default_image="docker://a") == ("", "docker://a", "registry", "")
        assert asked(found, setup, mirror=host, default_gpu_image="docker://g") == ("", "", "", "docker://g")
    assert seen == ["/v2/"] * 2


def test_a_default_image_of_another_registry_needs_that_one(found, setup, closed):
    with serving(200) as (host, _):
        assert asked(found, setup, mirror=host, default_image=f"docker://{closed}/x") == ("", "", "", "")


def test_without_the_mirror_there_is_no_default_image_of_docker_hub(found, setup):
    error, *image = asked(found, setup, default_image="docker://a")
    assert "does not answer" in error
    assert image == ["", "", ""]


def test_without_sif_files_nothing_is_pulled_and_no_registry_asked(found, setup):
    with serving(200) as (host, seen):
        for changes in ({"sif": 1}, {"containers": 1}):
            state = dataclasses.replace(STATE, **changes)
            error, *images = asked(found, setup, state, mirror=host, default_image="docker://a")
            assert (error, images) == (NO_SIF, ["", "", ""])
    assert seen == []


PLACE = ("realpath", Result(0, "/images/a\n", ""))


def test_a_default_image_on_this_machine_needs_no_registry(found, setup):
    starts = (PLACE, (".ospool-ep/true", Result(0, "", "")))
    assert asked(found, setup, rows=starts, default_image="/images/a")[1:] == ("/images/a", "local", "")


def test_one_that_does_not_start_is_none_and_that_is_told(found, setup, root):
    broken = (PLACE, (".ospool-ep/true", Result(255, "", "FATAL: broken")))
    assert asked(found, setup, rows=broken, default_image="/images/a")[1:] == ("", "", "")
    answers = changed(*broken)
    answer = sources.look(machine(root, answers=answers), found, dataclasses.replace(setup, default_image="/i"), STATE)
    assert answer.default_error == "the default image does not start: /i"


def test_each_registry_is_asked_once_and_none_for_ever(found, setup):
    with serving(200) as (host, seen):
        images = {"default_image": f"docker://{host}/a", "default_gpu_image": f"docker://{host}/b"}
        asked(found, setup, **images)
    assert len(seen) <= 1  # over TLS, which this server does not speak: it sees at most one attempt
