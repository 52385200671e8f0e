"""What no spelling brings through HTCondor's configuration unchanged, in words for people."""

import re

_OPENING = r"\$[A-Za-z0-9_.]*\("
# The reader replaces $(DOLLAR) last, from the left, and does not look inside what is a macro by then
# (seen with 25.14's own reader on 20000 random texts: nothing else comes back changed).
_NESTED = re.compile(rf"{_OPENING}[^)]*{_OPENING}")
# Alone this is harmless; next to another value it would become the outer half of the above.
_UNCLOSED = re.compile(rf"{_OPENING}[^)]*$")
_DOLLAR = re.compile(r"\$\(DOLLAR\)", re.IGNORECASE)


def obstacle(text: str) -> str | None:
    """The part that cannot be written; None where `config_text.encode` carries the text."""
    if "$$$" in text:
        return "$$$"
    if _DOLLAR.search(text):
        return "$(DOLLAR)"
    return "one $(...) inside another" if _NESTED.search(text) else None


def half(text: str) -> str | None:
    """The same for a value that will stand beside others on one line."""
    return obstacle(text) or ("$( without )" if _UNCLOSED.search(text) else None)
