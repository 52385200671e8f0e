"""The selftest for a person at a terminal: colours, the terminal's own width, no clock before every line."""

import itertools
import os
import sys
from collections.abc import Mapping

from ospool_ep.log import Log
from ospool_ep.output.groups import group
from ospool_ep.output.page import Page
from ospool_ep.report import Line, Style, blocks, wrapped
from ospool_ep.settings import wants_no_colour, wants_unicode

_NARROWEST, _WIDEST = 40, 140
# Of a terminal that does not know its own width.
_USUAL = 80
_NAME, _MARK = 11, 8
_SIGNS = {"ok": "\u2713", "warning": "!", "REFUSED": "\u2717", "n/a": "\u2013"}


def style(environ: Mapping[str, str]) -> Style | None:
    """None where nobody sits before it."""
    try:
        width = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return None
    width = min(_WIDEST, max(_NARROWEST, (width or _USUAL) - 1))
    return Style(width, not wants_no_colour(environ), wants_unicode(environ))


def show(page: Page, log: Log, how: Style) -> None:
    """With a heading for each group."""
    for name, rows in itertools.groupby(page.lines, group):
        _print(f"\n{how.painted(name, 'group')}", log, how)
        for line in rows:
            _print(_row(line, log, how), log, how)
    for table in page.tables:
        _print(f"\n{table}", log, how)
    for block in blocks(page.problems, log, how, gravest_first=True):
        _print(block, log, how)
    if page.hint and page.problems:
        _print("\n" + "\n".join(wrapped(page.hint, how.width)), log, how)
    if page.verdict:
        _print("\n" + how.painted("\n".join(wrapped(page.verdict, how.width)), "REFUSED"), log, how)


def _print(text: str, log: Log, how: Style) -> None:
    log.block(text if how.unicode else text.encode("ascii", "backslashreplace").decode())


def _row(line: Line, log: Log, how: Style) -> str:
    sign = f"{_SIGNS[line.mark]} " if how.unicode else ""
    indent = len(sign) + _MARK + _NAME
    first, *others = wrapped(log.clean(line.told).strip(), how.width - indent) or [""]
    head = how.painted(f"{sign}{line.mark:<{_MARK}}", line.mark)
    return "\n".join([f"{head}{line.name:<{_NAME}}{first}".rstrip(), *(" " * indent + row for row in others)])
