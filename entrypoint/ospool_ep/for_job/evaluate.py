"""What HTCondor's bindings make of an expression; nothing here raises."""

from enum import Enum

import classad2

from ospool_ep import classads
from ospool_ep.for_job.result import ERROR, NO, UNDEFINED, YES
from ospool_ep.problem import shorten

_LONGEST = 160


def expression(text: str) -> classad2.ExprTree | None:
    """Of the bindings' own print."""
    try:
        return classad2.ExprTree(text)
    except (ValueError, KeyError, AssertionError, classad2.ClassAdException):
        return None


def truth(tree: classad2.ExprTree, own: classad2.ClassAd, other: classad2.ClassAd) -> str:
    """One of yes, no, undefined and error; as in a match, a number that is not 0 is true."""
    found = value(tree, own, other)
    if found is classad2.Value.Undefined:
        return UNDEFINED
    if isinstance(found, Enum) or not isinstance(found, bool | int | float):
        return ERROR
    return YES if found else NO


def value(tree: classad2.ExprTree, own: classad2.ClassAd, other: classad2.ClassAd) -> object:
    """Error where HTCondor gives up: too deep, too long, a ring."""
    try:
        return tree.eval(own, target=other)
    except (ValueError, TypeError, OverflowError, RuntimeError, classad2.ClassAdException):
        return classad2.Value.Error


def told(found: object) -> str:
    """As an ad would have it, and not longer than fits."""
    if isinstance(found, bool):
        return str(found).lower()
    if isinstance(found, Enum):
        return found.name.lower()
    if isinstance(found, str):
        return shorten(classads.quote(found), _LONGEST)
    if isinstance(found, list):
        return shorten("{ " + ", ".join(map(told, found)) + " }", _LONGEST)
    return shorten(" ".join(str(found).split()), _LONGEST)


def old_syntax(text: str) -> str:
    """In the syntax that people know from condor_q."""
    tree = expression(text)
    if tree is None:
        return text
    holder = classad2.ClassAd()
    holder["X"] = tree
    return str(holder.printOld()).partition("=")[2].strip() or text
