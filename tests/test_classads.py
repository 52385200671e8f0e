import time

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ospool_ep import classads, values
from ospool_ep.classads import ParseFailure, parse


@pytest.mark.parametrize(
    "good",
    [
        "True", "1", "2.5", '"text"', "TARGET.RequestMemory <= 8000", "Owner == \"x\" && !isUndefined(Y)",
        "a ? b : c", "a ?: b", "{1, 2}", "[a = 1]", 'stringListMember("a", X)', '"http://x"', '"a /* b"', "x /* c */",
        '"back\\slash"', '"größe"', "( 1 )", "'quoted name' =?= undefined",
    ],
)  # fmt: skip
def test_complete_expressions(good):
    assert isinstance(parse(good), classad2.ExprTree)


@pytest.mark.parametrize(
    ("bad", "column"),
    [
        ("True) || (True", 5),
        ("1 ]", 3),
        ("1 }", 3),
        ("1, 2", 2),
        ('"a" // c', 5),
        ('"a" /* c', 5),
        ("True; START = True", 5),
        ("TARGET.x ==", 10),
        ("a && && b", 3),
        ('"a" "b"', 5),
        ("x\\", 2),
        ('"a" # c', 5),
        ("True\nSTART = True", 5),
        ("a\rb", 2),
        ("= 1", 1),
        ('"a', 1),
        ("@", 1),
    ],
)
def test_what_is_no_complete_expression_is_refused_where_the_trouble_starts(bad, column):
    failure = parse(bad)
    assert isinstance(failure, ParseFailure)
    assert failure.column == column
    assert f"(column {column})" in str(failure)


@pytest.mark.parametrize("nothing", ["", "  "])
def test_an_empty_expression(nothing):
    assert str(parse(nothing)) == "empty expression"


def test_a_string_that_escapes_its_own_end_inside_an_expression_is_no_expression():
    assert isinstance(parse('(TARGET.ProjectName =?= "x\\") && True'), ParseFailure)


def test_the_message_does_not_quote_pages():
    assert len(str(parse("1 ] " + "x" * 5000))) < 150


def test_a_long_expression_with_a_mistake_does_not_hold_up_the_boot():
    start = time.monotonic()
    assert isinstance(parse("a == 1 && " * 500 + "=="), ParseFailure)
    assert time.monotonic() - start < 5


@given(st.text(max_size=40))
def test_no_text_brings_the_parser_down_and_a_good_one_survives_parentheses(text):
    tree = parse(text)
    if not isinstance(tree, ParseFailure):
        assert not isinstance(parse(f"({text}) && ({text})"), ParseFailure)


@given(st.text(max_size=40))
def test_a_quoted_string_reads_back_as_written_or_the_setting_refuses_it(text):
    try:
        values.string(text)
    except ValueError:
        return
    tree = parse(classads.quote(text))
    assert isinstance(tree, classad2.ExprTree)
    assert tree.eval() == text


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("TARGET.Owner == MY.Site", ("Owner", "Site")),
        ("time() > 5", ()),
        ('other.x == "y" && regexp("a", B)', ("B", "x")),
        ("True", ()),
    ],
)
def test_references_are_plain_names(text, names):
    assert classads.references(parse(text)) == names


@pytest.mark.parametrize(
    ("text", "chance"),
    [
        ("True", True),
        ("1", True),
        ("0", False),
        ("0.0", False),
        ("False", False),
        ("undefined", False),
        ("error", False),
        ('strcat("tr", "ue")', False),
        ("TARGET.X > 5", True),
        ("TARGET.X > 5 && False", False),
        ('Site == "other"', False),
        ('MY.Site == "here"', True),
        ("!isUndefined(TARGET.Owner)", True),
        ("TARGET.Owner =!= undefined", True),
        ("Unknown", True),
    ],
)
def test_whether_an_expression_can_still_become_true(text, chance):
    assert classads.can_be_true(classads.simplified(parse(text), {"Site": '"here"'})) is chance


def test_known_attributes_hold_those_of_jobs_and_machines():
    assert {"ProjectName", "RequestGPUs", "TotalCpus", "JobDurationCategory"} <= classads.known("attributes")


def test_nearest_ignores_case_and_gives_up_on_strangers():
    assert classads.nearest("requestmemori", classads.known("attributes")) == "RequestMemory"
    assert classads.nearest("zzzzqqq", classads.known("attributes")) is None
