"""`--json`: valid for every kind of line, and without a secret whatever it looks like inside of JSON."""

import dataclasses
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import plans
from fakes import GOOD, jwt
from ospool_ep.gpus import table
from ospool_ep.log import REDACTED, Log
from ospool_ep.output.document import document, text
from ospool_ep.problem import Exit, warning
from ospool_ep.report import Line


def made(tmp_path, *lines, secrets=(), status=0, **changes):
    """The document as a program reads it."""
    return json.loads(
        text(document(plans.findings(plans.plan(tmp_path, *lines, **changes)), status), Log(secrets, io.StringIO()))
    )


def test_every_kind_of_line_has_its_status(tmp_path):
    checks = made(tmp_path, *plans.ALL_KINDS)["checks"]
    status = {check["name"]: check["status"] for check in checks}
    assert status == {"user": "ok", "limits": "warning", "scratch": "failure", "proxy": "not applicable"}
    assert [check["group"] for check in checks] == ["scratch and limits", "scratch and limits", "user", "proxy"]


@pytest.mark.parametrize("line", plans.ALL_KINDS, ids=lambda line: line.mark)
def test_each_kind_alone_is_valid(tmp_path, line):
    (check,) = made(tmp_path, line)["checks"]
    assert check["found"] == (line.absent or line.text)
    assert [one["id"] for one in check["problems"]] == [one.id for one in line.problems]


def test_a_check_that_found_nothing_worth_words_is_ok(tmp_path):
    (check,) = made(tmp_path, Line("network", ""))["checks"]
    assert (check["status"], check["found"]) == ("ok", "")


def test_a_reason_to_be_absent_is_not_told_beside_a_problem(tmp_path):
    (check,) = made(tmp_path, Line("cvmfs", "", (plans.HINT,), "not asked for"))["checks"]
    assert (check["status"], check["found"]) == ("warning", "")


def test_a_problem_has_all_its_parts(tmp_path):
    (check,) = made(tmp_path, plans.REFUSED)["checks"]
    assert check["problems"] == [
        {"id": "scratch-full", "severity": "failure", "found": "what was found", "why": "why it matters",
         "cure": "type this", "error": "raw: error 5", "exit_status": 69}
    ]  # fmt: skip
    (check,) = made(tmp_path, plans.WARNED)["checks"]
    assert (check["problems"][0]["severity"], check["problems"][0]["exit_status"]) == ("warning", Exit.OK)


@pytest.mark.parametrize(("line", "starts"), [(plans.OK, True), (plans.WARNED, True), (plans.REFUSED, False)])
def test_it_says_whether_a_pilot_would_start(tmp_path, line, starts):
    whole = made(tmp_path, line, status=1)
    assert (whole["would_start"], whole["exit_status"]) == (starts, 1)


def test_gpus_are_told_with_their_columns(tmp_path):
    rows = made(tmp_path, plans.OK, gpus=plans.GPUS)["gpus"]
    assert [tuple(row) for row in rows] == [table.NAMES] * 2
    assert (rows[0]["memory"], rows[0]["job_container"], rows[1]["why_not"]) == ("81559 MB", "yes", "NVML: GPU is lost")


# What JSON writes in another way than it is: quotes, backslashes, line breaks, what is beyond ASCII.
@pytest.mark.parametrize(
    "secret",
    [
        jwt(),
        'quote"in"side',
        "back\\slash\\es",
        "ein Geheimnis für dich",
        'ab", "found": "1234567',
        "line one\nline two!",
    ],
)
@pytest.mark.parametrize("place", ["text", "absent", "found", "why", "cure", "raw"])
def test_a_secret_is_taken_out_wherever_it_stands(tmp_path, secret, place):
    words = f"before {secret} after"
    problem = plans.FATAL if place in ("text", "absent") else dataclasses.replace(plans.FATAL, **{place: words})
    lines = {"text": Line("a", words, (problem,)), "absent": Line("a", "", (), words)}
    whole = made(tmp_path, lines.get(place, Line("a", "x", (problem,))), secrets=(secret,))
    said = json.dumps(whole, ensure_ascii=False)
    assert REDACTED in said
    for piece in secret.splitlines():
        assert piece not in said
        assert json.dumps(piece)[1:-1] not in text(whole, Log(stream=io.StringIO()))


@given(st.text(min_size=8, max_size=30).filter(lambda one: len(one.strip().strip("\"'").strip()) >= 8),
       st.text(max_size=20))  # fmt: skip
def test_it_stays_json_whatever_the_secret_is(secret, around):
    whole = {"checks": [{"name": "token", "found": f"{around}{secret}{around}"}], "exit_status": 0}
    again = json.loads(text(whole, Log((secret,), io.StringIO())))
    assert list(again) == ["checks", "exit_status"]
    assert secret.strip().strip("\"'") not in again["checks"][0]["found"].replace(REDACTED, "")


def test_a_token_in_a_variable_does_not_come_through(tmp_path):
    environ = GOOD | {"GLIDEIN_Site": jwt(), "TOKEN": f'"{jwt()}"'}
    plan = plans.real(tmp_path, environ)
    said = text(document(plans.findings(plan), 78), Log((environ["TOKEN"],), io.StringIO()))
    assert any(one["id"] == "setting-token" for one in json.loads(said)["checks"][0]["problems"])
    assert not any(piece in said for piece in jwt().split("."))


def test_colours_and_bells_of_other_programs_stay_out(tmp_path):
    problem = warning("i", "f", "w", "c", "\x1b[31mFATAL:\x1b[0m \a no")
    (check,) = made(tmp_path, Line("a", "x", (problem,)))["checks"]
    assert check["problems"][0]["error"] == "FATAL: ? no"


def test_the_real_checks_make_one_too(tmp_path):
    plan = plans.real(tmp_path)
    whole = json.loads(text(document(plans.findings(plan), 0), Log(stream=io.StringIO())))
    status = {check["name"]: check["status"] for check in whole["checks"]}
    absent = {name for name, word in status.items() if word == "not applicable"}
    assert absent == {"job env", "proxy", "attributes", "cvmfs", "gpus"}
    assert {check["name"] for check in whole["checks"] if not check["found"]} <= {"network"}


def test_what_is_there_is_applicable(tmp_path, closed):
    environ = GOOD | {"EXTRA_JOB_ENV": "A=1", "OSG_SQUID_LOCATION": f"http://{closed}"}
    status = {line.name: line.mark for line in plans.real(tmp_path, environ).lines}
    assert (status["job env"], status["proxy"]) == ("ok", "warning")


def test_a_variable_that_was_refused_is_not_called_absent(tmp_path):
    lines = {line.name: line for line in plans.real(tmp_path, GOOD | {"OSG_SQUID_LOCATION": "a b"}).lines}
    assert lines["proxy"].told == "OSG_SQUID_LOCATION is refused"
