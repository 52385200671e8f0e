"""The privileges for people, and for programs."""

import textwrap
from dataclasses import asdict
from typing import Any

from ospool_ep.privileges import containers, engine, levels
from ospool_ep.privileges.facts import Facts
from ospool_ep.privileges.levels import Level
from ospool_ep.privileges.row import YES, Row

_WIDTH = 121
_NAME, _STATE, _LEFT = 27, 9, 4


def judge(facts: Facts) -> tuple[Row, ...]:
    """All rows."""
    return (*containers.rows(facts), *engine.rows(facts))


def rows(facts: Facts) -> list[dict[str, str]]:
    """For programs: name, state, found, costs, flag."""
    return [{key: text for key, text in asdict(row).items() if key != "label"} for row in judge(facts)]


def level(facts: Facts) -> dict[str, Any]:
    """For programs."""
    return asdict(levels.decide(facts, judge(facts)))


def text(facts: Facts, width: int = _WIDTH) -> str:
    """For people: where this container is, then a row for each thing, nothing wider than `width` but what is pasted."""
    found = judge(facts)
    lines = [*_level(levels.decide(facts, found), facts, width)]
    for row in found:
        lines += _row(row, width)
    return "\n".join(lines)


def _level(found: Level, facts: Facts, width: int) -> list[str]:
    where = f"What this container ({facts.runtime.text}) may do: level {found.name} (docs/privileges.md)"
    lines = _wrapped(where, width)
    if found.lacks:
        lines += _add("it lacks of that level", found.lacks, width, 2)
    if found.next:
        lines += [
            f"  {row}" for row in _wrapped(f"the next level, {found.next}, would bring {found.brings}", width - 2)
        ]
    return lines + (_add("add for it", found.add, width, 2) if found.add else [])


def _row(row: Row, width: int) -> list[str]:
    indent = 2 + _NAME + _STATE
    told = "; ".join(filter(None, (row.found, row.costs)))
    first, *others = _wrapped(told, width - indent) or [""]
    lines = [f"  {row.label:<{_NAME}}{row.state:<{_STATE}}{first}".rstrip(), *(f"{'':{indent}}{one}" for one in others)]
    return lines + (_add("add", row.flag, width, indent) if row.flag and row.state != YES else [])


def _add(what: str, flag: str, width: int, indent: int) -> list[str]:
    """On rows of their own; further left where that keeps them whole."""
    if flag.startswith("host: "):
        what, flag = "on the host", flag.removeprefix("host: ")
    lines = [f"{what}: {flag}"] if "\n" not in flag else [f"{what}:", *(f"  {one}" for one in flag.split("\n"))]
    left = indent if max(map(len, lines)) <= width - indent else _LEFT
    return [f"{'':{left}}{row}" for line in lines for row in _broken(line, width - left)]


def _broken(line: str, width: int) -> list[str]:
    """Between options, so that a shell takes it as one line."""
    found = _wrapped(line, width - 6)
    return [line] if len(line) <= width else [*(f"{row} \\" for row in found[:-1]), found[-1]]


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 20), break_long_words=False, break_on_hyphens=False)
