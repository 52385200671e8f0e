"""What is understood of the driver's answers, whole or cut off."""

import json
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import Result, machine
from gpu_fakes import CUDA, H100, NVML, VERSION, divided, failed, gpu, libraries, lines, looked, seen, uuid
from ospool_ep.gpus.seen import Device, Library, Seen, ask, understood
from ospool_ep.machine import TIMED_OUT

BOX = seen(gpu(0), *divided(1, 0, 2), failed(2))


def spoken(found):
    return "\n".join(lines(found))


def of(*said):
    return understood("\n".join(map(json.dumps, said)))


def test_what_was_said_is_understood():
    assert understood(spoken(BOX)) == seen(gpu(0), *divided(1, 0, 2), failed(2), stuck="starting NVML")


def test_a_device():
    (found,) = understood(spoken(seen(gpu(3, minor=5)))).devices
    assert found == Device(3, uuid(3), H100, 81559, "9.0", 5)
    assert (found.id, found.node) == ("GPU-3d1c6f0a", "/dev/nvidia5")


def test_an_instance_has_its_gpus_node_and_capability():
    whole, part = understood(spoken(seen(*divided(1, 2)))).devices
    assert (part.index, part.of, part.parent) == (2, 1, whole.uuid)
    assert (part.node, part.capability, part.memory_mb) == ("/dev/nvidia1", "8.0", 19968)
    assert part.id == part.uuid, "HTCondor's name of an instance is the whole of it"
    assert whole.mig
    assert not part.mig


def test_an_instance_may_have_a_capability_of_its_own():
    said = [json.loads(line) for line in lines(seen(*divided(1, 0)))]
    said[-1]["capability"] = "8.6"
    assert of(*said).devices[-1].capability == "8.6"


def test_where_the_driver_has_no_files_there_is_no_node():
    one = gpu(0, minor=None)
    assert one.node == ""
    assert seen(one, nodes=()).closed(one) == ("", "")


UVM = "/dev/nvidia-uvm"


@pytest.mark.parametrize(
    ("nodes", "error"),
    [({"/dev/nvidia0": ""}, ("", "")), ({"/dev/nvidia0": "EPERM"}, ("/dev/nvidia0", "EPERM")),
     ({"/dev/nvidia1": ""}, ("/dev/nvidia0", "ENOENT")), ({}, ("/dev/nvidia0", "ENOENT")),
     ({"/dev/nvidia0": "", UVM: ""}, ("", "")), ({"/dev/nvidia0": "", UVM: "EACCES"}, (UVM, "EACCES")),
     ({"/dev/nvidia0": "EIO", UVM: "EACCES"}, ("/dev/nvidia0", "EIO"))],
)  # fmt: skip
def test_whether_the_nodes_of_a_device_open(nodes, error):
    assert Seen(nodes=tuple(nodes.items())).closed(gpu(0)) == error


def test_a_library_that_nobody_mentioned_is_not_there():
    assert Seen().library(NVML) == Library(NVML)
    assert seen(libraries=libraries(CUDA)).library(CUDA).found
    assert not seen(libraries=libraries(CUDA)).library(NVML).found


KINDS = ({"doing": "x"}, {"library": NVML, "error": "e"}, {"node": "/dev/nvidia0", "error": ""},
         {"driver": VERSION, "cuda": ""}, {"device": 0, "failed": 15, "words": "GPU is lost"})  # fmt: skip


def test_the_order_does_not_matter():
    for order in permutations(KINDS):
        assert of(*order) == of(*KINDS)


def test_an_instance_whose_gpu_is_not_known_has_none():
    found = of({"instance": 0, "of": 4, "uuid": "MIG-1", "name": "", "memory_mb": None, "capability": ""})
    assert (found.devices[0].parent, found.devices[0].node) == ("", "")


@given(st.integers(0, 2000))
def test_whatever_is_cut_off_the_rest_is_understood(length):
    text = spoken(BOX)
    found = understood(text[:length])
    assert found.devices == BOX.devices[: len(found.devices)]
    assert found.nodes == BOX.nodes[: len(found.nodes)]


@given(st.lists(st.text() | st.sampled_from(["5", "null", "[]", '"doing"', "[1]", "1.5", "{}", "true", "NaN"])))
def test_what_a_library_prints_by_itself_does_not_matter(noise):
    assert understood("\n".join([*noise, "", spoken(BOX)])).devices == BOX.devices


# --- the question


def asked(root, result):
    return ask(machine(root, answers=(("look.py /a /b", result),)), ("/a", "/b"))


def test_one_that_ends_well_is_about_nothing_any_more(root):
    assert asked(root, looked(BOX)) == BOX


def test_one_that_does_not_come_back_tells_what_it_was_about(root):
    said = "\n".join([*lines(seen(gpu(0))), '{"doing": "asking for GPU 1"}', '{"device": 1, "uu'])
    found = asked(root, Result(TIMED_OUT, said, "\nno answer within 20 s"))
    assert found.stuck == "asking for GPU 1"
    assert [one.index for one in found.devices] == [0]


def test_one_that_does_not_even_start(root):
    assert asked(root, Result(TIMED_OUT, "", "")).stuck == "starting"


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [(-11, "", "status -11"), (1, "ImportError: x\n", "ImportError: x"), (127, "no such file", "no such file")],
)
def test_one_that_dies_tells_where(root, status, error, words):
    found = asked(root, Result(status, '{"doing": "loading libcuda.so.1"}\n', error))
    assert (found.failed, found.stuck) == (-1, "")
    assert found.words == f"loading libcuda.so.1: {words}"
