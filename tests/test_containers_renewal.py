"""When the retest tests, and what counts: tables, and a clock that runs through any history."""

import dataclasses
import re

import pytest
from hypothesis import settings as options
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fakes import NOW, SETUP, STATE
from ospool_ep.containers import published, renewal
from ospool_ep.containers.failures import CONTAINERS, DEFAULT, IMAGE, SIF, WINDOW_S, Failure
from ospool_ep.containers.record import BELIEVED, State
from ospool_ep.containers.renewal import NO_SIF, Answer
from ospool_ep.containers.verdict import Ability

ABLE = Ability("1.4.5", directories=True, pid_namespaces=True, sif=True)
NO_FUSE = dataclasses.replace(ABLE, sif=False, comment="no fuse")
UNABLE = Ability("1.4.5", comment="seccomp")
FIRST = State(containers=2, sif=2, registry=1, tested=NOW)
WELL, DOWN = Answer("", "i", "registry", "g"), Answer("refused", "", "", "")


def judged(before, able, faults=(), failures=(), setup=SETUP):
    return renewal.tested(before, setup, able, faults, failures)


def offered(state, setup=SETUP):
    said = published.attributes(setup, state)
    names = ("HAS_SINGULARITY", "SINGULARITY_CAN_USE_SIF", "SINGULARITY_CAN_USE_REGISTRY")
    return tuple(said[name] == "True" for name in names)


def failures(count, what=CONTAINERS, why="it broke"):
    return tuple(Failure(NOW, what, why) for _ in range(count))


def test_what_is_lost_is_off_at_once_with_a_reason():
    after = judged(STATE, UNABLE)
    assert offered(after) == (False, False, False)
    assert after.comment == "seccomp"


def test_what_comes_back_is_believed_after_two_passes_in_a_row():
    once = judged(judged(STATE, UNABLE), ABLE)
    assert offered(once) == (False, False, False)
    assert offered(judged(once, ABLE)) == (True, True, True)
    assert offered(judged(judged(once, UNABLE), ABLE)) == (False, False, False)


def test_only_sif_files_are_lost_with_fuse():
    after = judged(STATE, NO_FUSE)
    assert offered(after) == (True, False, False)
    assert after.comment == "no fuse"
    once = judged(after, ABLE)
    assert offered(once) == (True, False, False)
    assert offered(judged(once, ABLE)) == (True, True, True)


def test_a_pid_namespace_that_is_lost_ends_it_for_jobs_ask_for_one():
    assert offered(judged(STATE, dataclasses.replace(ABLE, pid_namespaces=False))) == (False, False, False)


def test_where_there_was_none_at_the_start_none_is_missed():
    setup = dataclasses.replace(SETUP, pid_namespaces=False)
    assert offered(judged(STATE, dataclasses.replace(ABLE, pid_namespaces=False), setup=setup), setup)[0]
    assert not offered(judged(STATE, UNABLE, setup=setup), setup)[0]


def test_a_fault_of_the_volume_counts_though_the_test_passed():
    after = judged(STATE, ABLE, faults=("/pilot is mounted noexec",))
    assert offered(after) == (False, False, False)
    assert after.comment == "/pilot is mounted noexec"


@pytest.mark.parametrize(
    ("what", "left"), [(CONTAINERS, (False, False, False)), (SIF, (True, False, False)), (DEFAULT, (True, True, True))]
)
def test_three_of_a_kind_switch_that_kind_off(what, left):
    assert offered(judged(STATE, ABLE, failures=failures(2, what))) == (True, True, True)
    after = judged(STATE, ABLE, failures=(*failures(2, what, "first"), *failures(1, what)))
    assert offered(after) == left
    assert re.fullmatch(r"3 .*containers.* could not be started within ten minutes: it broke", after.comment)


def test_what_needs_containers_begins_again_with_them():
    for lost in (judged(STATE, ABLE, failures=failures(3)), judged(STATE, UNABLE), renewal.stuck(STATE)):
        assert (lost.containers, lost.sif) == (0, 0)


def test_two_of_each_kind_are_not_three_of_one():
    mixed = failures(2, CONTAINERS) + failures(2, SIF) + failures(2, DEFAULT) + failures(9, IMAGE)
    after = judged(STATE, ABLE, failures=mixed)
    assert offered(after) == (True, True, True)
    assert after.comment == ""


def test_a_default_image_that_fails_is_not_offered_until_it_is_long_ago():
    state = dataclasses.replace(STATE, image="/i", gpu_image="/i", image_source="local")
    gone = judged(state, ABLE, failures=failures(3, DEFAULT))
    assert published.attributes(SETUP, gone)["OSG_DEFAULT_SINGULARITY_IMAGE"] == "undefined"
    back = judged(gone, ABLE)
    assert published.attributes(SETUP, back)["OSG_DEFAULT_SINGULARITY_IMAGE"] == '"/i"'


def test_all_reasons_are_told():
    after = judged(STATE, NO_FUSE, faults=("noexec",), failures=failures(3, SIF))
    assert re.fullmatch(r"noexec; 3 .*\.sif.*; no fuse", after.comment)


def test_a_comment_ends_with_its_cause():
    again = judged(judged(STATE, UNABLE), ABLE)
    assert again.comment == "a test has passed again, and counts after a second one"
    assert judged(again, ABLE).comment == ""


def test_the_first_answer_of_a_registry_counts():
    assert offered(FIRST) == (True, True, False)
    assert offered(renewal.answered(FIRST, WELL, NOW)) == (True, True, True)


def test_a_registry_that_is_lost_must_answer_twice():
    down = renewal.answered(STATE, DOWN, NOW)
    assert offered(down) == (True, True, False)
    assert down.registry_comment == "images of registries cannot be had: refused"
    once = renewal.answered(down, WELL, NOW)
    assert offered(once) == (True, True, False)
    assert once.registry_comment == ""
    assert offered(renewal.answered(once, WELL, NOW)) == (True, True, True)


def test_the_answer_brings_the_default_images():
    after = renewal.answered(STATE, WELL, NOW + 7)
    assert (after.image, after.image_source, after.gpu_image, after.asked) == ("i", "registry", "g", NOW + 7)


def test_that_sif_files_do_not_run_is_not_told_twice():
    after = renewal.answered(STATE, Answer(NO_SIF, "", "", ""), NOW)
    assert (after.registry, after.registry_comment) == (0, "")
    assert ".sif" in NO_SIF


def test_a_test_that_hangs_is_a_promise_that_is_not_kept():
    after = renewal.stuck(STATE)
    assert offered(after) == (False, False, False)
    assert "has not ended" in after.comment
    assert offered(judged(after, ABLE)) == (False, False, False)


@pytest.mark.parametrize(
    ("since", "counts", "due"),
    [
        (0, 2, False),
        (290, 2, False),
        (295, 2, True),
        (1000, 2, True),
        (54, 1, False),
        (55, 1, True),
        (60, 0, False),
        (300, 0, True),
    ],
)
def test_every_five_minutes_and_after_one_where_a_second_pass_is_missing(since, counts, due):
    for changes in ({"containers": counts}, {"sif": counts}):
        state = dataclasses.replace(STATE, **changes)
        assert renewal.due(state, NOW + since, 0) is due


@pytest.mark.parametrize(("failed", "due"), [(0, False), (NOW - 1, False), (NOW, True), (NOW + 20, True)])
def test_after_a_failure_at_once(failed, due):
    assert renewal.due(STATE, NOW + 30, failed) is due


@pytest.mark.parametrize(
    ("since", "registry", "asking"),
    [(0, 2, False), (290, 2, False), (295, 2, True), (54, 1, False), (55, 1, True), (60, 0, False), (300, 0, True)],
)
def test_registries_are_asked_in_the_same_rhythm(since, registry, asking):
    assert renewal.asking(dataclasses.replace(STATE, registry=registry), NOW + since) is asking


def test_the_first_question_is_asked_at_once():
    assert renewal.asking(FIRST, NOW)


class Life(RuleBasedStateMachine):
    """The retest is started every half minute; the machine, its registry and its jobs do what they like."""

    def __init__(self):
        super().__init__()
        self.now, self.state, self.failed = NOW, FIRST, []
        self.good = self.up = True
        # Results of the tests and of the questions, the last one last; at the boot all was well.
        self.tests, self.answers = [True, True], [True]

    @rule(good=st.booleans(), up=st.booleans())
    def change(self, good, up):
        self.good, self.up = good, up

    @rule()
    def fail(self):
        self.failed.append(Failure(self.now, CONTAINERS, "x"))

    @rule(periods=st.integers(1, 12))
    def live(self, periods):
        for _ in range(periods):
            self.now += 30
            self._retest()

    def _retest(self):
        recent = tuple(failure for failure in self.failed if self.now - failure.when < WINDOW_S)
        if renewal.due(self.state, self.now, max((one.when for one in recent), default=0)):
            self.state = judged(self.state, ABLE if self.good else UNABLE, failures=recent)
            self.state = dataclasses.replace(self.state, tested=self.now)
            self.tests.append(self.good and len(recent) < 3)
        if renewal.asking(self.state, self.now):
            self.state = renewal.answered(self.state, WELL if self.up else DOWN, self.now)
            self.answers.append(self.up)

    @invariant()
    def containers_are_offered_after_two_passes_in_a_row(self):
        assert offered(self.state)[0] is all(self.tests[-2:])

    @invariant()
    def registries_too_but_for_the_first_answer(self):
        expected = all(self.answers[-2:]) and len(self.answers) > 1
        assert (self.state.registry == BELIEVED) is expected

    @invariant()
    def what_is_off_has_a_comment_or_waits_for_its_second_pass(self):
        assert offered(self.state)[0] or self.state.comment or self.tests[-1]

    @invariant()
    def no_test_is_older_than_five_minutes_and_a_period(self):
        assert self.now - self.state.tested <= 330


TestLife = Life.TestCase
TestLife.settings = options(max_examples=60, stateful_step_count=25, deadline=None)


def test_failures_that_a_test_has_explained_count_no_more():
    """Otherwise a device that was away for a minute would be away for ten."""
    assert renewal.lost(STATE, SETUP, NO_FUSE)
    assert renewal.lost(STATE, SETUP, UNABLE)
    assert not renewal.lost(STATE, SETUP, ABLE)
    assert not renewal.lost(dataclasses.replace(STATE, sif=0), SETUP, NO_FUSE), "it was off before"
    explained = dataclasses.replace(STATE, lost=NOW + 100)
    assert judged(explained, ABLE, failures=failures(3, SIF)).sif == 2
    assert judged(STATE, ABLE, failures=failures(3, SIF)).sif == 0
