"""`ospool-selftest --explain ID`: the long text on a problem, from explanations.md.

docs/troubleshooting.md is written from the same file.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.classads import nearest
from ospool_ep.log import Log
from ospool_ep.problem import Exit, Problem, Refused, shorten

LIST = "list"
COMMAND = "ospool-selftest --explain"
SOURCE = Path(__file__).with_name("explanations.md")
# Whoever types an id from memory may be further from it than from a variable's name.
_LIKENESS = 0.6
_LABEL = 20
# Where labels have a column of their own.
_WIDE = 60
_CODE = re.compile(r"`[^`]*`")


@dataclass(frozen=True)
class Explanation:
    """One section. `severity`: what the pilot does; `advice`: labels with their texts."""

    id: str
    group: str
    severity: str
    meaning: str
    advice: tuple[tuple[str, str], ...]


def load() -> tuple[Explanation, ...]:
    """All of them, in the order of the file."""
    return parse(SOURCE.read_text(encoding="utf-8"))


def parse(text: str) -> tuple[Explanation, ...]:
    """Sections of a text like explanations.md; what stands before its first group is for those who write it."""
    found: list[Explanation] = []
    for part in re.split(r"^# ", text, flags=re.MULTILINE)[1:]:
        group, *sections = re.split(r"^## ", part, flags=re.MULTILINE)
        found += [_section(group.strip(), one) for one in sections]
    return tuple(found)


def _section(group: str, text: str) -> Explanation:
    id, severity, *lines = (line for line in text.split("\n") if line.strip())
    body, *items = re.split(r"^- ", "\n".join(lines), flags=re.MULTILINE)
    advice = (item.partition(": ") for item in items)
    return Explanation(id.strip(), group, severity.strip(), _joined(body),
                       tuple((label, _joined(words)) for label, _, words in advice))  # fmt: skip


def _joined(text: str) -> str:
    return " ".join(text.split())


def explain(wanted: str, log: Log, width: int) -> int:
    """Print the section of an id, or all ids. Raises Refused for one that does not exist."""
    known = load()
    found = next((one for one in known if one.id == wanted.strip().lower()), None)
    if found:
        log.block(shown(found, width))
        return Exit.OK
    log.block(index(known, width))
    if wanted.strip().lower() == LIST:
        return Exit.OK
    raise Refused(unknown(wanted, known))


def unknown(wanted: str, known: tuple[Explanation, ...]) -> Problem:
    """No problem has this id: the nearest, if there is one."""
    near = nearest(wanted.strip(), tuple(one.id for one in known), _LIKENESS)
    cure = f"did you mean: {COMMAND} {near}" if near else "one of the ids above"
    return Problem("argument", f"no problem has the id {shorten(wanted)!r}", "there is nothing to explain", cure)


def shown(one: Explanation, width: int) -> str:
    """For a terminal: what is meant to be pasted is never broken over two rows."""
    rows = [*_wrapped(f"{one.id}: {one.severity}", width, "", "  "), "", *_wrapped(one.meaning, width, "  ", "  "), ""]
    for label, text in one.advice:
        beside = width >= _WIDE
        rows += [] if beside else [f"  {label}:"]
        rows += _wrapped(text, width, f"  {label:<{_LABEL}}" if beside else "    ", " " * (_LABEL + 2 if beside else 4))
    return "\n".join(rows)


def index(known: tuple[Explanation, ...], width: int) -> str:
    """All ids by group."""
    rows = []
    for group in dict.fromkeys(one.group for one in known):
        names = ", ".join(one.id for one in known if one.group == group)
        rows += [group, *_wrapped(names, width, "  ", "  ")]
    return "\n".join(rows)


def _wrapped(text: str, width: int, first: str, others: str) -> list[str]:
    whole = _CODE.sub(lambda code: code[0].replace(" ", "\0"), text)
    rows = textwrap.wrap(whole, width, initial_indent=first, subsequent_indent=others, break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip
    return [row.replace("\0", " ") for row in rows]
