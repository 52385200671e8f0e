"""Where an expression falls into parts. HTCondor's bindings evaluate expressions, and do not show what is in them.

The texts are those that the bindings print (ClassAds' new syntax): there a backslash escapes in every string.
"""

import re

from ospool_ep.for_job.result import ALL, ANY

_TOKEN = re.compile(r"""\s+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|=\?=|=!=|\|\||&&|[\w.]+|.""", re.DOTALL)
_OPENING, _CLOSING = "([{", ")]}"


def split(text: str) -> tuple[str, tuple[str, ...]]:
    """How an expression is joined, and the texts of its parts; ("", ()) where it is one comparison, call or choice.

    && binds closer than ||, and both closer than ? :.
    """
    cuts = _operators(text)
    if any(operator == "?" for operator, _ in cuts):
        return "", ()
    for operator, joined in (("||", ANY), ("&&", ALL)):
        places = [place for found, place in cuts if found == operator]
        if places:
            starts, ends = [0, *(place + len(operator) for place in places)], [*places, len(text)]
            return joined, tuple(text[a:b].strip() for a, b in zip(starts, ends, strict=True))
    return "", ()


def unwrapped(text: str) -> str:
    """Without parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and _closes(text) == len(text) - 1:
        text = text[1:-1].strip()
    return text


def _operators(text: str) -> list[tuple[str, int]]:
    """&&, || and ? outside of all brackets, with their places."""
    depth, found = 0, []
    for match in _TOKEN.finditer(text):
        token = match.group()
        depth += (token in _OPENING) - (token in _CLOSING)
        if depth == 0 and token in ("&&", "||", "?"):
            found.append((token, match.start()))
    return found


def _closes(text: str) -> int:
    """Where the first bracket is closed; -1 where it is not."""
    depth = 0
    for match in _TOKEN.finditer(text):
        depth += (match.group() in _OPENING) - (match.group() in _CLOSING)
        if depth == 0:
            return match.start()
    return -1
