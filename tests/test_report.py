import pytest

from fakes import log_to_text
from ospool_ep.problem import Exit, Problem, Refused, exit_code, warning
from ospool_ep.report import Line, show, show_problems

FATAL = Problem("some-id", "what was found", "why it matters", "type this", Exit.UNFIT, "raw: error 5")
HINT = warning("some-hint", "found too", "little", "do that")


def shown(*lines, **options):
    log, stream = log_to_text(**options)
    show(lines, log)
    return stream.getvalue()


def test_a_row_is_marked_by_its_worst_finding():
    assert Line("a", "x").mark == "ok"
    assert Line("a", "x", (HINT,)).mark == "warning"
    assert Line("a", "x", (HINT, FATAL)).mark == "REFUSED"


def test_a_problem_has_id_found_why_type_and_error_in_this_order():
    text = shown(Line("scratch", "/pilot", (FATAL,)))
    positions = [text.index(word) for word in ("some-id", "found: what", "why:   why", "type:  type", "error: raw")]
    assert positions == sorted(positions)
    assert "REFUSED scratch    /pilot" in text


def test_without_an_error_there_is_no_row_for_it():
    assert "error:" not in shown(Line("a", "x", (HINT,)))


def test_the_last_line_says_how_many_problems_and_the_exit_code():
    assert shown(Line("a", "", (FATAL,))).endswith("not started: 1 problem to correct; exit 69 (machine unfit)\n")
    text = shown(Line("a", "", (FATAL, HINT, FATAL)))
    assert text.endswith("not started: 2 problems to correct; exit 69 (machine unfit)\n")


def test_warnings_come_first_and_do_not_stop_anything():
    text = shown(Line("a", "x", (FATAL, HINT)))
    assert text.index("warning: some-hint") < text.index("REFUSED: some-id")
    assert "not started" not in shown(Line("a", "x", (HINT,)))


def test_a_row_with_nothing_to_say_is_left_out():
    assert shown(Line("attributes", "")) == ""


def test_lines_carry_time_and_name():
    assert shown(Line("user", "osg"), name="SELFTEST")[19:].split()[1:] == ["SELFTEST", "ok", "user", "osg"]
    assert shown(Line("user", "osg"))[:2] == "20"


def test_long_sentences_are_wrapped_but_not_what_is_to_be_pasted():
    command = "docker run " + "-v /a:/b " * 30 + "IMAGE"
    text = shown(Line("a", "x", (Problem("i", ("word " * 60).strip(), "w", command),)))
    assert command in text
    assert all(len(row) < 125 for row in text.splitlines() if "docker run" not in row)


def test_colours_of_other_programs_are_dropped():
    problem = warning("i", "f", "w", "c", "\x1b[31mFATAL:\x1b[0m   no")
    assert "error: FATAL:   no" in shown(Line("a", "x", (problem,)))


def test_a_pointer_stays_under_its_column():
    text = shown(Line("a", "x", (Problem("i", "sentence\nabc  def\n     ^", "w", "c"),)))
    rows = text.splitlines()
    line = next(number for number, row in enumerate(rows) if "abc  def" in row)
    assert rows[line + 1].index("^") == rows[line].index("def")


@pytest.mark.parametrize(("code", "number"), [("UNFIT", 69), ("BUG", 70), ("PERMISSION", 77), ("CONFIGURATION", 78)])
def test_exit_codes_are_what_is_documented(code, number):
    assert Exit[code] == number
    log, stream = log_to_text()
    show_problems((Problem("i", "f", "w", "c", Exit[code]),), log)
    assert f"exit {number} (" in stream.getvalue()


def test_the_first_fatal_problem_decides():
    late = Problem("j", "f", "w", "c", Exit.PERMISSION)
    assert exit_code((HINT, FATAL, late)) == Exit.UNFIT
    assert exit_code((HINT, late, FATAL)) == Exit.PERMISSION
    assert exit_code((HINT,)) == exit_code(()) == Exit.OK


def test_refused_carries_its_problems():
    assert Refused(FATAL, HINT).problems == (FATAL, HINT)
    assert str(Refused(FATAL, HINT)) == "some-id, some-hint"
