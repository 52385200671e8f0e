"""HTCondor's configuration language, and the only place that knows it."""

import re
from collections.abc import Iterable, Mapping

from ospool_ep import macros


def encode(value: str) -> str:
    """The text that HTCondor's reader turns back into `value`.

    Only a lone `$` before `(` or `NAME(` is a macro: `$(DOLLAR)` yields a dollar that is not expanded again;
    `$$` pairs are literal; what `macros.obstacle` finds cannot be written. A backslash at the end,
    even before blanks, would swallow the next line.
    """
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value) or macros.obstacle(value):
        raise ValueError("a value that HTCondor's configuration cannot carry")
    text = re.sub(r"(?<!\$)\$(?=[A-Za-z0-9_.]*\()(?!\$)", "$(DOLLAR)", value)
    return text + "$()" if text.rstrip().endswith("\\") else text


def render(statements: Iterable[str], knobs: Mapping[str, str]) -> str:
    """A file: statements as they are, then names with values that HTCondor must read as they are meant."""
    lines = [f"{name} = {encode(value)}".rstrip() for name, value in knobs.items()]
    return "\n".join(["# written by ospool-ep at every start", *statements, *lines, ""])
