"""Expressions fall into parts where ClassAds say so, and nowhere else."""

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ospool_ep.for_job.split import split, unwrapped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a && b", ("all", ("a", "b"))),
        ("a || b && c", ("any", ("a", "b && c"))),
        ("a && (b || c)", ("all", ("a", "(b || c)"))),
        ("a ? b : c && d", ("", ())),
        ("a ?: b && c", ("", ())),
        ("(a && b)", ("", ())),
        ('s == "x && y"', ("", ())),
        (r's == "\" && \\" && t', ("all", (r's == "\" && \\"', "t"))),
        ("'odd && name' && t", ("all", ("'odd && name'", "t"))),
        ("f(a && b) && {c || d}[0]", ("all", ("f(a && b)", "{c || d}[0]"))),
        ("a =?= b && c =!= d", ("all", ("a =?= b", "c =!= d"))),
        ("Mips > 1", ("", ())),
        ("", ("", ())),
    ],
)
def test_where_it_falls_apart(text, expected):
    assert split(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("((a))", "a"), ("(a) && (b)", "(a) && (b)"), (" ( a ) ", "a"), ('(")")', '")"'), ("(", "("), ("()", "")],
)
def test_parentheses_around_all_of_it_go(text, expected):
    assert unwrapped(text) == expected


@given(st.text())
def test_no_text_is_too_much(text):
    joined, parts = split(unwrapped(text))
    assert bool(joined) == bool(parts)


LEAVES = st.sampled_from(["true", "false", "undefined", "error", '"&&" == "||"', "1 < 2", "x =?= undefined"])
TREES = st.recursive(LEAVES, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner))


def truth(text):
    value = classad2.ExprTree(text).eval(classad2.ClassAd())
    return value is True


@given(TREES)
def test_the_parts_say_what_the_whole_says(tree):
    text = unwrapped(str(classad2.ExprTree(tree)))
    joined, parts = split(text)
    if joined == "all":
        assert truth(text) == all(map(truth, parts))
    elif joined == "any" and truth(text):
        assert any(map(truth, parts))
