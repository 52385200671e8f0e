"""What is believed of a repository, whatever it answers and whatever the clock does."""

import pytest
from hypothesis import assume, given
from hypothesis import settings as options
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fakes import NOW
from ospool_ep.cvmfs.ask import LATE, STUCK, UNASKED, Answer
from ospool_ep.cvmfs.repositories import OFF_S, Repository, renewed

NAME = "cms.cern.ch"
NEW = Repository(NAME)
WELL = Answer(NAME, revision=7, nioerr=0, last_ioerr=0)
ERRORS = ("ENOENT", "ENOTCONN", "EACCES", "EPERM", "EIO", "EMPTY", "ESTALE", LATE, STUCK)
TIMES = st.integers(1, 1 << 33)


def answer(error="", **numbers):
    return Answer(NAME, error, **numbers)


def test_nothing_is_believed_of_one_that_was_never_asked():
    assert not NEW.usable(NOW)
    assert NEW.failed == 0
    assert OFF_S == 14_400


def test_the_first_answer_counts():
    after = renewed(NEW, WELL, NOW)
    assert after.usable(NOW)
    assert (after.words(NOW), after.revision, after.nioerr, after.last_ioerr) == ("", 7, 0, 0)


@pytest.mark.parametrize("error", ERRORS)
def test_an_error_takes_it_back_for_four_hours(error):
    lost = renewed(renewed(NEW, WELL, NOW), answer(error), NOW + 120)
    assert not lost.usable(NOW + 120)
    assert not lost.usable(NOW + 120 + 2 * OFF_S), "it has not answered since"
    back = renewed(lost, WELL, NOW + 240)
    assert not back.usable(NOW + 120 + OFF_S - 1)
    assert back.usable(NOW + 120 + OFF_S)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("ENOENT", "is not there"), ("ENOTCONN", "Transport endpoint is not connected"), ("EIO", "Input/output error"),
        ("EACCES", "Permission denied"), (LATE, "does not answer"), (STUCK, "holds an earlier question"),
        ("EMPTY", "its directory is empty"), ("ESTALE", "cannot be read (ESTALE)"),
    ],
)  # fmt: skip
def test_the_reason_is_told(error, words):
    assert words in renewed(NEW, answer(error), NOW).words(NOW)


def test_while_it_is_off_though_it_answers_the_age_of_its_failure_is_told():
    after = renewed(renewed(NEW, answer("EIO"), NOW), WELL, NOW + 60)
    assert after.words(NOW + 600) == "failed 10 minutes ago, and counts again after 4 hours without"


def test_an_io_error_that_the_client_has_counted_is_a_failure_too():
    after = renewed(NEW, answer(nioerr=3, last_ioerr=NOW - 60), NOW)
    assert not after.usable(NOW)
    assert after.usable(NOW - 60 + OFF_S)


def test_an_old_io_error_is_none():
    assert renewed(NEW, answer(nioerr=3, last_ioerr=NOW - OFF_S), NOW).usable(NOW)


@pytest.mark.parametrize(("error", "usable"), [(LATE, True), (STUCK, False), ("ENOENT", False), ("EIO", False)])
def test_what_autofs_has_not_mounted_yet_at_the_boot_is_no_failure(error, usable):
    after = renewed(NEW, answer(error), NOW, booting=True)
    assert not after.usable(NOW)
    assert renewed(after, WELL, NOW + 60).usable(NOW + 60) is usable


def test_where_nobody_was_asked_nothing_is_believed_anew():
    well = renewed(NEW, WELL, NOW)
    assert renewed(well, answer(UNASKED), NOW + 500) is well
    assert renewed(NEW, answer(UNASKED), NOW).words(NOW) == "has not been asked yet"


def test_later_it_is_one():
    assert not renewed(renewed(NEW, answer(LATE), NOW), WELL, NOW + 60).usable(NOW + 60)


@pytest.mark.parametrize("error", ERRORS)
def test_only_a_client_that_has_ended_is_dead(error):
    assert renewed(NEW, answer(error), NOW).dead is (error == "ENOTCONN")
    assert not renewed(renewed(NEW, answer(error), NOW), WELL, NOW).dead


def test_numbers_that_it_no_longer_gives_are_not_known():
    assert renewed(renewed(NEW, WELL, NOW), answer(), NOW).revision is None


@given(TIMES, TIMES, st.sampled_from(ERRORS), st.integers(0, OFF_S - 1))
def test_a_failure_of_just_now_counts_whatever_the_clock_once_said(before, now, error, later):
    """Clocks are set, forwards and back."""
    past = renewed(NEW, answer(error), before)
    assert not renewed(renewed(past, answer(error), now), WELL, now + later).usable(now + later)
    assert not renewed(past, answer(last_ioerr=now), now + later).usable(now + later)


@given(TIMES, TIMES)
def test_a_clock_that_was_set_back_far_keeps_nothing_off_for_ever(before, now):
    assume(abs(before - now) >= OFF_S)
    assert renewed(renewed(NEW, answer("EIO"), before), WELL, now).usable(now)


class Life(RuleBasedStateMachine):
    """A repository that is asked every two minutes by a clock that only goes forwards."""

    def __init__(self):
        super().__init__()
        self.now, self.one, self.failed, self.ioerr, self.told = NOW, NEW, 0, 0, 0

    @rule(minutes=st.integers(1, 300))
    def wait(self, minutes):
        self.now += 60 * minutes

    @rule(error=st.sampled_from(ERRORS))
    def fail(self, error):
        self.one, self.failed = renewed(self.one, answer(error), self.now), self.now

    @rule(age=st.integers(0, 2 * OFF_S))
    def count(self, age):
        self.ioerr = max(self.ioerr, self.now - age)

    @rule()
    def well(self):
        self.told = self.ioerr
        self.one = renewed(self.one, answer(nioerr=1, last_ioerr=self.ioerr), self.now)

    @invariant()
    def jobs_may_count_on_it_only_where_four_hours_were_good(self):
        if self.one.usable(self.now):
            assert not self.one.error
            assert self.now - max(self.failed, self.told) >= OFF_S

    @invariant()
    def what_is_off_has_a_reason(self):
        assert self.one.usable(self.now) or self.one == NEW or self.one.words(self.now)


TestLife = Life.TestCase
TestLife.settings = options(max_examples=60, stateful_step_count=20, deadline=None)
