"""Would an ordinary job start? And would the pool look at the slot, and HTCondor read what is meant?"""

import pytest

from fakes import changed, ids, machine, said
from for_job_fakes import SYSTEM, WELL, here, plan, sizes
from ospool_ep import beyond, negotiation, trial_config
from ospool_ep.board import Board
from ospool_ep.machine import Result
from ospool_ep.problem import Exit

OSPOOL = {"POOL": "ospool"}
NOT_WANTED = "no job would come"


def line(root, name, environ=None, attributes=None, *, answers=WELL, running=None):
    """One line of the selftest."""
    found = plan(root, environ, sizes() | (attributes or {}), answers=answers)
    checks = negotiation.checks(here(root, answers=answers), found, running)
    return next(check for check in checks if check.name == name).look().line


def test_an_ordinary_job_would_start(root):
    found = line(root, "usual job")
    assert (found.text, found.problems) == ("a job of 1 CPU and 1000 MB would start", ())


@pytest.mark.parametrize(
    ("environ", "clause"),
    [
        ({"GLIDEIN_Start_Extra": 'TARGET.Owner == "bob"'}, "start-extra is false"),
        ({"GLIDEIN_Start_Extra": "TARGET.Unheard > 1"}, "start-extra is undefined"),
        ({"GLIDEIN_Start_Extra": "Mips > 1"}, ""),
        ({"GLIDEIN_Start_Extra": "TARGET.RequestMemory < 500"}, "start-extra is false"),
        ({"ACCEPT_JOBS_FOR_HOURS": "1", "RETIREMENT_HOURS": "1"}, ""),
        ({"OSG_PROJECT_NAME": "Mine"}, ""),
        ({"ITB": "true"}, ""),
    ],
)
def test_a_start_that_keeps_ordinary_jobs_out_is_a_warning(root, environ, clause):
    found = line(root, "usual job", environ)
    assert ids(found.problems) == (["start-ordinary-job"] if clause else [])
    assert clause in said(found.problems)
    assert not clause or "GLIDEIN_Start_Extra" in found.problems[0].cure
    assert all(problem.warning for problem in found.problems)


def test_on_a_machine_with_gpus_the_ordinary_job_wants_one(root):
    """And is not kept out by what keeps out the others."""
    attributes = {"GPUs": "1"}
    assert ids(line(root, "usual job", attributes=attributes).problems) == ["start-ordinary-job"]
    assert "gpu is false" in said(line(root, "usual job", attributes=attributes).problems)


def test_what_was_refused_is_not_told_twice(root):
    found = line(root, "usual job", {"GLIDEIN_Start_Extra": "false"})
    assert (found.text, found.problems) == ("", ())
    assert "would not start" in found.absent


def test_what_htcondor_will_measure_is_told(root):
    found = line(root, "usual job", {"GLIDEIN_Start_Extra": "Mips > 1"})
    assert found.text.endswith("would start, if what HTCondor measures allows it (start-extra)")


def test_a_start_that_cannot_be_evaluated_is_a_warning(root):
    (check, *_) = negotiation.checks(machine(root), plan(root))
    found = check.look().line
    assert ids(found.problems) == ["start-ordinary-job"]
    assert "could not be evaluated" in said(found.problems)
    assert "no such program" in said(found.problems)


def test_other_pools_have_conditions_of_their_own(root):
    for name in ("OSPool", "HTCondor", "resource", "Pelican", "Mips"):
        found = line(root, name, {"POOL": "cm.example.org", "GLIDEIN_ResourceName": "ARGO"})
        assert (found.text, found.problems) == ("", ())
        assert "cm.example.org is not the OSPool" in found.absent


def test_the_ospool_looks_at_an_unrestricted_slot(root):
    assert line(root, "OSPool", OSPOOL).text == "True: the main negotiator looks at this slot"
    assert line(root, "HTCondor", OSPOOL).text == "25.14.1"
    assert line(root, "resource", OSPOOL).text == "LAB-EP1"
    assert "no Pelican plugin" in line(root, "Pelican", OSPOOL).absent
    assert line(root, "Mips", OSPOOL).absent == "HTCondor measures it 10 s after the start"


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({"OSG_PROJECT_NAME": "Mine"}, "OSG_PROJECT_NAME is set"),
        ({"GLIDEIN_Start_Extra": 'TARGET.Owner == "alice"'}, "GLIDEIN_Start_Extra mentions Owner"),
        ({"GLIDEIN_Start_Extra": 'TARGET.ProjectName == "P"'}, "GLIDEIN_Start_Extra mentions ProjectName"),
    ],
)
def test_a_restricted_slot_is_for_the_allocations_and_no_mistake(root, environ, why):
    found = line(root, "OSPool", OSPOOL | environ)
    assert found.text == f"False: only the allocations' negotiator looks at this slot ({why})"
    assert found.problems == ()


def test_a_restriction_from_nowhere_is_told(root):
    found = line(root, "OSPool", OSPOOL, {"OSPool": "False"})
    assert ids(found.problems) == ["pool-ospool"]


@pytest.mark.parametrize(
    ("version", "wanted"),
    [
        ("22.9.9", False), ("23.0.0", True), ("24.11.9", True), ("24.12.0", False), ("24.12.1", False),
        ("24.12.2", True), ("25.14.1", True), ("", False),
    ],
)  # fmt: skip
def test_versions(root, version, wanted):
    text = f"$CondorVersion: {version} 2026-10-16 $\n" if version else ""
    answers = (("condor_version", Result(0, text, "")), *changed(*SYSTEM))
    found = line(root, "HTCondor", OSPOOL, answers=answers)
    assert ids(found.problems) == ([] if wanted else ["pool-version"])
    assert wanted or NOT_WANTED in said(found.problems)


@pytest.mark.parametrize(
    ("name", "wanted"), [("UNKNOWN", False), ("X-ARGO-1", False), ("Cargo", True), ("unknown", True), ("R", True)]
)
def test_names(root, name, wanted):
    found = line(root, "resource", OSPOOL | {"GLIDEIN_ResourceName": name})
    assert ids(found.problems) == ([] if wanted else ["pool-resource"])


@pytest.mark.parametrize(
    ("version", "wanted"), [("7.11.0", True), ("7.10.9", False), ("10.0.0", True), ("seven", False)]
)
def test_pelican_counts_where_it_is(root, version, wanted):
    found = line(root, "Pelican", OSPOOL, running={"PelicanPluginVersion": f'"{version}"'})
    assert ids(found.problems) == ([] if wanted else ["pool-pelican"])


@pytest.mark.parametrize(("mips", "wanted"), [("11801", True), ("11800", False)])
def test_mips_of_a_pilot_that_runs(root, mips, wanted):
    found = line(root, "Mips", OSPOOL, running={"Mips": mips})
    assert (found.text, ids(found.problems)) == (mips, [] if wanted else ["pool-mips"])


# That HTCondor reads what was meant is seen by the tests of the image
def test_a_configuration_that_reads_back_differently_is_the_boots_problem(root):
    (root / "run").mkdir(exist_ok=True)
    found = trial_config.check(here(root), plan(root, answers=WELL)).look().line
    assert ids(found.problems) == ["config-unreadable"]
    assert found.problems[0].exit_code == Exit.BUG


def test_nothing_is_left_of_it(root):
    before = sorted(root.rglob("*"))
    trial_config.check(here(root), plan(root)).look()
    after = [path for path in sorted(root.rglob("*")) if path not in before]
    assert after == []


def test_without_a_writable_directory_it_is_not_applicable(tmp_path, root):
    found = plan(root)
    (tmp_path / "empty").mkdir()
    line = trial_config.check(here(tmp_path / "empty"), found).look().line
    assert line.absent.startswith("no directory to write it to")
    assert line.problems == ()


def test_where_a_pilot_is_refused_there_is_no_configuration(root):
    assert "would not start" in trial_config.check(here(root), plan(root, {"NUM_CPUS": "x"})).look().line.absent


def test_they_come_after_the_boots_own_lines(root):
    before = plan(root)
    after = beyond.beyond(here(root), before, Board())
    assert after.lines[: len(before.lines)] == before.lines
    names = [line.name for line in after.lines[len(before.lines) :]]
    assert names == ["config", "usual job", "OSPool", "HTCondor", "resource", "Pelican", "Mips"]
