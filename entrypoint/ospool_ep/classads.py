"""ClassAd expressions as HTCondor's configuration reads them, through HTCondor's own parser."""

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import classad2

from ospool_ep import macros
from ospool_ep.problem import shorten

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Every prefix is parsed anew, so the search takes quadratic time.
_LONGEST_SEARCHED = 2000
_SCOPES = ("my.", "target.", "other.", "self.")


@dataclass(frozen=True)
class ParseFailure:
    """Why an expression was refused; `column` counts from 1, 0 when unknown."""

    message: str
    column: int

    def __str__(self) -> str:
        return f"{self.message} (column {self.column})" if self.column else self.message


def quote(text: str) -> str:
    """A ClassAd string literal in HTCondor's old syntax, where a backslash only escapes a quote.

    A backslash before a quote, the closing one included, cannot be written: `values.string` refuses it.
    """
    return '"' + text.replace('"', '\\"') + '"'


def told(text: str) -> str:
    """The same for words of other programs: what not every reader of ads survives (values.string), or HTCondor's
    configuration cannot carry, is replaced.
    """
    plain = text.replace('"', "'").replace("\\", "/")
    plain = plain.replace("$", " ") if macros.half(plain) else plain
    return quote("".join(one if " " <= one <= "~" else " " for one in plain))


def parse(text: str) -> classad2.ExprTree | ParseFailure:
    """Parse one complete expression.

    The old-syntax parser stops at the first thing it does not understand and calls the rest of the line
    no concern of its own (`True) || (False` is True, `1 ]` is 1). Only a text that also parses inside
    parentheses and as the single element of a list is an expression from its first to its last character.
    """
    control = re.search(r"[\x00-\x1f\x7f]", text)
    if control:
        return ParseFailure("a control character or line break inside an expression", control.start() + 1)
    if not text.strip():
        return ParseFailure("empty expression", 0)
    expression = _complete(text)
    return _failure(text) if expression is None else expression


def _complete(text: str) -> classad2.ExprTree | None:
    if _old_syntax(f"( {text} )") is None or _old_syntax(f"{{ {text} }}") is None:
        return None
    return _old_syntax(text)


def _old_syntax(text: str) -> classad2.ExprTree | None:
    try:
        ad = classad2.parseOne(f"Value = {text}\n", classad2.ParserType.Old)
    except (ValueError, classad2.ClassAdException):
        return None
    return ad.lookup("Value") if len(ad) == 1 and "Value" in ad else None


def _failure(text: str) -> ParseFailure:
    """HTCondor's parser gives no position: the longest prefix that it accepts ends where the trouble starts."""
    if len(text) > _LONGEST_SEARCHED:
        return ParseFailure("HTCondor's parser does not accept it (too long to search for the place)", 0)
    for end in range(len(text) - 1, 0, -1):
        if _complete(text[:end]) is not None:
            rest = shorten(text[end:].strip(), 40)
            column = end + len(text[end:]) - len(text[end:].lstrip()) + 1
            return ParseFailure(f"HTCondor's parser does not accept {rest!r} here", column)
    return ParseFailure("HTCondor's parser accepts no part of it as a ClassAd expression", 1)


def references(expression: classad2.ExprTree) -> tuple[str, ...]:
    """Attribute names that the expression mentions, without MY. or TARGET., sorted."""
    names = classad2.ClassAd().externalRefs(expression)
    return tuple(sorted({_unscoped(name) for name in names if name}, key=str.lower))


def _unscoped(name: str) -> str:
    for scope in _SCOPES:
        if name.lower().startswith(scope):
            name = name[len(scope) :]
    return name.partition(".")[0]


def simplified(expression: classad2.ExprTree, attributes: dict[str, str]) -> object:
    """What remains when the machine's attributes (name to ClassAd text) are known: a value or an ExprTree.

    None when there is no end to it: an expression that mentions itself.
    """
    ad = classad2.ClassAd()
    for name, text in attributes.items():
        value = parse(text)
        if not isinstance(value, ParseFailure):
            ad[name] = value
    try:
        return ad.flatten(expression)
    except (ValueError, classad2.ClassAdException):
        return None


def can_be_true(remains: object) -> bool:
    """Whether a simplified expression still leaves a chance: an expression, true, or a number that is not 0."""
    if isinstance(remains, classad2.ExprTree):
        return True
    return isinstance(remains, bool | int | float) and not isinstance(remains, classad2.Value) and bool(remains)


@cache
def known(what: str) -> frozenset[str]:
    """Names that HTCondor uses: `attributes` of job and machine ads, or `knobs` of its configuration.

    Each file says where its names come from.
    """
    text = Path(__file__).with_name(f"known_{what}.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def nearest(name: str, candidates: frozenset[str] | tuple[str, ...], likeness: float = 0.75) -> str | None:
    """The candidate most like a name, ignoring case; None when none is as near as `likeness` (0 to 1).

    Abbreviations and additions count as near: OSG_SQUID for OSG_SQUID_LOCATION, TOKEN_FILE for TOKEN.
    """
    by_lower = {candidate.lower(): candidate for candidate in sorted(candidates)}
    wanted = name.lower()
    longer = [text for text in by_lower if len(wanted) > 2 and text.startswith(wanted)]
    parts = longer or [text for text in by_lower if wanted.startswith(f"{text}_")]
    found = difflib.get_close_matches(wanted, list(by_lower), n=1, cutoff=likeness) or parts[:1]
    return by_lower[found[0]] if found else None
