"""The whole preflight on a temporary root, and the ways in which a boot ends before the exec."""

import os
import re

import pytest

from fakes import EXTRA, GOOD, NOW, TOKENS, changed, ids, jwt, log_to_text, machine, put
from ospool_ep import board, boot, checks, program
from ospool_ep import preflight as looked
from ospool_ep.containers.record import BELIEVED
from ospool_ep.cvmfs.called import Called
from ospool_ep.machine import Result
from ospool_ep.problem import Exit, Refused, exit_code
from ospool_ep.settings import TABLE

STARTED = 0.0
# What may be said of the machine that the tests run on: its file system and its ulimits are real.
HERE = {"scratch-little", "shm-small", "files-few", "processes-few"}


def preflight(root, environ=GOOD, **changes):
    return looked.preflight(machine(root, **changes), environ, "0123abcd")


def tree(root):
    return sorted(str(path) for path in root.rglob("*"))


def test_a_good_machine_has_nothing_to_complain_about(root):
    plan = preflight(root)
    assert set(ids(plan.problems)) <= HERE
    assert plan.names.slot == "slot1@ep-0123abcd@LAB-EP1.node17"
    assert plan.attributes["GLIDEIN_ToRetire"] == str(NOW + 336 * 3600)
    assert plan.credentials.tokens[0].subject == "pilot@lab"
    assert plan.state.containers == plan.state.sif == BELIEVED
    assert [line.name for line in plan.lines] == [
        "settings", "user", "CPUs", "Memory", "limits", "job limits", "scratch", "network", "job env", "proxy",
        "token", "attributes", "cvmfs", "apptainer", "image", "gpus", "start",
    ]  # fmt: skip


def test_looking_changes_nothing(root):
    before = tree(root)
    preflight(root)
    assert tree(root) == before


def test_the_sites_attributes_go_into_the_ad(root):
    put(root, EXTRA, 'Rack = "B 12"\n')
    plan = preflight(root)
    assert plan.attributes["Rack"] == '"B 12"'
    assert "extra: Rack" in [line.text for line in plan.lines]


def test_a_clause_that_the_sites_own_attribute_makes_false_is_refused(root):
    put(root, EXTRA, 'Rack = "B 12"\n')
    plan = preflight(root, GOOD | {"GLIDEIN_Start_Extra": 'Rack == "C"'})
    assert "start-never" in ids(plan.problems)


def test_everything_that_is_wrong_is_told_in_one_go(tmp_path):
    put(tmp_path, EXTRA, "START = True\n")
    put(tmp_path, f"{TOKENS}/flock", "rubbish")
    put(tmp_path, "/usr/bin/apptainer", "")
    environ = {"GLIDEIN_Site": "LAB", "NUM_CPUS": "x", "GLIDEIN_Start_Extra": "a &&", "EXTRA_JOB_ENV": "A='"}
    broken = changed(("classad_eval", Result(0, "error\n", "")), (" exec ", Result(255, "", "user namespace")))
    plan = preflight(tmp_path, environ | {"GLIDEIN_Sites": "x"}, answers=broken)
    assert set(ids(plan.problems)) - HERE == {
        "setting-invalid", "setting-missing", "setting-unknown", "scratch-missing", "token-not-jwt",
        "extra-attributes-line", "job-environment", "apptainer", "start-extra-syntax",
        "cpu-limit-unseen", "memory-limit-unseen", "processes-limit-unseen",
    }  # fmt: skip
    assert "shm-small" in ids(plan.problems)
    assert exit_code(plan.problems) == Exit.CONFIGURATION


def lines(root, environ=GOOD):
    return {line.name: line for line in preflight(root, environ).lines}


def test_the_report_says_what_is_offered_and_which_limit_decided(root):
    put(root, "/sys/fs/cgroup/cpu.max", "50000 100000\n")
    put(root, "/sys/fs/cgroup/memory.max", f"{400 << 20}\n")
    put(root, "/sys/fs/cgroup/pids.max", "100\n")
    plan = preflight(root, GOOD | {"NUM_CPUS": "65536"})
    assert (plan.cpus, plan.memory_mb) == (1, 300)
    said = {line.name: line for line in plan.lines}
    assert said["CPUs"].text.startswith("1      cpu quota 0.5 of this cgroup (host ")
    assert ids(said["CPUs"].problems) == ["offer-lowered", "cpus-below-one"]
    assert said["Memory"].text.startswith("300    memory limit 400 MB of this cgroup minus 100 MB kept for the pilot (")
    assert "processes-few" in ids(said["limits"].problems)
    assert exit_code(plan.problems) == Exit.OK


def test_too_little_memory_ends_the_start(root):
    put(root, "/sys/fs/cgroup/memory.max", f"{355 << 20}\n")
    code, text = booted(root)
    assert code == 69
    assert "REFUSED: memory-too-little" in text
    assert "255 MB are left for jobs" in text


def test_a_slurm_allocation_bounds_what_is_offered(root):
    slurm = {"SLURM_CPUS_ON_NODE": "1", "SLURM_MEM_PER_CPU": "400", "SLURM_JOB_ID": "7"}
    plan = preflight(root, GOOD | slurm)
    assert (plan.cpus, plan.memory_mb) == (1, 300)
    assert set(ids(plan.problems)) <= HERE


@pytest.mark.parametrize(
    "name", ["OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "OPENBLAS_NUM_THREADS"]
)
def test_stray_variables_about_threads_change_nothing(root, name):
    calm, stray = preflight(root), preflight(root, GOOD | {name: "1"})
    assert (stray.cpus, stray.memory_mb, stray.settings) == (calm.cpus, calm.memory_mb, calm.settings)
    assert lines(root, GOOD | {name: "1"})["CPUs"] == lines(root)["CPUs"]


@pytest.mark.parametrize("user", [{"uid": 0}, {"uid": 12345, "user": None}])
def test_the_line_about_the_user_names_the_uid(root, user):
    line = next(line for line in preflight(root, **user).lines if line.name == "user")
    assert f"uid {user['uid']}" in line.text
    assert line.problems


class Broken(Exception):
    """Stands for any bug."""


def test_a_check_that_crashes_is_a_finding_and_the_others_still_run():
    found = board.outcome(checks.interfaces(None), Broken("boom"))
    line = found.line
    assert found.value is None
    assert ids(line.problems) == ["check-crashed"]
    assert exit_code(line.problems) == Exit.BUG
    assert "boom" in line.problems[0].raw


def test_a_check_that_hangs_is_a_finding():
    line = board.outcome(checks.interfaces(None), TimeoutError()).line
    assert ids(line.problems) == ["check-timeout"]
    assert exit_code(line.problems) == Exit.UNFIT
    assert "no answer within 60 s" in line.problems[0].found
    assert "mount" in line.problems[0].cure


def booted(root, environ=GOOD, **changes):
    log, stream = log_to_text()
    return boot.boot(machine(root, **changes), environ, log, STARTED), stream.getvalue()


def test_a_refused_boot_has_touched_nothing(root):
    before = tree(root)
    code, text = booted(root, {"GLIDEIN_Site": "LAB"})
    assert code == 78
    assert tree(root) == before
    assert re.search(r"not started: \d+ problem", text)
    assert "exec" not in text


def test_a_configuration_that_reads_back_differently_leaves_no_token_behind(root):
    wrong = changed(("condor_config_val RELEASE_DIR", Result(1, "", "Configuration Error Line 3")))
    with pytest.raises(Refused) as refused:
        booted(root, answers=wrong)
    assert ids(refused.value.problems) == ["config-unreadable"]
    assert os.listdir(root / "pilot") == os.listdir(root / "run/ospool-ep") == []


def test_a_boot_that_fails_half_way_through_its_directories_leaves_none(nobodys):
    root = nobodys
    for directory in ("pilot", "run/ospool-ep", "dev/shm"):
        (root / directory).mkdir(parents=True)
    put(root, "/usr/bin/apptainer", "")
    put(root, f"{TOKENS}/flock", jwt())
    # The private place passes the look, and is full when it is used: a file stands where the directory should be.
    (root / "run/ospool-ep").rmdir()
    (root / "dev/shm").rmdir()
    put(root, "/run/ospool-ep", "")
    log, _ = log_to_text()
    wrong = changed(("condor_config_val RELEASE_DIR", Result(1, "", "no")))
    with pytest.raises(Refused):
        boot.boot(machine(root, answers=wrong), GOOD, log, STARTED)
    assert os.listdir(root / "pilot") == []


def called(environ):
    return Called(("--print-config",), environ, STARTED)


def test_print_config_shows_what_would_be_written_and_creates_nothing(root, capsys):
    before = tree(root)
    log, report = log_to_text()
    environ = GOOD | {"GLIDEIN_Site": "A $(LOG) B", "TOKEN": jwt(signature="U0VDUkVUU0VDUkVUU0VDUkVU")}
    assert boot.print_config(machine(root), called(environ), log) == 0
    said = capsys.readouterr().out
    assert 'GLIDEIN_Site = "A $(DOLLAR)(LOG) B"\n' in said
    assert "STARTD_NAME = ep-" in said
    assert "U0VDUkVUU0VDUkVUU0VDUkVU" not in said + report.getvalue()
    assert "ok      token" in report.getvalue()
    assert tree(root) == before


def test_print_config_mounts_nothing_and_says_so(root, capsys):
    log, report = log_to_text()
    assert boot.print_config(machine(root), called(GOOD | {"CVMFSEXEC_REPOS": "cms.cern.ch"}), log) == 0
    assert "not mounted to print the configuration" in report.getvalue()
    assert "STARTD_CRON_CVMFS" not in capsys.readouterr().out


def test_print_config_ends_with_the_boots_code(root, capsys):
    log, _ = log_to_text()
    assert boot.print_config(machine(root), called({"GLIDEIN_Site": "LAB"}), log) == 78


# --- arguments


def commanded(*arguments):
    """What a person would see."""
    log, stream = log_to_text()
    code = program.run(lambda _: boot._command(Called(arguments, {}, STARTED), log), {}, "BOOT", stream)
    return code, stream.getvalue()


def test_help_lists_every_variable():
    code, text = commanded("--help")
    assert code == 0
    for row in TABLE:
        assert f"  {row.name}  (" in text
        if row.default:
            assert f"  {row.name}  (default {row.default})" in text
        if row.required:
            assert f"  {row.name}  (required)" in text
    assert "`" not in text.split("variables:")[1]
    assert "--print-config" in text


@pytest.mark.parametrize("arguments", [("--print-confg",), ("--print-config", "x"), ("--inside",), ("--inside", "/x")])
def test_an_unknown_argument_is_refused_with_the_usage(arguments):
    code, text = commanded(*arguments)
    assert code == 78
    assert f"unknown argument '{arguments[0]}'" in text
    assert "--entrypoint ospool-selftest" in text
