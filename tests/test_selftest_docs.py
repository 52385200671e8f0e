"""docs/selftest.md says what the selftest's command line takes, and every key of its JSON, and no other."""

import json
import re
from functools import partial
from pathlib import Path

import pytest

import for_job_fakes
import plans
import running_pilot
from fakes import GOOD, image_root, log_to_text
from ospool_ep import beyond, explain, preflight
from ospool_ep.board import Board
from ospool_ep.containers.failures import Failure, add
from ospool_ep.output import document, options
from ospool_ep.reach import checks as reach
from ospool_ep.report import Line
from ospool_ep.status import check as beside
from ospool_ep.status import process

TOP = Path(__file__).parents[1]
GUIDE = (TOP / "docs/selftest.md").read_text(encoding="utf-8")
SCHEMA = GUIDE.split("<!-- schema -->")[1].split("<!-- /schema -->")[0]
TYPES = {"number": int, "string": str, "boolean": bool, "list": list, "object": dict, "null": type(None)}


def first_column(text):
    return re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)


def taken(capsys):
    """The options that the parser knows, from its own help."""
    with pytest.raises(SystemExit):
        options.parse(("--help",))
    return set(re.findall(r"^  (?:-h, )?(--[a-z]+)", capsys.readouterr().out, re.MULTILINE))


def section(title):
    return GUIDE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_option_is_documented_and_every_documented_one_is_taken(capsys):
    documented_ones = {cell.strip("`").split()[0] for cell in first_column(section("Options"))}
    assert documented_ones == taken(capsys)
    assert len(documented_ones) >= 5


@pytest.mark.parametrize("option", ["--json", "--quiet", "--strict", "--offline", "--job=x", "--explain=x"])
def test_a_documented_option_is_taken(option):
    assert options.parse((option,)) != options.Options()


def keys(value, path=""):
    """Every key of a document as the table spells it, with its value."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield f"{path}{key}", one
            yield from keys(one, f"{path}{key}{'.' if isinstance(one, dict) else ''}")
    elif isinstance(value, list):
        for one in value:
            yield from keys(one, f"{path}[].")


def documented():
    """Key to types."""
    rows = re.findall(r"^\| `([a-z_\[\].]+)` \| ([a-z ]+) \| \S", SCHEMA, re.MULTILINE)
    return {key: {TYPES[kind] for kind in kinds.split(" or ")} for key, kinds in rows}


def beside_a_pilot(root):
    """With a job that runs, and something that has gone wrong."""
    machine, board = running_pilot.container(root), Board()
    path = machine.path(f"{running_pilot.HOME}/apptainer/failures")
    path.parent.mkdir()
    add(path, Failure(running_pilot.NOW - 90, "sif", "no /dev/fuse"))
    return beside.end(beside.begin(machine, process.find(machine), board), machine, board)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A document with everything in it, as a program reads it."""
    plan = plans.plan(tmp_path_factory.mktemp("plan"), *plans.ALL_KINDS, gpus=plans.GPUS)
    answer = for_job_fakes.answer(image_root(tmp_path_factory.mktemp("job")), for_job_fakes.captured("gpu"))
    found = plans.findings(plan, beside_a_pilot(tmp_path_factory.mktemp("pilot")), answer)
    return json.loads(json.dumps(document.document(found, 78)))


def test_every_key_is_documented_and_every_documented_one_is_there(whole):
    assert {key for key, _ in keys(whole)} == set(documented())


def test_values_have_the_documented_types(whole):
    for key, value in keys(whole):
        assert type(value) in documented()[key], key


def test_without_a_pilot_and_a_job_these_are_null(tmp_path):
    alone = document.document(plans.findings(plans.plan(tmp_path, *plans.ALL_KINDS)), 78)
    assert [key for key, value in alone.items() if value is None] == ["pilot", "job"]
    assert all(type(None) in documented()[key] for key in ("pilot", "job"))


def test_every_status_is_documented(tmp_path):
    whole = document.document(plans.findings(plans.plan(tmp_path, *plans.ALL_KINDS)), 78)
    words = {check["status"] for check in whole["checks"]}
    row = re.search(r"^\| `checks\[\]\.status` .*$", SCHEMA, re.MULTILINE)[0]
    assert words == set(re.findall(r"`([a-z ]+)`", row)[0:4])


def made(root):
    """Names of all checks of a selftest."""
    machine = for_job_fakes.here(image_root(root))
    environ = GOOD | {"CONDOR_HOST": "127.0.0.1:1"}
    plan = preflight.preflight(machine, environ, "0123abcd", also=partial(reach.checks, machine))
    return {line.name for line in beyond.beyond(machine, plan, Board()).lines}


def names(title):
    return {name for cell in first_column(section(title)) for name in re.findall(r"`([^`]+)`", cell)}


def test_every_check_is_documented_and_every_documented_one_is_made(tmp_path):
    marks = {line.mark for line in plans.ALL_KINDS}
    assert names("The report") - marks == made(tmp_path)
    assert marks <= names("The report")


def test_every_row_of_a_running_pilot_is_documented(tmp_path):
    assert names("Beside a running pilot") == {line.name for line in beside_a_pilot(tmp_path).lines}


def test_the_schemas_number_is_the_programs():
    assert f"| `schema` | number | {document.SCHEMA} |" in SCHEMA


@pytest.mark.parametrize("page", ["docs/selftest.md", "docs/troubleshooting.md"])
def test_the_readme_leads_there(page):
    assert f"]({page})" in (TOP / "README.md").read_text(encoding="utf-8")


def test_what_the_readme_explains_exists():
    (id,) = re.findall(r"--explain ([a-z-]+)", (TOP / "README.md").read_text(encoding="utf-8"))
    log, _ = log_to_text()
    assert explain.explain(id, log, 100) == 0


def test_line_kinds_are_all_there():
    assert {line.mark for line in plans.ALL_KINDS} == {"ok", "warning", "REFUSED", "n/a"}
    assert all(isinstance(line, Line) for line in plans.ALL_KINDS)
