"""Who waits at a terminal for longer than a second is told what for; nobody else is."""

import re

from terminals import before

WAIT = """
import os, sys, time
from ospool_ep.output import progress
def running():
    return {names}
with progress.shown(running):
    end = time.monotonic() + {seconds}
    while time.monotonic() < end:
        time.sleep(0.01)
print("the end", file=sys.stderr)
"""


def waited(names=("cvmfs", "gpus"), seconds=2.5, **options):
    return before(WAIT.format(names=names, seconds=seconds), **options)


def test_the_names_are_told_and_taken_away_again():
    text = waited()
    assert "\r\x1b[K... cvmfs, gpus: 1 s" in text
    assert text.endswith("\r\x1b[Kthe end\n")
    assert text.count("\n") == 1


def test_the_row_is_renewed():
    assert re.findall(r"gpus: (\d+) s", waited(seconds=3.5))[:2] == ["1", "2"]


def test_nothing_within_a_second():
    assert waited(seconds=0.1) == "the end\n"


def test_nothing_where_nothing_is_at_work():
    assert waited(names=()) == "the end\n"


def test_the_row_is_not_wider_than_the_terminal():
    rows = re.findall(r"\r\x1b\[K([^\r\n]*)", waited(names=("name",) * 40, columns=50))
    told = [row for row in rows if row.startswith("...")]
    assert told
    assert all(len(row) < 50 for row in told)


def test_standard_output_gets_nothing_of_it():
    assert "... cvmfs, gpus" in waited(both=False)


def test_nothing_where_standard_error_is_no_terminal(capsys):
    from ospool_ep.output import progress

    with progress.shown(lambda: ("never",)):
        pass
    assert capsys.readouterr().err == ""
