"""What is known of a match: clauses, what they are made of, and the attributes that decide."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

YES, NO, UNDEFINED, ERROR = "yes", "no", "undefined", "error"
# It depends on what HTCondor itself measures after the start.
LATER = "later"
SLOT, JOB, EITHER = "slot", "job", "either"
ALL, ANY, MEANS = "all", "any", "means"
# Whose conditions they are
START, SIZE, REQUIREMENTS = "START", "size", "Requirements"


@dataclass(frozen=True)
class Value:
    """An attribute of a clause. `owner`: whose it is, or should be where nobody has it (`value` is undefined then)."""

    name: str
    owner: str
    value: str
    later: bool = False


@dataclass(frozen=True)
class Part:
    """An expression, and what it is made of: parts that must hold (ALL), alternatives (ANY), or what its attribute
    means (MEANS). `values` are those of an expression that is made of no others.
    """

    text: str
    truth: str
    values: tuple[Value, ...] = ()
    joined: str = ""
    parts: tuple["Part", ...] = ()


@dataclass(frozen=True)
class Clause:
    """One condition. `meaning` is empty for those of the job: they are its user's words."""

    of: str
    id: str
    meaning: str
    part: Part


def part(said: dict[str, Any]) -> Part:
    """From its JSON."""
    values = tuple(Value(**value) for value in said["values"])
    return Part(said["text"], said["truth"], values, said["joined"], tuple(map(part, said["parts"])))


def deciding(whole: Part) -> Iterator[Part]:
    """The innermost parts that keep the whole from being true."""
    if whole.truth == YES:
        return
    inner = [one for one in whole.parts if one.truth != YES]
    if not inner:
        yield whole
    for one in inner:
        yield from deciding(one)


def conjuncts(whole: Part) -> Iterator[Part]:
    """Those that must all hold, whatever parentheses are around them."""
    if whole.joined != ALL:
        yield whole
        return
    for one in whole.parts:
        yield from conjuncts(one)
