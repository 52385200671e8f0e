"""What boot, front and retest tell one another in files."""

import dataclasses

import pytest

from fakes import NOW, SETUP, STATE
from ospool_ep.containers import record
from ospool_ep.containers.failures import SIF, Failure
from ospool_ep.containers.record import Record, Setup, State


@pytest.fixture
def found(tmp_path):
    made = Record(tmp_path / "apptainer")
    made.create(SETUP, STATE)
    return made


def test_what_was_written_is_read(found):
    setup = Setup(
        "1.4.5", "lasting", True, ("/cvmfs", "/a:/b:ro"), "m/x", True, {"no_proxy": "a,b"}, "i", "g", 7,
        ("/usr/lib64/libcuda.so.1",), "/run/x/lib", "/proc/1/fd/1",
    )  # fmt: skip
    state = State(1, 2, 0, True, True, False, "i", "CVMFS", "g", 'c "quoted" ü', "r", NOW, NOW + 1)
    other = Record(found.path.parent / "other")
    other.create(setup, state)
    assert other.setup() == setup
    assert other.state() == state


def test_a_state_replaces_the_one_before_at_once(found):
    changed = dataclasses.replace(STATE, containers=0, comment="x")
    found.save(changed)
    assert found.state() == changed
    assert sorted(path.name for path in found.path.iterdir()) == ["cache", "setup.json", "state.json"]


def test_it_is_not_made_twice(found):
    with pytest.raises(FileExistsError):
        found.create(SETUP, STATE)


def test_others_cannot_look_into_it(found):
    assert found.path.stat().st_mode & 0o077 == 0


def test_a_job_finds_the_record_of_its_pilot():
    assert record.of_job("/pilot/ep-1/execute/dir_259") == Record(record.Path("/pilot/ep-1/apptainer"))


GARBAGE = ["", "{", "[]", "5", "null", '{"x": 1}', '"text"', "\x00", '{"containers": "2"}', '{"tested": null}']


@pytest.mark.parametrize("text", [*GARBAGE, '{"disk_full": 1}'])
def test_a_state_that_nobody_wrote_is_an_error_for_the_caller(found, text):
    (found.path / "state.json").write_text(text)
    with pytest.raises(ValueError):
        found.state()


@pytest.mark.parametrize(
    "text",
    [*GARBAGE[:8], '{"binds": 5}', '{"binds": [5]}', '{"environment": 5}', '{"mirror": null}', '{"cache_mb": "x"}',
     '{"gpu_libraries": "/a"}', '{"gpu_libraries": [1]}', '{"library_path": null}'],
)  # fmt: skip
def test_a_setup_that_nobody_wrote_is_an_error_for_the_caller(found, text):
    (found.path / "setup.json").write_text(text)
    with pytest.raises(ValueError):
        found.setup()


def test_files_that_are_not_utf_8_are_an_error_for_the_caller(found):
    for name in ("state.json", "setup.json"):
        (found.path / name).write_bytes(b'"\xff"')
    with pytest.raises(ValueError):
        found.state()
    with pytest.raises(ValueError):
        found.setup()


def test_files_that_are_missing_are_an_error_for_the_caller(tmp_path):
    with pytest.raises(OSError):
        Record(tmp_path).state()
    with pytest.raises(OSError):
        Record(tmp_path).setup()


def test_failures_are_part_of_it(found):
    assert found.failures(NOW) == ()
    found.add(Failure(NOW, SIF, "x"))
    assert found.failures(NOW) == (Failure(NOW, SIF, "x"),)
