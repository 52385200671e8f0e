"""Numbers and texts of ClassAds that HTCondor's programs print."""

from typing import TypeAlias

import classad2

Ad: TypeAlias = classad2.ClassAd


def parse(text: str) -> tuple[Ad, ...]:
    """What `-long` prints. Raises ValueError."""
    try:
        return tuple(classad2.parseAds(text, classad2.ParserType.Old))
    except (classad2.ClassAdException, RuntimeError) as error:
        raise ValueError(str(error)) from error


def text(ad: Ad, name: str) -> str:
    """Empty where it is no text."""
    value = _value(ad, name)
    return value if isinstance(value, str) else ""


def number(ad: Ad, name: str) -> int:
    """A whole number; 0 where it is none."""
    value = _value(ad, name)
    plain = isinstance(value, int | float) and not isinstance(value, bool | classad2.Value)
    try:
        return int(value) if plain else 0  # type: ignore[call-overload]
    except (OverflowError, ValueError):  # real("INF")
        return 0


def false(ad: Ad, expression: str) -> bool:
    """Whether an expression is false in its place."""
    return ad.flatten(classad2.ExprTree(expression)) is False


def _value(ad: Ad, name: str) -> object:
    try:
        return ad.eval(name)
    except (KeyError, classad2.ClassAdException):
        return None
