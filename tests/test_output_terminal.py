"""What a person sees, before a real (pseudo-) terminal: colours, width, signs; and what goes to a log instead."""

import pytest

import plans
from fakes import log_to_text
from ospool_ep.output import plain, terminal
from ospool_ep.output.page import Page
from ospool_ep.report import Line, Style, show
from ospool_ep.settings import wants_no_colour, wants_unicode
from terminals import before, uncoloured

LINES = (*plans.ALL_KINDS, Line("token", "long " * 40, ()), Line("network", ""))
PAGE = Page(LINES, (), "a hint that is longer than the narrowest terminal", "a verdict that is longer than that")
SHOW = """
import os
from ospool_ep.log import Log
from ospool_ep.output import terminal
from test_output_terminal import PAGE
terminal.show(PAGE, Log(), terminal.style(os.environ))
"""
SIGNS = "\u2713\u2717\u2013"


@pytest.mark.parametrize("columns", [40, 60, 80, 132])
def test_no_row_is_wider_than_the_terminal(columns):
    text = uncoloured(before(SHOW, columns))
    rows = [row for row in text.splitlines() if "docker" not in row]  # to be pasted: never broken
    assert max(map(len, rows)) < max(columns, 41)
    assert text.split().count("long") == 40
    assert max(map(len, rows)) > columns * 2 / 3


def test_it_uses_no_more_than_a_page_of_a_very_wide_one():
    assert 100 < max(map(len, uncoloured(before(SHOW, 400)).splitlines())) <= 140


def test_a_terminal_that_does_not_know_its_width_is_taken_for_a_usual_one():
    assert uncoloured(before(SHOW, 0)) == uncoloured(before(SHOW, 80))


def test_marks_have_colours_at_a_terminal():
    text = before(SHOW)
    for code, mark in (("32", "ok"), ("33", "warning"), ("31;1", "REFUSED"), ("2", "n/a")):
        assert f"\x1b[{code}m" in text.split(mark)[0].splitlines()[-1]


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_where_nobody_wants_them(env):
    text = before(SHOW, env=env)
    assert "\x1b" not in text
    assert text == uncoloured(before(SHOW))


def test_signs_beyond_ascii_where_the_locale_has_them():
    assert all(sign in before(SHOW) for sign in SIGNS)


@pytest.mark.parametrize(
    "env", [{"LC_ALL": "C"}, {"LANG": "C"}, {"LC_CTYPE": "C", "LANG": "C"}, {"LANG": "de_DE@euro"}]
)
def test_ascii_elsewhere(env):
    text = before(SHOW, env=env)
    assert text.isascii()
    assert "REFUSED" in text


def test_names_beyond_ascii_are_still_told_in_the_c_locale():
    log, stream = log_to_text()
    terminal.show(Page((Line("settings", "Z\u00fcrich"),)), log, Style(80))
    assert "Z\\xfcrich" in stream.getvalue()


@pytest.mark.parametrize(
    ("environ", "yes"),
    [
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "en_US.utf8"}, True),
        ({"LANG": "de_DE.UTF-8@euro"}, True),
        ({"LC_ALL": "C", "LANG": "C.UTF-8"}, False),
        ({"LC_ALL": "", "LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, True),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, False),
        ({"LANG": "en_US.ISO-8859-1"}, False),
        ({}, False),
    ],
)
def test_the_first_variable_that_is_set_names_the_locale(environ, yes):
    assert wants_unicode(environ) is yes


def test_no_color_counts_when_it_is_set_to_anything():
    assert [wants_no_colour(one) for one in ({}, {"NO_COLOR": ""}, {"NO_COLOR": "0"})] == [False, False, True]


def test_no_style_where_there_is_no_terminal():
    assert terminal.style({}) is None  # pytest's own standard output


def lines_of(shown, *lines, **options):
    log, stream = log_to_text(**options)
    shown(lines, log)
    return stream.getvalue()


def styled(lines, log):
    terminal.show(Page(lines, ("a table",), "the hint", "the verdict"), log, Style(80))


def logged(lines, log):
    plain.show(Page(lines, ("a table",), "the hint", "the verdict"), log)


@pytest.mark.parametrize("shown", [styled, logged])
def test_rows_tables_problems_hint_and_verdict_in_this_order(shown):
    text = lines_of(shown, *plans.ALL_KINDS)
    words = ("osg (uid 1000)", "a table", "REFUSED: scratch-full", "warning: shm-small", "the hint", "the verdict")
    assert [text.index(word) for word in words] == sorted(text.index(word) for word in words)


@pytest.mark.parametrize("shown", [styled, logged])
def test_no_hint_without_a_problem(shown):
    assert "the hint" not in lines_of(shown, plans.OK, plans.ABSENT)


@pytest.mark.parametrize("shown", [styled, logged])
def test_a_check_that_does_not_apply_says_why(shown):
    row = next(row for row in lines_of(shown, plans.ABSENT).splitlines() if "proxy " in row)
    assert row.split("n/a")[1].split(maxsplit=1) == ["proxy", "OSG_SQUID_LOCATION is not set"]


def test_the_boot_says_nothing_of_it():
    assert lines_of(show, plans.ABSENT) == ""
    told = lines_of(show, Line("cvmfs", "", (plans.HINT,), "neither bound in nor asked for"))
    assert "warning cvmfs\n" in told
    assert "neither" not in told


def test_a_secret_that_has_to_be_wrapped_is_found_before():
    secret = "correct horse battery staple and some more words"
    text = lines_of(styled, Line("a", f"{'word ' * 8}{secret}"), secrets=(secret,))
    assert "[redacted]" in text
    assert "battery" not in text
