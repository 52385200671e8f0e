"""What boot and renewal tell one another of the GPUs."""

import dataclasses
import json

import pytest

from gpu_fakes import LIB, NVML, divided, failed, gpu
from ospool_ep.gpus import keep, published
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.record import BELIEVED, Gpu, Record, State
from ospool_ep.gpus.rows import Row

FIRST = Gpu("GPU-0d1c6f0a", "GPU-0d1c6f0a-5b2e")
STATE = State((FIRST, Gpu("MIG-1/2/0", "MIG-1/2/0", 0, 'lost: "x" ü')), (LIB, "/a b"), "GPU 3: lost", "/proc/1/fd/1")


@pytest.fixture
def found(tmp_path):
    made = Record(tmp_path / "gpus")
    made.create(STATE)
    return made


def test_what_was_written_is_read(found):
    assert found.state() == STATE
    changed = dataclasses.replace(STATE, gpus=(dataclasses.replace(FIRST, passes=1, why="back"),), log=None)
    found.save(changed)
    assert found.state() == changed


def test_it_is_for_us_alone_and_made_once(found):
    assert found.path.stat().st_mode & 0o077 == 0
    with pytest.raises(FileExistsError):
        found.create(STATE)


def test_a_gpu_is_believed_after_two_good_looks():
    assert [Gpu("a", "b", passes).usable for passes in (0, 1, BELIEVED)] == [False, False, True]
    assert FIRST.usable


def written(**changes):
    return json.dumps(dataclasses.asdict(STATE) | changes)


def one(**changes):
    return written(gpus=[dataclasses.asdict(FIRST) | changes])


TAMPERED = [
    "", "{", "[]", "5", "null", '"x"', "{}", "\x00", "[" * 100_000, written(x=1), written(gpus=None), written(gpus=5),
    written(gpus=["x"]), written(gpus=[[]]), written(gpus=[{}]), written(gpus=[{"id": "x"}]), written(directories=None),
    written(directories=[5]), written(lasting=None), written(lasting=5), written(log=5), one(y=1), one(why=None),
    one(passes="2"), one(passes=None), one(passes=True), one(passes=1.5), one(id=5), one(id=""), one(uuid=None),
]  # fmt: skip


@pytest.mark.parametrize("text", TAMPERED)
def test_a_state_that_nobody_wrote_is_an_error_for_the_caller(found, text):
    (found.path / "state.json").write_text(text)
    with pytest.raises(ValueError):
        found.state()


@pytest.mark.parametrize("name", ["GPU-1\nSTART = True", "$(X)", "GPU-1, GPU-2", "GPU 1", "é", "a" + "\n", "$ENV(X)"])
def test_no_name_adds_to_htcondors_configuration(found, name):
    (found.path / "state.json").write_text(one(id=name))
    with pytest.raises(ValueError):
        found.state()


def test_files_that_are_not_utf_8_or_missing_are_an_error_for_the_caller(found, tmp_path):
    (found.path / "state.json").write_bytes(b'"\xff"')
    with pytest.raises(ValueError):
        found.state()
    with pytest.raises(OSError):
        Record(tmp_path).state()


# --- what the boot writes


def test_the_boot_writes_state_inventory_and_links(tmp_path):
    parts = divided(1, 0)
    table = (Row(gpu(0)), Row(failed(2), "gpu-lost", "NVML: GPU is lost"), Row(parts[1]))
    gpus = Gpus(table, directories=(LIB,), files=((NVML, f"{LIB}/{NVML}"),), links=True, inventory="DetectedGPUs=1\n")
    keep.keep(tmp_path / "gpus", gpus, "/proc/1/fd/1")
    made = Record(tmp_path / "gpus")
    named = (Gpu(gpu(0).id, gpu(0).uuid), Gpu(parts[1].uuid, parts[1].uuid))
    assert made.state() == State(named, (LIB,), "GPU 2 NVML: GPU is lost", "/proc/1/fd/1")
    assert made.inventory.read_text() == "DetectedGPUs=1\n"
    assert str((made.links / NVML).readlink()) == f"{LIB}/{NVML}"
    assert not made.withdrawn.exists()


def test_where_links_are_not_needed_there_are_none(tmp_path):
    keep.keep(tmp_path / "gpus", Gpus((Row(gpu(0)),)), None)
    assert not Record(tmp_path / "gpus").links.exists()


def test_what_every_offered_gpu_is_called_can_be_read_back(tmp_path):
    every = (*divided(0, 0, 1), gpu(1))
    made = Record(tmp_path / "gpus")
    made.create(published.state(Gpus(tuple(map(Row, every)))))
    assert [known.uuid for known in made.state().gpus] == [device.uuid for device in every]
