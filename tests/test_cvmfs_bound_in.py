"""A /cvmfs that is bound in: directories and a mount table on a temporary root, and what an administrator is told."""

import json

import pytest

import fakes
from fakes import NOW, ids, mounted, put
from ospool_ep import checks
from ospool_ep.cvmfs import bound, names
from ospool_ep.cvmfs.ask import Answer
from ospool_ep.cvmfs.given import Given
from ospool_ep.cvmfs.record import BOUND
from ospool_ep.cvmfs.repositories import Repository, renewed
from ospool_ep.machine import Machine
from ospool_ep.mounts import Mount
from ospool_ep.problem import Exit, exit_code
from ospool_ep.settings import Settings

OASIS, CMS = "oasis.opensciencegrid.org", "cms.cern.ch"
SHARED = (Mount("autofs", "/", "/cvmfs", frozenset(), follows=True),)
FUSE = "40 31 0:50 / /cvmfs{} ro,nosuid {}- fuse.cvmfs2 cvmfs2 ro"


@pytest.fixture
def here(tmp_path):
    """A machine with a healthy /cvmfs."""
    (tmp_path / "run/ospool-ep").mkdir(parents=True)
    mounted(tmp_path, FUSE.format("", "shared:5 "))
    for name in (names.CONFIG, OASIS):
        put(tmp_path, f"/cvmfs/{name}/README", "hello")
    return Machine(root=tmp_path, now=NOW)


@pytest.mark.parametrize(
    ("point", "counts"),
    [("", True), ("/cms.cern.ch", True), ("/cms.cern.ch/below", True), ("-data", False), ("2", False)],
)
def test_what_is_mounted_at_or_below(tmp_path, point, counts):
    mounted(tmp_path, FUSE.format(point, ""))
    assert bool(bound.mounted(Machine(root=tmp_path))) is counts


def test_where_there_is_no_mount_table_nothing_is_mounted(tmp_path):
    assert bound.mounted(Machine(root=tmp_path)) == ()


def test_the_images_own_directory_is_nobodys_cvmfs(tmp_path):
    mounted(tmp_path)
    (tmp_path / "cvmfs").mkdir()
    here = Machine(root=tmp_path)
    assert bound.verified(here, None) == bound.verified(here, False) == Given()
    (problem,) = bound.verified(here, True).problems
    assert (problem.id, problem.exit_code) == ("cvmfs-required", Exit.CONFIGURATION)
    assert "-v /cvmfs:/cvmfs:shared" in problem.cure


def test_repositories_that_are_mounted_one_by_one_are_asked_too():
    there = tuple(
        Mount("fuse", "/", f"/cvmfs{point}", frozenset()) for point in ("", "/a.b", "/x", f"/{CMS}", "/c.d/e")
    )
    wanted = bound.wanted(there)
    assert wanted[0] == names.CONFIG
    assert set(wanted) == {names.CONFIG, *names.WORTH, "a.b"}
    assert len(wanted) == len(set(wanted))


def test_a_healthy_one(here):
    found = bound.verified(here, True)
    assert found.problems == ()
    usable = [one.name for one in found.state.repositories if one.usable(NOW)]
    assert (found.state.source, usable) == (BOUND, [names.CONFIG, OASIS])
    assert found.state.leave == "", "a bound one comes back by itself"


def test_one_line_of_the_report_and_what_the_others_are_told(here):
    outcome = checks.cvmfs(here, Settings(), None).look()
    assert (outcome.line.name, outcome.line.mark) == ("cvmfs", "ok")
    assert outcome.line.text.startswith("/cvmfs of the host: ")
    assert outcome.value.state.source == BOUND
    handed = Given(note="as it was handed in")
    assert checks.cvmfs(here, Settings(), handed).look().value is handed


def test_an_empty_one(here):
    mounted(here.root, FUSE.format("", ""))
    for name in (names.CONFIG, OASIS):
        put(here.root, f"/cvmfs/{name}/README", "").unlink()
    found = bound.verified(here, None)
    assert ids(found.problems) == ["cvmfs-empty"], "nothing is mounted at their places"
    assert found.problems[0].warning
    assert not any(one.usable(NOW) for one in found.state.repositories)


@pytest.mark.parametrize(("required", "code"), [(None, 0), (False, 0), (True, 69)])
def test_where_it_is_required_a_dead_one_refuses_the_pilot(here, required, code):
    (here.path("/cvmfs")).rename(here.path("/gone"))
    found = bound.verified(here, required)
    assert exit_code(found.problems) == code
    assert ("cvmfs-required" in ids(found.problems)) is bool(required)


# --- every kind of trouble has an answer of its own


def judge(answers, there=SHARED):
    answers = tuple(answers)
    found = tuple(renewed(Repository(one.name), one, NOW, booting=True) for one in answers)
    return bound.judge(answers, found, there, NOW)


WELL = Answer(names.CONFIG, revision=1, nioerr=0, last_ioerr=0)


@pytest.mark.parametrize("error", ["ENOENT", "EMPTY"])
def test_without_the_config_repository_osgs_are_in_doubt(error):
    (problem,) = judge([Answer(names.CONFIG, error), Answer(CMS, revision=1)])
    assert (problem.id, problem.warning) == ("cvmfs-config", True)
    assert names.CONFIG in problem.found


def test_what_is_not_there_is_nobodys_fault_where_others_are():
    assert judge([WELL, Answer(CMS, "ENOENT"), Answer(OASIS, "EMPTY")]) == ()


@pytest.mark.parametrize(
    ("error", "id", "words", "cure"),
    [
        ("ENOTCONN", "cvmfs-stale", "Transport endpoint is not connected", f"umount -l /cvmfs/{CMS}"),
        ("EACCES", "cvmfs-permission", "Permission denied", "allow_other"),
        ("EPERM", "cvmfs-permission", "Operation not permitted", "SELinux"),
        ("LATE", "cvmfs-hangs", "does not answer", "cvmfs_config probe"),
        ("STUCK", "cvmfs-hangs", "holds an earlier question", f"umount -l /cvmfs/{CMS}"),
        ("EIO", "cvmfs-error", "Input/output error", "cvmfs_config chksetup"),
        ("ESTALE", "cvmfs-error", "ESTALE", "cvmfs_config probe"),
    ],
)
def test_each_kind_of_trouble(error, id, words, cure):
    (problem,) = judge([WELL, Answer(CMS, error)])
    assert (problem.id, problem.warning) == (id, True)
    assert problem.found.startswith(CMS)
    assert words in problem.found
    assert cure in problem.cure
    assert "NAME" not in problem.cure
    assert "all others run" in problem.why


def test_recent_io_errors_are_told_and_old_ones_are_not():
    (problem,) = judge([WELL, Answer(CMS, nioerr=3, last_ioerr=NOW - 300)])
    assert (problem.id, problem.warning) == ("cvmfs-io-errors", True)
    assert f"{CMS} failed 5 minutes ago" in problem.found
    assert judge([WELL, Answer(CMS, nioerr=3, last_ioerr=NOW - 5 * 3600)]) == ()


def test_many_of_one_kind_are_one_problem_and_kinds_are_told_apart():
    dead = [Answer(name, "ENOTCONN") for name in names.WORTH[:8]]
    stale, hangs = judge([*dead, Answer(OASIS, "LATE")])
    assert (stale.id, hangs.id) == ("cvmfs-stale", "cvmfs-hangs")
    assert names.WORTH[4] in stale.found
    assert names.WORTH[5] not in stale.found
    assert stale.found.endswith("; and 3 more")
    (five,) = judge([WELL, *dead[:5]])
    assert "more" not in five.found


@pytest.mark.parametrize("errors", [("ENOENT", "ENOENT"), ("EMPTY", "ENOENT"), ("EMPTY", "EMPTY")])
def test_nothing_in_it_is_told_alone(errors):
    problems = judge([Answer(name, error) for name, error in zip((names.CONFIG, OASIS), errors, strict=True)], ())
    assert ids(problems) == ["cvmfs-empty"]
    assert f"ls /cvmfs/{names.CONFIG}" in problems[0].cure


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (SHARED, []),
        ((Mount("autofs", "/", "/cvmfs", frozenset()),), ["cvmfs-propagation"]),
        ((Mount("fuse", "/", f"/cvmfs/{CMS}", frozenset()),), []),
        ((*SHARED, Mount("fuse", "/", f"/cvmfs/{CMS}", frozenset())), []),
    ],
)
def test_what_the_host_mounts_later_must_get_here(there, expected):
    problems = judge([WELL], there)
    assert ids(problems) == expected
    assert all(problem.warning and ":rslave" in problem.cure for problem in problems)


def test_a_mount_that_hangs_costs_the_start_two_seconds(here):
    """The canned answer stands in for the child that was given up; the real one is in test_cvmfs_ask."""
    line = json.dumps({"name": names.CONFIG, "error": "", "file": "", "numbers": {}})
    stuck = fakes.machine(here.root, answers=(("look.py 2 ", fakes.Result(124, line, "")),))
    found = bound.verified(stuck, None)
    assert ids(found.problems) == ["cvmfs-hangs"]
    by_name = {one.name: one for one in found.state.repositories}
    assert by_name[names.CONFIG].usable(NOW)
    assert not by_name[OASIS].usable(NOW)
    assert renewed(by_name[OASIS], Answer(OASIS), NOW + 60).usable(NOW + 60), "autofs was at work"
