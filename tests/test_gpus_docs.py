"""docs/gpus.md tells every problem that a pilot may have with GPUs, and no other."""

import re
from pathlib import Path

import pytest

from ospool_ep import gpus

SOURCES = sorted(Path(gpus.__file__).parent.glob("*.py"))
GUIDE = Path(__file__).parents[1] / "docs/gpus.md"


def in_the_source():
    return {id for path in SOURCES for id in re.findall(r'"(gpu-[a-z-]+)"', path.read_text(encoding="utf-8"))}


def documented():
    """The table's first column."""
    return re.findall(r"^\| `(gpu-[a-z-]+)` \| \S", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)


def test_there_are_problems_to_document():
    assert len(in_the_source()) >= 16


@pytest.mark.parametrize("id", sorted(in_the_source()))
def test_every_problem_is_documented(id):
    assert id in documented()


def test_every_documented_problem_exists_once():
    assert sorted(documented()) == sorted(in_the_source())


def test_no_id_is_put_together_where_nobody_finds_it():
    """In a text or in pieces: the guide would not be looked for it."""
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert not re.findall(r'f"gpu-|"gpu-"|\'gpu-', text), path.name
