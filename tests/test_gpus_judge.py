"""Each thing that can be wrong has its own finding, and what is offered is what nothing is wrong with."""

import pytest

from fakes import ids, said
from gpu_fakes import CUDA, LIB, LIBRARIES, divided, failed, given, gpu, libraries, seen, uuid
from ospool_ep.gpus import grant
from ospool_ep.gpus.judge import judge
from ospool_ep.gpus.present import Present
from ospool_ep.gpus.rows import Row, named, rows

HERE = Present(("/dev/nvidia0",), (LIB,))
BARE = Present(directories=(LIB,))
NONE = libraries()
BROKEN = {"driver": "", "cuda": "", "libraries": libraries(*LIBRARIES)}


def judged(found, there=HERE, wanted="", grants=()):
    problems = judge(there, found, wanted, grants, rows(found, grants))
    for problem in problems:
        assert problem.warning
        assert all((problem.found, problem.why, problem.cure))
    return problems


def usable(found, *grants):
    return [row.device.index for row in rows(found, grants) if row.usable]


def closed(error, *devices):
    """The node of the first device does not open."""
    every = devices or (gpu(0), gpu(1))
    nodes = dict(seen(*every).nodes) | {"/dev/nvidia0": error}
    nodes = {node: error for node, error in nodes.items() if error != "ENOENT"}
    return seen(*every, nodes=tuple(nodes.items()))


def test_where_all_is_well_nothing_is_said():
    assert judged(seen(gpu(0), gpu(1))) == ()
    assert usable(seen(gpu(0), gpu(1))) == [0, 1]


# --- the driver as a whole


@pytest.mark.parametrize(
    ("code", "id", "cure"),
    [
        (9, "gpu-driver-not-loaded", "modprobe nvidia"), (18, "gpu-driver-mismatch", "reboot"),
        (4, "gpu-device-permission", "chmod 0666"), (15, "gpu-lost", "Xid 79"), (999, "gpu-nvml-error", "systemd"),
        (1, "gpu-nvml-error", "nvidia-smi"), (3, "gpu-nvml-error", "nvidia-smi"), (13, "gpu-nvml-error", "nvidia-smi"),
        (16, "gpu-nvml-error", "nvidia-smi"), (17, "gpu-nvml-error", "nvidia-smi"), (-1, "gpu-nvml-error", "dmesg"),
    ],
)  # fmt: skip
def test_nvml_that_does_not_start(code, id, cure):
    (problem,) = judged(seen(failed=code, words="its own words", **BROKEN))
    assert problem.id == id
    assert "its own words" in problem.found
    assert cure in problem.cure


@pytest.mark.parametrize("error", ["EACCES", "EPERM"])
def test_where_the_control_node_is_closed_that_is_the_reason(error):
    """NVML says no more than that the driver is not loaded."""
    (problem,) = judged(seen(failed=9, words="Driver Not Loaded", nodes=(("/dev/nvidiactl", error),), **BROKEN))
    assert problem.id == "gpu-device-permission"
    assert "/dev/nvidiactl" in problem.found


@pytest.mark.parametrize(("there", "words"), [(HERE, "/dev/nvidia0, but"), (BARE, "only a part"),
                                              (Present(("/dev/nvidia0",)), "/dev/nvidia0, but")])  # fmt: skip
@pytest.mark.parametrize("code", [0, 12, -1])
def test_a_driver_without_its_library(there, words, code):
    (problem,) = judged(seen(libraries=libraries(CUDA), failed=code, words="x", driver=""), there)
    assert problem.id == "gpu-no-driver-library"
    assert words in problem.found
    assert "libnvidia-ml.so.1 cannot be loaded" in problem.found
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in problem.cure
    assert "cannot open shared object file" in problem.raw


def test_a_library_whose_file_is_not_known_is_there_all_the_same():
    found = tuple(type(one)(one.name, "", True) for one in libraries(*LIBRARIES))
    assert judged(seen(gpu(0), libraries=found)) == ()


def test_a_driver_that_hangs():
    (problem,) = judged(seen(stuck="asking for GPU 3", libraries=NONE))
    assert problem.id == "gpu-hangs"
    assert "asking for GPU 3" in problem.found


@pytest.mark.parametrize(("there", "words"), [(HERE, "though /dev/nvidia0 is here"), (BARE, "lists no GPU")])
def test_a_driver_without_devices(there, words):
    (problem,) = judged(seen(), there)
    assert problem.id == "gpu-no-devices"
    assert words in problem.found
    assert "580.159.04" in problem.found


@pytest.mark.parametrize("wanted", ["void", "none", "NoDevFiles"])
def test_who_was_given_none_misses_none(wanted):
    assert judged(seen(), BARE, wanted) == ()
    assert ids(judged(seen(), HERE, wanted)) == ["gpu-no-devices"]


@pytest.mark.parametrize(
    ("module", "wanted", "told"),
    [(False, "", False), (True, "", False), (False, "all", False), (True, "all", True), (False, "0", True),
     (True, "none", False), (True, "void", False), (False, uuid(0), True)],
)  # fmt: skip
def test_who_asks_for_gpus_and_is_given_nothing_at_all(module, wanted, told):
    """`all` is what the CUDA image says by itself, on every machine."""
    problems = judged(seen(libraries=NONE, driver="", nodes=()), Present(module=module), wanted)
    assert ids(problems) == (["gpu-no-driver-library"] if told else [])
    assert ("the host's kernel has the driver" in said(problems)) is (told and module)


# --- single devices


@pytest.mark.parametrize(
    ("code", "id"),
    [(15, "gpu-lost"), (16, "gpu-lost"), (999, "gpu-lost"), (4, "gpu-device-permission"), (2, "gpu-nvml-error"),
     (17, "gpu-nvml-error"), (28, "gpu-nvml-error")],
)  # fmt: skip
def test_a_gpu_that_nvml_does_not_know(code, id):
    found = seen(failed(0, code, "words of NVML"), gpu(1))
    (problem,) = judged(found)
    assert problem.id == id
    assert problem.found == "GPU 0 NVML: words of NVML"
    assert usable(found) == [1]


@pytest.mark.parametrize(
    ("error", "id", "words"),
    [("ENOENT", "gpu-device-missing", "not in this container"), ("EPERM", "gpu-device-permission", "device cgroup"),
     ("EACCES", "gpu-device-permission", "permission denied"), ("EIO", "gpu-lost", "input/output error"),
     ("ENXIO", "gpu-lost", "no such device"), ("ENODEV", "gpu-lost", "no such device"), ("E999", "gpu-lost", "E999")],
)  # fmt: skip
def test_a_node_that_does_not_open(error, id, words):
    (problem,) = judged(closed(error))
    assert problem.id == id
    assert problem.found.startswith("GPU-0d1c6f0a /dev/nvidia0: ")
    assert words in problem.found
    assert usable(closed(error)) == [1]


def test_several_with_the_same_trouble_are_one_problem():
    problems = judged(seen(failed(0), failed(1), gpu(2), nodes=(("/dev/nvidiactl", ""),)))
    assert ids(problems) == ["gpu-lost", "gpu-device-missing"]
    assert "GPU 0 NVML: GPU is lost; GPU 1 NVML: GPU is lost" in said(problems)


@pytest.mark.parametrize(("error", "id"), [("EACCES", "gpu-device-permission"), ("EIO", "gpu-lost"), ("", "gpu-lost")])
def test_a_node_of_which_the_driver_says_nothing(error, id):
    """In a container it leaves out what it cannot open."""
    found = seen(gpu(0), nodes=(("/dev/nvidiactl", ""), ("/dev/nvidia0", ""), ("/dev/nvidia1", error)))
    (problem,) = judged(found)
    assert problem.id == id
    assert "/dev/nvidia1 is here, and the driver does not list it" in problem.found


def test_a_node_that_the_device_cgroup_keeps_from_us_was_not_meant_for_us():
    found = seen(gpu(0), nodes=(("/dev/nvidiactl", ""), ("/dev/nvidia0", ""), ("/dev/nvidia1", "EPERM")))
    assert judged(found) == ()


@pytest.mark.parametrize("other", [failed(1), gpu(1, minor=None)])
def test_a_device_without_a_number_may_be_behind_any_node(other):
    found = seen(gpu(0), other, nodes=(("/dev/nvidia0", ""), ("/dev/nvidia1", "")))
    assert "does not list it" not in said(judged(found))


def test_windows_has_no_nodes():
    assert judged(seen(gpu(0, minor=None), nodes=()), Present(("/dev/dxg",), (LIB,))) == ()


# --- MIG


def test_of_a_gpu_that_is_divided_only_the_parts_count():
    found = seen(*divided(0, 0, 1), gpu(1))
    assert [row.device.id for row in rows(found, ())] == [one.id for one in found.devices[1:]]
    assert judged(found) == ()


def test_divided_into_nothing():
    found = seen(*divided(0), gpu(1))
    (problem,) = judged(found)
    assert problem.id == "gpu-mig-empty"
    assert "-mig 0" in problem.cure
    assert usable(found) == [1]


def test_a_closed_node_closes_all_parts():
    found = closed("EPERM", *divided(0, 0, 1))
    assert ids(judged(found)) == ["gpu-device-permission"]
    assert usable(found) == []


# --- grants


def test_more_are_visible_than_were_given():
    found, one = seen(gpu(0), gpu(1), gpu(2)), given(uuid(1), text=uuid(1))
    (problem,) = judged(found, grants=(one,))
    assert problem.id == "gpu-not-granted"
    assert problem.found.startswith(
        "2 of 3 visible GPUs were not given to this container (NVIDIA_VISIBLE_DEVICES=GPU-1"
    )
    assert [row.id for row in rows(found, (one,))] == ["gpu-not-granted", "", "gpu-not-granted"]


def test_what_every_variable_gives_is_given():
    found = seen(gpu(0), gpu(1), gpu(2))
    both = (given(uuid(0), uuid(1)), grant.granted(grant.cuda("1,2"), found.devices))
    assert usable(found, *both) == [1]
    assert "2 of 3" in said(judged(found, grants=both))
    assert [row.why for row in rows(found, both)][::2] == ["not in CUDA_VISIBLE_DEVICES=1,2",
                                                           "not in NVIDIA_VISIBLE_DEVICES=GPU-x"]  # fmt: skip


def test_a_part_that_is_given_gives_its_gpu_for_people():
    found = seen(*divided(0, 0, 1))
    one = given(found.devices[1].uuid)
    assert judged(found, grants=(one,)) == ()
    assert [row.usable for row in rows(found, (one,))] == [True, False]


def test_entries_that_name_nothing_are_told():
    problems = judged(seen(gpu(0)), grants=(given(uuid(0), text="0,7", unknown=("7",)),))
    assert ids(problems) == ["gpu-grant-unknown"]
    assert "NVIDIA_VISIBLE_DEVICES=0,7: 7 is no GPU" in problems[0].found


def test_trouble_of_a_gpu_that_was_not_given_is_not_ours():
    found = closed("EPERM")
    assert ids(judged(found, grants=(given(uuid(1)),))) == ["gpu-not-granted"]


def test_without_devices_grants_are_not_talked_about():
    assert ids(judged(seen(), grants=(given(unknown=("0",)),))) == ["gpu-no-devices"]


def test_names_for_people():
    assert (named(gpu(2)), named(failed(2))) == ("GPU-2d1c6f0a", "GPU 2")
    assert Row(gpu(0)).usable
    assert not Row(gpu(0), "gpu-lost").usable


@pytest.mark.parametrize(
    ("module", "wanted", "expected"),
    [(True, "", ["gpu-no-devices"]), (True, "none", []), (False, "", ["gpu-driver-not-loaded"])],
)
def test_a_driver_whose_devices_were_not_passed_in_is_not_said_to_be_unloaded(module, wanted, expected):
    """Without /dev/nvidiactl NVML takes the kernel's driver for missing; the kernel itself knows better."""
    found = seen(nodes=(), failed=9, words="Driver Not Loaded", driver="")
    assert ids(judged(found, Present(directories=("/usr/lib64",), module=module), wanted)) == expected


def test_without_the_device_of_cuda_memory_no_gpu_can_be_used():
    found = seen(gpu(0), nodes=(("/dev/nvidiactl", ""), ("/dev/nvidia0", ""), ("/dev/nvidia-uvm", "EACCES")))
    (problem,) = judged(found)
    assert problem.id == "gpu-device-permission"
    assert "/dev/nvidia-uvm: permission denied" in problem.found
    assert usable(found) == []
