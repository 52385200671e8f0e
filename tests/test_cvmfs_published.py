"""What the machine ad says of CVMFS, what people read of it at the boot, and what HTCondor is told."""

import dataclasses

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import NOW, pilot
from ospool_ep import classads, condor_config
from ospool_ep.cvmfs import given as handed
from ospool_ep.cvmfs import knobs, names
from ospool_ep.cvmfs.given import Given, summary
from ospool_ep.cvmfs.published import attributes, unusable
from ospool_ep.cvmfs.record import BOUND, MOUNTED, State
from ospool_ep.cvmfs.repositories import OFF_S, Repository

OASIS, CMS = "oasis.opensciencegrid.org", "cms.cern.ch"
NUMBERS = st.none() | st.integers(-5, 1 << 40)
NAMES = st.sampled_from((names.CONFIG, *names.WORTH))
ERRORS = st.sampled_from(["", "", "ENOTCONN", "EIO", "LATE", "STUCK", "ENOENT", "EMPTY", "E123"])
REPOSITORIES = st.builds(
    Repository, NAMES, ERRORS, st.just(0) | st.integers(NOW - 2 * OFF_S, NOW), st.booleans(),
    revision=NUMBERS, nioerr=NUMBERS, last_ioerr=NUMBERS,
)  # fmt: skip
STATES = st.builds(
    State, st.sampled_from([BOUND, MOUNTED]),
    st.lists(REPOSITORIES, max_size=5, unique_by=lambda one: one.name).map(tuple),
    st.lists(NAMES, max_size=3).map(tuple), st.sampled_from(["", "/x"]),
)  # fmt: skip


def ad(state, now=NOW):
    """As an access point reads it: one line for each attribute."""
    text = "".join(f"{name} = {text}\n" for name, text in attributes(state, now).items())
    return classad2.parseOne(text, classad2.ParserType.Old)


def good(name=OASIS, **changes):
    return Repository(**({"name": name, "seen": True, "revision": 7, "nioerr": 0, "last_ioerr": 0} | changes))


def state(*repositories, source=MOUNTED, asked=(OASIS,), leave=""):
    return State(source, repositories, asked, leave)


@given(STATES)
def test_every_line_is_one_legal_expression_and_comes_back_as_it_was_meant(given_state):
    said, read = attributes(given_state, NOW), ad(given_state)
    assert set(read) == set(said)
    for name, text in said.items():
        assert not isinstance(classads.parse(text), classads.ParseFailure)
        assert "\\" not in text
        assert name in classads.known("attributes") or name.startswith(("HAS_CVMFS_", "CVMFS_"))
    for one in given_state.repositories:
        assert read[f"HAS_CVMFS_{names.attribute(one.name)}"] is one.usable(NOW)
    assert read["CVMFS_LOST"] is given_state.lost
    assert isinstance(read["CVMFS_STUCK_PROBES"], int)


@given(STATES, ERRORS, NAMES)
def test_an_attribute_that_was_there_stays_there(before, error, name):
    """The startd keeps what is no longer printed: the boot's word would come back."""
    later = dataclasses.replace(
        before, repositories=tuple(dataclasses.replace(one, error=error) for one in before.repositories)
    )
    assert set(attributes(later, NOW)) == set(attributes(before, NOW))


def test_where_there_is_no_cvmfs_nothing_is_said():
    assert attributes(State(), NOW) == {}


def test_where_all_is_well():
    assert dict(ad(state(good(names.CONFIG, revision=101), good()))) == {
        "CVMFS_SOURCE": "cvmfsexec", "CVMFS_COMMENT": "", "CVMFS_STUCK_PROBES": 0, "CVMFS_LOST": False,
        "CVMFS_UNUSABLE": "^/cvmfs/(?!(config-osg[.]opensciencegrid[.]org|oasis[.]opensciencegrid[.]org)/)",
        "HAS_CVMFS_config_osg_opensciencegrid_org": True, "HAS_CVMFS_oasis_opensciencegrid_org": True,
        "CVMFS_config_osg_opensciencegrid_org_REVISION": 101, "CVMFS_oasis_opensciencegrid_org_REVISION": 7,
        "CVMFS_config_osg_opensciencegrid_org_NIOERR": 0, "CVMFS_oasis_opensciencegrid_org_NIOERR": 0,
        "CVMFS_config_osg_opensciencegrid_org_LAST_IOERR": -1, "CVMFS_oasis_opensciencegrid_org_LAST_IOERR": -1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("last", "age"),
    [(0, -1), (NOW - 30, 30), (NOW, 0), (NOW + 500, 0), (None, classad2.Value.Undefined)],
)
def test_the_age_of_the_last_error_in_seconds(last, age):
    assert ad(state(good(last_ioerr=last)))["CVMFS_oasis_opensciencegrid_org_LAST_IOERR"] == age


def test_what_does_not_answer_has_no_numbers():
    said = ad(state(good(error="ENOTCONN", failed=NOW)))
    assert said["HAS_CVMFS_oasis_opensciencegrid_org"] is False
    assert said["CVMFS_oasis_opensciencegrid_org_REVISION"] == classad2.Value.Undefined
    assert "oasis.opensciencegrid.org is dead" in said["CVMFS_COMMENT"]


def test_what_never_was_there_is_only_said_not_to_be():
    said = ad(state(Repository(CMS, "ENOENT", NOW), source=BOUND, asked=()))
    assert said["HAS_CVMFS_cms_cern_ch"] is False
    assert not [name for name in said if name.startswith("CVMFS_cms")]
    assert said["CVMFS_COMMENT"] == ""


def test_one_that_has_been_there_is_missed():
    said = ad(state(good(CMS, error="ENOENT", failed=NOW), source=BOUND, asked=()))
    assert said["CVMFS_COMMENT"] == "cms.cern.ch is not there"


@pytest.mark.parametrize("one", [Repository(names.CONFIG, "ENOENT", NOW), Repository(OASIS, "ENOENT", NOW)])
def test_but_the_config_repository_and_those_that_were_asked_for_are_missed(one):
    assert f"{one.name} is not there" in ad(state(one))["CVMFS_COMMENT"]


def test_questions_that_hang_are_counted():
    repositories = (good(error="LATE"), good(CMS, error="STUCK"), good(names.CONFIG, error="EIO"))
    assert ad(state(*repositories))["CVMFS_STUCK_PROBES"] == 2


def test_losing_it_all():
    dead = good(error="ENOTCONN", failed=NOW)
    assert ad(state(dead, leave="/x"))["CVMFS_LOST"] is True
    assert ad(state(dead))["CVMFS_LOST"] is False


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/cvmfs/{OASIS}/x", True), (f"/cvmfs/{CMS}/x", False), ("/cvmfs/unknown.cern.ch/x", False), ("/x", False),
        (f"/cvmfs/{OASIS}", False), (f"/cvmfs/{OASIS}x/y", False), (f"x/cvmfs/{OASIS}/y", False),
        ("/cvmfs/oasisxopensciencegrid.org/x", False),
    ],
)  # fmt: skip
def test_paths_that_jobs_cannot_count_on_by_name_and_by_pattern(path, expected):
    given_state = state(good(error="EIO"), good(CMS), source=BOUND)
    assert unusable(given_state, NOW, path) is expected
    found = ad(given_state)
    found["Path"] = path
    found["Matches"] = classad2.ExprTree("regexp(CVMFS_UNUSABLE, Path)")
    assert found.eval("Matches") is expected


@pytest.mark.parametrize(("path", "expected"), [(f"/cvmfs/{OASIS}/x", False), (f"/cvmfs/{CMS}/x", True),
                                                ("/cvmfs/unknown.cern.ch/x", True), (f"/cvmfs/{OASIS}2/x", True),
                                                (f"/cvmfs/{names.CONFIG}/x", True), ("/images/x", False)])  # fmt: skip
def test_cvmfsexec_mounts_nothing_that_was_not_named(path, expected):
    found = ad(state(good(), good(names.CONFIG, error="EIO")))
    found["Path"] = path
    found["Matches"] = classad2.ExprTree("regexp(CVMFS_UNUSABLE, Path)")
    assert found.eval("Matches") is expected


def test_where_nothing_is_left_every_path_is_unusable():
    found = ad(state(good(error="ENOTCONN")))
    found["Matches"] = classad2.ExprTree(f'regexp(CVMFS_UNUSABLE, "/cvmfs/{OASIS}/x")')
    assert found.eval("Matches") is True


def test_where_every_path_can_be_counted_on_the_pattern_is_undefined():
    assert ad(state(good(), source=BOUND))["CVMFS_UNUSABLE"] == classad2.Value.Undefined
    assert not unusable(state(good()), NOW, f"/cvmfs/{OASIS}/x")


# --- one line for people


def test_nobody_asked_for_cvmfs():
    assert summary(Given(), NOW) == ""


@pytest.mark.parametrize(("source", "words"), [(BOUND, "/cvmfs of the host: "), (MOUNTED, "mounted with cvmfsexec: ")])
def test_what_was_asked_for_comes_first_with_its_revision(source, words):
    repositories = (good(names.CONFIG, revision=101), good(CMS, revision=None), good(revision=20202))
    said = summary(Given(state(*repositories, source=source)), NOW)
    assert said == f"{words}{OASIS} (revision 20202), {names.CONFIG} (revision 101), {CMS}"


def test_many_are_counted():
    repositories = tuple(good(name, revision=None) for name in names.WORTH[:7])
    said = summary(Given(state(*repositories, source=BOUND)), NOW)
    assert said.endswith(f"{names.WORTH[3]}, and 3 more")
    assert summary(Given(state(*repositories[:4], source=BOUND)), NOW).endswith(names.WORTH[3])


def test_what_cannot_be_used_is_not_shown_and_the_note_is():
    given_state = state(good(error="EIO"), source=BOUND)
    assert summary(Given(given_state, note="a note"), NOW) == ("/cvmfs of the host: nothing in it can be used; a note")
    assert summary(handed.NOT_MOUNTED, NOW) == handed.NOT_MOUNTED.note != ""


# --- configuration


def test_without_cvmfs_nothing_is_configured():
    assert knobs.knobs("/r", State()) == {}


def test_the_renewal_is_a_cron_job_in_every_mode():
    for source in (BOUND, MOUNTED):
        said = knobs.knobs("/pilot/ep-1/cvmfs", State(source))
        assert said["STARTD_CRON_CVMFS_EXECUTABLE"] == "/usr/libexec/ospool-ep/cvmfs"
        assert said["STARTD_CRON_CVMFS_ARGS"] == "/pilot/ep-1/cvmfs"
        assert (said["STARTD_CRON_CVMFS_MODE"], said["STARTD_CRON_CVMFS_PERIOD"]) == ("Periodic", "120s")
        assert not [name for name in said if "SHUTDOWN" in name]


@pytest.mark.parametrize(
    ("lost", "slots", "leaves"),
    [("True", "0", True), ("True", "1", False), ("False", "0", False), (None, "0", False), ("True", None, False)],
)
def test_a_pilot_that_must_have_it_leaves_when_the_last_job_has_ended(lost, slots, leaves):
    text = knobs.knobs("/r", State(MOUNTED, leave="/x"))["STARTD.DAEMON_SHUTDOWN"]
    machine = classad2.ClassAd()
    for name, value in (("CVMFS_LOST", lost), ("NumDynamicSlots", slots)):
        if value is not None:
            machine[name] = classads.parse(value)
    assert classads.parse(text).eval(machine) is leaves


def test_all_of_it_is_in_the_configuration():
    said = knobs.knobs("/r", State(MOUNTED, leave="/x"))
    whole = condor_config.knobs(pilot(cvmfs=tuple(said.items())))
    assert said.items() <= whole.items()
