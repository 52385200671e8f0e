"""README, CHANGELOG and program say the same."""

import re
from pathlib import Path

import pytest

from ospool_ep import VERSION
from ospool_ep.problem import Exit
from ospool_ep.settings import NOT_YET, TABLE

TOP = Path(__file__).resolve().parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")


def documented():
    """Name, default and meaning of each row between the markers."""
    table = README.split("<!-- variables -->")[1].split("<!-- /variables -->")[0]
    # A | inside a cell is written \|.
    rows = [re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in table.splitlines() if line.startswith("| `")]
    return {cells[0].strip().strip("`"): tuple(cell.strip() for cell in cells[1:]) for cells in rows}


def test_every_variable_is_documented_and_every_documented_one_exists():
    assert list(documented()) == [row.name for row in TABLE]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_default_and_meaning_are_those_of_the_program(row):
    default, meaning = documented()[row.name]
    assert default == ("**required**" if row.required else f"`{row.default}`" if row.default else "")
    assert meaning == row.help


@pytest.mark.parametrize("code", sorted({*map(int, Exit)} | {99}))
def test_exit_codes_are_in_the_readme(code):
    assert re.search(rf"^\| {code} \|", README, re.MULTILINE)


def test_what_is_not_done_yet_is_not_promised():
    assert not {name for name, _ in NOT_YET} & set(documented())


def test_the_changelog_has_this_version():
    assert f"## {VERSION}\n" in (TOP / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_version_is_the_same_everywhere():
    assert f'version = "{VERSION}"' in (TOP / "pyproject.toml").read_text(encoding="utf-8")
    assert f"ARG VERSION={VERSION}\n" in (TOP / "image/Dockerfile").read_text(encoding="utf-8")
