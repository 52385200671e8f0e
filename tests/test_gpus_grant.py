"""What NVIDIA_VISIBLE_DEVICES and CUDA_VISIBLE_DEVICES give, in every spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_fakes import divided, failed, gpu, uuid
from ospool_ep.gpus import grant
from ospool_ep.gpus.grant import Granted

FOUR = tuple(gpu(index) for index in range(4))
TWO = FOUR[:2]
MIXED = (gpu(0), *divided(1, 0, 1))
WHOLE, FIRST, SECOND = (one.uuid for one in MIXED[1:])
OLD = f"MIG-{uuid(0)}/1/0"  # before driver 470
ALL = None  # what restricts nothing


def nvidia(text, devices=FOUR):
    """Indexes of the devices that are given, and the unknown entries."""
    return read(grant.nvidia(text), devices)


def cuda(text, devices=FOUR):
    return read(grant.cuda(text), devices)


def read(one, devices):
    if one is None:
        return ALL
    found = grant.granted(one, devices)
    assert found.grant == one
    return [number for number, device in enumerate(devices) if device.uuid in found.uuids], found.unknown


def of(*numbers, unknown=()):
    return list(numbers), unknown


@pytest.mark.parametrize("text", ["", "void", "VOID", "all", "All", "0,all", "nvidia.com/gpu=all",
                                  "/var/run/nvidia-container-devices"])  # fmt: skip
def test_where_the_runtime_was_told_nothing_or_all_whatever_is_visible_is_given(text):
    assert nvidia(text) is ALL


@pytest.mark.parametrize("text", ["none", "None", "na", "n/a", "N/A", "NoDevFiles", "-1", "10000", ","])
def test_none_for_the_runtime(text):
    assert nvidia(text) == of()


def test_cuda_without_a_word_restricts_nothing():
    assert cuda(None) is ALL
    assert cuda("all") is ALL


@pytest.mark.parametrize("text", ["", "none", "void", "na", "n/a", "-1", "10000", "NoDevFiles", "nodevfiles", "-1,0"])
def test_none_for_cuda(text):
    """Set and empty is Slurm's way to give none; 10000 is HTCondor's."""
    assert cuda(text) == of()


@pytest.mark.parametrize("read_it", [nvidia, cuda])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", of(0)), ("3", of(3)), ("0,2", of(0, 2)), ("2,0", of(0, 2)), (" 1 , 3 ", of(1, 3)), ("1,", of(1)),
        (uuid(2), of(2)), (uuid(2).upper(), of(2)), (uuid(2).replace("GPU", "gpu"), of(2)),
        ("GPU-2d1c6f0a", of(2)), ("GPU-2", of(2)), (f"{uuid(0)},GPU-3d", of(0, 3)), (f"0,{uuid(3)}", of(0, 3)),
        ("nvidia.com/gpu=1", of(1)), (f"k8s.device-plugin.nvidia.com/gpu={uuid(1)}", of(1)),
        ("runtime.nvidia.com/gpu=0,nvidia.com/gpu=2", of(0, 2)),
    ],
)  # fmt: skip
def test_what_names_some_of_the_visible_gives_these(read_it, text, expected):
    assert read_it(text) == expected


@pytest.mark.parametrize("read_it", [nvidia, cuda])
@pytest.mark.parametrize(
    "text",
    ["GPU-ffffffff", "GPU-", "gpu", "tesla", "MIG-", "0x1", "+1", "1.0", "...", "0-1", "2d1c6f0a", "/dev/nvidia0"],
)
def test_what_is_no_gpu_is_told_and_gives_nothing(read_it, text):
    assert read_it(text) == of(unknown=(text,))


def test_a_beginning_that_fits_two_is_none():
    """CUDA would use neither."""
    alike = (gpu(0, uuid="GPU-aaaa1111-0"), gpu(1, uuid="GPU-aaaa2222-0"))
    assert cuda("GPU-aaaa", alike) == of(unknown=("GPU-aaaa",))
    assert cuda("GPU-aaaa1", alike) == of(0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0,-1,1", of(0)), ("0,NoDevFiles,1", of(0)), ("0,9,1", of(0, unknown=("9",))), ("9,0", of(unknown=("9",))),
     ("1,GPU-ff,0,8", of(1, unknown=("GPU-ff", "8")))],
)  # fmt: skip
def test_cuda_ends_at_the_first_entry_that_is_none(text, expected):
    assert cuda(text) == expected


def test_for_the_runtime_every_entry_counts():
    assert nvidia(f"{uuid(0)},GPU-ff,{uuid(1)}") == of(0, 1, unknown=("GPU-ff",))


# --- a runtime that has left out the others already: numbers are the host's


@pytest.mark.parametrize("text", ["6,7", "0,7", "1,2", "7,1", f"{uuid(0)},5", f"5,{uuid(1)}", "3,4,5"])
def test_where_no_more_are_visible_than_were_numbered_these_are_the_ones(text):
    assert nvidia(text, TWO) == of(0, 1)


@pytest.mark.parametrize("text", ["6,7", "9"])
def test_where_more_are_visible_a_number_is_a_number(text):
    assert nvidia(text) == of(unknown=tuple(text.split(",")))
    assert nvidia("0,7", FOUR) == of(0, unknown=("7",))


def test_cudas_numbers_are_never_the_hosts():
    assert cuda("6,7", TWO) == of(unknown=("6", "7"))


@pytest.mark.parametrize("text", ["3:0,3:1", "3:1", "3", "nvidia.com/gpu=3:0"])
def test_instances_are_numbered_with_the_hosts_numbers_too(text):
    assert nvidia(text, divided(0, 0)) == of(0, 1)


def test_a_gpu_without_uuid_is_given_to_nobody():
    assert nvidia("5", (gpu(0, uuid=""),)) == of()


@pytest.mark.parametrize("read_it", [nvidia, cuda])
@pytest.mark.parametrize(("text", "expected"), [("0,1,2", of(1, 2)), ("0", of()), ("1,0", of(1)), ("2", of(2))])
def test_a_lost_gpu_does_not_take_the_others_with_it(read_it, text, expected):
    """It has no UUID any more, and its number is still its own."""
    assert read_it(text, (failed(0), gpu(1), gpu(2), gpu(3))) == expected


def test_without_any_gpu_there_is_nothing_to_give():
    assert nvidia("GPU-1", ()) == of(unknown=("GPU-1",))


# --- MIG


@pytest.mark.parametrize("read_it", [nvidia, cuda])
@pytest.mark.parametrize(
    ("text", "expected"),
    [(FIRST, of(2)), (SECOND[:20], of(3)), (f"{FIRST},{SECOND}", of(2, 3)), ("1", of(1, 2, 3)), (WHOLE, of(1, 2, 3)),
     ("0", of(0)), ("1:0", of(2)), ("1:1", of(3)), ("0,1:1", of(0, 3))],
)  # fmt: skip
def test_a_gpu_that_is_divided_is_given_whole_or_in_parts(read_it, text, expected):
    assert read_it(text, MIXED) == expected


@pytest.mark.parametrize("text", ["1:5", "0:0", "2:0", "1:", ":1", "1:0:0", "1:x"])
def test_an_instance_that_is_not_there(text):
    assert cuda(text, MIXED) == of(unknown=(text,))


def test_the_old_names_of_instances():
    whole, part = divided(0, 0)
    old = (whole, type(part)(0, OLD, parent=whole.uuid, of=0))
    assert cuda(OLD, old) == of(1)
    assert cuda(OLD.lower(), old) == of(1)
    assert cuda(f"MIG-{uuid(0)}/2/0", old) == of(unknown=(f"MIG-{uuid(0)}/2/0",))


# --- all of them


TEXTS = st.lists(st.sampled_from(["0", "1", "9", "-1", "all", "none", "1:0", "", uuid(1), "GPU-", FIRST, "x=0"])).map(
    ",".join
) | st.text(max_size=20)


@given(TEXTS, st.sampled_from([(), TWO, FOUR, MIXED, (gpu(0, uuid=""),)]))
def test_no_text_gives_what_is_not_there(text, devices):
    for one in (grant.nvidia(text), grant.cuda(text)):
        if one is not None:
            found = grant.granted(one, devices)
            assert isinstance(found, Granted)
            assert found.uuids <= {device.uuid for device in devices if device.uuid}
            assert set(found.unknown) <= set(one.entries)


@pytest.mark.parametrize(("text", "asked"), [("all", True), ("0", True), (uuid(0), True), ("", False), ("void", False),
                                             ("none", False), ("NoDevFiles", False)])  # fmt: skip
def test_whether_somebody_wants_gpus(text, asked):
    assert grant.asks(text) is asked
