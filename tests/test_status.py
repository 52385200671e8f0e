"""How a running pilot is doing, from what HTCondor's programs said beside a real one."""

import json
import os

import pytest

import fakes
import running_pilot
from ospool_ep.board import Board
from ospool_ep.containers.failures import Failure, add
from ospool_ep.machine import TIMED_OUT, Result
from ospool_ep.status import check, lines
from ospool_ep.status.look import look
from ospool_ep.status.process import find
from running_pilot import BUSY, DENIED, HOME, IDLE, MASTER, NAME, NOW, PRIVATE, REFUSED, SLOT, answers, container

POOL = "condor_status -pool"
LATE = Result(TIMED_OUT, "", "")


def report(machine):
    """All of it, as the selftest asks."""
    board = Board()
    return check.end(check.begin(machine, find(machine), board), machine, board)


def looked(machine):
    return look(machine, find(machine))


def text(machine):
    """Name to text of the lines."""
    return {line.name: line.text for line in report(machine).lines}


def problems(machine):
    return [problem for line in report(machine).lines for problem in line.problems]


def startd(said, status=0, error=""):
    return ("condor_status -direct", Result(status, said, error))


def test_a_busy_pilot(tmp_path):
    machine = container(tmp_path)
    found = report(machine)
    assert text(machine) == {
        "pilot": "ep-49deaefc, pid 1, up 1 min 11 s, Mips 4647",
        "registered": "cm.example.org (its ad is 20 s old)",
        "slots": "free: 1 of 2 CPUs, 23977 of 24105 MB memory, 69.3 of 69.3 GB disk",
        "jobs": "1 job now, 1 started; the last ended 5 min ago: 2.0 (P), signal 15 after 13 s",
        "accepting": "new jobs for 58 min 49 s (until 2026-11-28 18:22:29 UTC); leaves in 58 min 49 s",
        "last": "images of registries cannot be had: https://registry.example.org/v2/ does not answer: "
        "Name or service not known",
    }
    assert {line.mark for line in found.lines} == {"ok"}
    head, row = found.table.splitlines()
    assert head.split() == ["slot", "job", "project", "state", "for", "CPUs", "memory", "disk", "GPUs"]
    assert row.split() == ["slot1_1", "7.0", "P", "Claimed/Busy", "28", "s", "1", "128", "MB", "32", "MB", "0"]


def test_the_object_for_programs(tmp_path):
    found = json.loads(json.dumps(report(container(tmp_path)).document))
    assert (found["state"], found["registered"], found["name"]) == ("running", True, NAME)
    assert found["slot"]["cpus"] == {"free": 1, "total": 2}
    assert found["slot"]["accepts_until"] == 1795890149
    assert [(job["id"], job["slot"], job["project"]) for job in found["jobs"]] == [("7.0", "slot1_1", "P")]
    assert found["collectors"][0]["updated"] == NOW - 20


def test_without_a_pilot_nothing_is_said(tmp_path):
    assert report(fakes.machine(tmp_path)) == check.Report()


def test_an_idle_pilot_says_when_it_leaves(tmp_path):
    machine = container(tmp_path, answers(startd(IDLE)))
    assert text(machine)["jobs"].startswith("no jobs now, 1 started")
    # Idle since NumDynamicSlotsTime, 28 s ago, and for half an hour at most
    assert text(machine)["accepting"].endswith("; leaves in 58 min 49 s, or in 29 min 32 s if no job comes")
    assert report(machine).table == ""


def test_a_pilot_that_has_served_its_time_is_as_it_should_be(tmp_path):
    retired = IDLE.replace("GLIDEIN_ToRetire = 1795890149", "GLIDEIN_ToRetire = 1000000000")
    machine = container(tmp_path, answers(startd(retired)))
    assert looked(machine).slot.refuses == ("accepting",)
    assert text(machine)["accepting"].startswith("no new jobs since 2001-09-09 01:46:40 UTC; leaves in 58 min")
    assert problems(machine) == []


def test_a_pilot_that_takes_no_job_says_why(tmp_path):
    loaded = IDLE.replace("LoadAvg = 1.0", "LoadAvg = 7.5")
    (problem,) = problems(container(tmp_path, answers(startd(loaded))))
    assert (problem.id, problem.warning) == ("pilot-takes-no-job", True)
    assert "load (a job starts only if the machine is not overloaded)" in problem.found


def test_the_startd_is_asked_at_its_own_port(tmp_path):
    """Not by way of the CCB: the canned answer is for the short address only."""
    assert looked(container(tmp_path)).state == "running"


@pytest.mark.parametrize(("age", "state", "ids"), [(5, "starting", []), (600, "not answering", ["pilot-silent"])])
def test_without_a_startd(tmp_path, age, state, ids):
    machine = container(tmp_path)
    machine.path(f"{HOME}/log/.startd_address").unlink()
    os.utime(machine.path(f"{PRIVATE}/condor_config"), (NOW - age, NOW - age))
    assert looked(machine).state == state
    assert fakes.ids(problems(machine)) == ids
    assert "condor_startd is not up" in text(machine)["pilot"]


def test_while_it_boots(tmp_path):
    running_pilot.process(tmp_path, 1, "/usr/bin/python3", "-I", "/usr/bin/ospool-ep")
    running_pilot.process(tmp_path, "self", "python3")
    machine = fakes.machine(tmp_path)
    assert text(machine) == {"pilot": "pid 1, starting: its checks have not ended: see docker logs"}
    assert problems(machine) == []


@pytest.mark.parametrize(
    "answer",
    [startd("", 1, REFUSED), ("condor_status -direct", LATE), startd("\n"), startd("no ad at all"),
     ("condor_config_val", Result(1, "", "Not defined: LOG")), ("condor_config_val", LATE)],
    ids=["error", "late", "empty", "garbage", "no config", "config late"],
)  # fmt: skip
def test_a_pilot_that_does_not_answer(tmp_path, answer):
    machine = container(tmp_path, answers(answer))
    assert looked(machine).state == "not answering"
    assert fakes.ids(problems(machine)) == ["pilot-silent"]
    assert problems(machine)[0].warning


def test_one_whose_configuration_is_gone(tmp_path):
    machine = container(tmp_path)
    machine.path(f"{PRIVATE}/condor_config").unlink()
    assert text(machine)["pilot"].startswith("pid 1, not answering: its configuration cannot be found")


PREEMPTING = BUSY.replace('State = "Claimed"', 'State = "Preempting"').replace('"Busy"', '"Vacating"')


@pytest.mark.parametrize(
    ("slots", "pool", "state"),
    [(PREEMPTING, SLOT, "shutting down"), (PREEMPTING, MASTER + SLOT, "running"), (BUSY, SLOT, "running"),
     (IDLE.replace("GLIDEIN_ToDie = 1795890149", "GLIDEIN_ToDie = 1795880000"), MASTER + SLOT, "shutting down")],
)  # fmt: skip
def test_one_that_is_about_to_leave(tmp_path, slots, pool, state):
    machine = container(tmp_path, answers(startd(slots), (POOL, Result(0, pool, ""))))
    assert looked(machine).state == state


REASON = f"ADVERTISE_STARTD failed!\n{DENIED}\n"
CASES = {
    "refused": ((POOL, Result(1, "", REFUSED)), "its token is refused"),
    "denied": ((POOL, Result(1, "", DENIED)), ("condor_ping", Result(1, REASON, "")), "may not advertise"),
    "unknown": ((POOL, Result(1, "", "Error: unknown host cm.example.org\nExtra Info: x")), "cannot be reached"),
    "late": ((POOL, LATE), "cannot be reached"),
    "taken": ((POOL, Result(0, "", "")), "the pool would take its ad"),
    "not taken": ((POOL, Result(0, "\n", "")), ("condor_ping", Result(1, REASON, "")), "may not advertise"),
}


@pytest.mark.parametrize("case", CASES)
def test_not_registered(tmp_path, case):
    *said, cause = CASES[case]
    machine = container(tmp_path, answers(*said))
    (problem,) = problems(machine)
    assert (problem.id, problem.warning) == ("pilot-not-registered", True)
    assert cause in problem.found
    assert report(machine).document["registered"] is (False if "taken" in case else None)


def test_a_young_pilot_is_given_time(tmp_path):
    machine = container(tmp_path, answers((POOL, Result(0, "", ""))))
    os.utime(machine.path(f"{PRIVATE}/condor_config"), (NOW - 10, NOW - 10))
    assert problems(machine) == []
    assert text(machine)["registered"] == "cm.example.org: not there"


def test_an_expired_copy_of_the_token_is_the_cause(tmp_path):
    machine = container(tmp_path, answers((POOL, Result(1, "", REFUSED))))
    fakes.put(tmp_path, f"{PRIVATE}/tokens.d/00-flock", fakes.jwt(iat=1, exp=NOW - 60) + "\n")
    (problem,) = problems(machine)
    assert "the token that it has copied when it started expired 2026-11-28" in problem.found
    assert "docker restart PILOT" in problem.cure


def test_one_collector_of_two_is_enough(tmp_path):
    machine = container(tmp_path, answers(("-pool cm-2", LATE), collectors="cm-1:9618?sock=collector3, cm-2"))
    assert problems(machine) == []
    assert text(machine)["registered"] == (
        "cm-1:9618?sock=collector3 (its ad is 20 s old); cm-2: not known: no answer within 4 s"
    )


def test_a_pool_that_lets_nobody_look(tmp_path):
    machine = container(tmp_path, answers((POOL, Result(1, "", DENIED))))
    assert text(machine)["registered"] == "cm.example.org lets this token advertise, and nobody look"
    assert problems(machine) == []


@pytest.mark.parametrize("answer", ["x", 'LastHeardFrom = "x"\nMyType = 5\n\n', "\0\n"])
def test_garbage_from_a_collector(tmp_path, answer):
    assert looked(container(tmp_path, answers((POOL, Result(0, answer, ""))))).registered is not True


def test_the_last_problem_is_the_latest(tmp_path):
    failed = "ClusterId = 3\nProcId = 1\nCompletionDate = 1795886000\nStarterExitStatus = 9\n\n"
    machine = container(tmp_path, answers(("condor_history", Result(0, failed, ""))))
    assert looked(machine).trouble.what == "job 3.1 could not be run (condor_starter: 9)"
    path = machine.path(f"{HOME}/apptainer/failures")
    path.parent.mkdir()
    add(path, Failure(NOW - 90, "sif", "no /dev/fuse"))
    assert text(machine)["last"].startswith("1 min 30 s ago: a container did not start (sif): no /dev/fuse; images of")
    add(path, Failure(NOW - 30, "image", "alice@lab docker://x/y:1"))
    assert text(machine)["last"].startswith("30 s ago: a job's own container image did not start: docker://x/y:1; ")
    assert "alice" not in json.dumps(report(machine).document)


def test_no_secret_and_no_control_character_is_shown(tmp_path):
    machine = container(tmp_path, answers(startd(BUSY.replace('RemoteProject = "P"', 'RemoteProject = "\x1b[31mP"'))))
    found = report(machine)
    assert "\x1b" not in found.table
    assert fakes.jwt().rpartition(".")[2] not in repr(found)


def test_nothing_is_written(tmp_path):
    machine = container(tmp_path)
    fakes.put(tmp_path, f"{HOME}/apptainer/failures", "5 sif x\n" * 9000)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    report(machine)
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_lines_without_a_pilot():
    assert (lines.lines(None, NOW), lines.table(None, NOW)) == ((), "")
