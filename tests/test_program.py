"""The last line of defence of all our programs: no traceback on the screen, no secret, a code that means something."""

import io
import re

import pytest

from fakes import jwt
from ospool_ep import program
from ospool_ep.problem import Exit, Problem, Refused, warning


def run(command, environ=None, name="BOOT"):
    stream = io.StringIO()
    return program.run(command, environ or {}, name, stream), stream.getvalue()


def raising(error):
    def command(log):
        raise error

    return command


@pytest.mark.parametrize("code", [0, 3, 69])
def test_a_commands_own_code_is_the_programs(code):
    assert run(lambda log: code) == (code, "")


def test_lines_begin_with_the_programs_name():
    _, text = run(lambda log: log.line("hello") or 0, name="CVMFS")
    assert text.endswith(" CVMFS hello\n")


def test_without_a_stream_people_read_it_on_standard_output(capsys):
    program.run(lambda log: log.line("hello") or 0, {}, "BOOT")
    assert "hello" in capsys.readouterr().out


def test_a_bug_is_one_line_and_the_traceback_only_on_request():
    code, text = run(raising(ZeroDivisionError("in the middle")), {"OSPOOL_EP_TRACEBACK": "1"})
    assert code == 70
    assert "Traceback" in text
    assert re.search(r"bug: ZeroDivisionError: in the middle \(ospool-ep .*; exit 70\n$", text)


def test_a_bug_does_not_show_the_token():
    error = ValueError(f"cannot do {jwt()} nor not-a-jwt-but-secret")
    _, text = run(raising(error), {"TOKEN": "not-a-jwt-but-secret", "OSPOOL_EP_TRACEBACK": "yes"})
    assert "secret" not in text
    assert jwt().rpartition(".")[2] not in text
    assert "[redacted]" in text


def test_what_is_refused_while_acting_ends_in_the_same_report():
    told = warning("first", "said", "why", "cure")
    code, text = run(raising(Refused(told, Problem("scratch-create", "found it", "why", "cure", Exit.UNFIT))))
    assert code == 69
    assert "warning: first" in text
    assert "REFUSED: scratch-create" in text
    assert "exit 69 (machine unfit)" in text
