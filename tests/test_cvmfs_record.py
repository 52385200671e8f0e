"""What boot and renewal tell one another; jobs that run directly could write there, so it may be anything."""

import dataclasses
import json

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as options
from hypothesis import strategies as st

from fakes import NOW
from ospool_ep import classads
from ospool_ep.cvmfs import names, published
from ospool_ep.cvmfs.record import BOUND, MOUNTED, Record, State
from ospool_ep.cvmfs.repositories import Repository

OASIS = "oasis.opensciencegrid.org"
STATE = State(
    MOUNTED,
    (
        Repository(names.CONFIG, seen=True, revision=101, nioerr=0, last_ioerr=0),
        Repository(OASIS, "EIO", NOW, True, nioerr=3, last_ioerr=NOW - 5),
    ),
    (OASIS,),
    "/run/ospool-ep/ep-1/leave",
    "/proc/1/fd/1",
)


@pytest.fixture
def found(tmp_path):
    made = Record(tmp_path / "cvmfs")
    made.create(STATE)
    return made


def test_what_was_written_is_read(found):
    assert found.state() == STATE
    found.save(State())
    assert found.state() == State()


def test_a_state_replaces_the_one_before_at_once(found):
    found.save(State(BOUND))
    assert [path.name for path in found.path.iterdir()] == ["state.json"]


def test_others_cannot_look_into_it(found):
    assert found.path.stat().st_mode & 0o077 == 0


def test_it_is_not_made_twice(found):
    with pytest.raises(FileExistsError):
        found.create(STATE)


def test_one_that_is_missing_is_an_error_for_the_caller(tmp_path):
    with pytest.raises(FileNotFoundError):
        Record(tmp_path).state()


def changed(**changes):
    return json.dumps(dataclasses.asdict(STATE) | changes)


def repository(**changes):
    return changed(repositories=[dataclasses.asdict(STATE.repositories[0]) | changes])


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "5", "null", "{}", '"text"', "\x00", "[" * 100_000, '{"repositories": []}', "NaN",
        changed(repositories=5), changed(repositories=[5]), changed(repositories=[{}]), changed(repositories="ab"),
        changed(asked="cms.cern.ch"), changed(asked=[5]), changed(asked=["$(x)"]), changed(asked=None), changed(more=1),
        changed(source="x\n"), changed(source=5), changed(source=None), changed(log=5), changed(leave=5),
        changed(leave=None), repository(name=5), repository(name="oasis"), repository(name="a.b = True\nSTART"),
        repository(error=None), repository(error="X\nSTART = True"), repository(error="eio"), repository(error='"'),
        repository(failed="x"), repository(failed=None), repository(failed=1.5), repository(failed=float("nan")),
        repository(failed=float("inf")), repository(failed=True), repository(seen=1), repository(seen="x"),
        repository(revision="1\nSTART = True"), repository(nioerr=[]), repository(last_ioerr=1e3), repository(x=1),
    ],
)  # fmt: skip
def test_a_state_that_nobody_wrote_is_an_error_for_the_caller(found, text):
    (found.path / "state.json").write_text(text)
    with pytest.raises(ValueError):
        found.state()


def test_bytes_that_are_no_text_are_an_error_for_the_caller(found):
    (found.path / "state.json").write_bytes(b'"\xff"')
    with pytest.raises(ValueError):
        found.state()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(OASIS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = [one.name for one in dataclasses.fields(Repository)]
REPOSITORIES = st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=2).map(
    lambda some: dataclasses.asdict(STATE.repositories[1]) | some
)
STATES = st.dictionaries(st.sampled_from(["source", "asked", "leave", "log"]), JSON, max_size=2)


@options(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STATES, st.lists(REPOSITORIES, max_size=2), st.integers())
@example({}, [dataclasses.asdict(STATE.repositories[1]) | {"failed": -(1 << 70), "last_ioerr": 1 << 70}], 0)
def test_whatever_is_in_the_file_the_ad_gets_whole_expressions_of_known_names(found, state, repositories, now):
    (found.path / "state.json").write_text(changed(**state, repositories=repositories))
    try:
        said = published.attributes(found.state(), now)
    except ValueError:
        return
    for name, text in said.items():
        assert classads.NAME.fullmatch(name)
        assert name.startswith(("HAS_CVMFS_", "CVMFS_"))
        assert not isinstance(classads.parse(text), classads.ParseFailure), text


# --- lost


def lost(*errors, asked=(OASIS, "cms.cern.ch"), leave="/x"):
    repositories = zip((OASIS, "cms.cern.ch", names.CONFIG), errors, strict=False)
    return State(MOUNTED, tuple(Repository(*one) for one in repositories), asked, leave).lost


DEAD = "ENOTCONN"


@pytest.mark.parametrize("others", ["", "EIO", "LATE", "STUCK", "ENOENT"])
def test_cvmfs_is_lost_when_all_that_was_asked_for_is_dead(others):
    assert lost(DEAD, DEAD)
    assert not lost(DEAD, others)
    assert not lost(others, DEAD)
    assert not lost(others, others, DEAD)


def test_what_was_not_asked_for_does_not_save_it():
    assert lost(DEAD, DEAD, "")
    assert lost(DEAD, "EIO", asked=(OASIS,))


def test_where_the_pilot_never_leaves_for_its_sake_it_is_not_lost():
    assert not lost(DEAD, DEAD, leave="")


def test_one_that_mounted_nothing_has_nothing_to_lose():
    assert not lost(DEAD, DEAD, asked=())
    assert not State(leave="/x").lost
