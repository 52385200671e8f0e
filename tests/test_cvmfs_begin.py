"""Before everything else: is CVMFS to be mounted, and with what result? The stand-ins are in small_cvmfsexec."""

import fcntl
import json
import os
import re
import threading
from pathlib import Path

import pytest

import fakes
from fakes import GOOD, changed, ids, mounted, put
from ospool_ep.cvmfs import begin, names
from ospool_ep.cvmfs import outside as outside_
from ospool_ep.cvmfs.called import Called
from ospool_ep.cvmfs.given import NOT_MOUNTED
from ospool_ep.machine import Machine
from ospool_ep.problem import exit_code
from small_cvmfsexec import FAILS, OASIS, WELL, container, outside

WANTED = GOOD | {"CVMFSEXEC_REPOS": OASIS}
BEGIN = """
from ospool_ep.cvmfs import begin
from ospool_ep.cvmfs.called import Called
from ospool_ep.log import redact
mine = Called(("an argument",), {environ!r}, 5.5)
given = begin.begin(machine, mine, payload, tell, patient={patient!r}, a_pilot={a_pilot!r})
say({{"problems": given.problems, "note": given.note, "source": given.state.source}})
"""
IMPATIENT = {"patient": False}


def run(root, patient=True, a_pilot=True, **environ):
    return outside(root, BEGIN.format(environ=WANTED | environ, patient=patient, a_pilot=a_pilot))


def begun(root, **changes):
    """What came of it where nothing was mounted."""
    ended = run(root, **changes)
    assert "value: " in ended.stdout, ended.stderr
    found = ended.value
    return [one["id"] for one in found["problems"]], found


def left(root):
    return sorted(path.name for path in (root / "run/ospool-ep").iterdir() if not path.name.startswith("cvmfs-"))


# --- where it is mounted


@pytest.fixture(scope="module")
def healthy():
    with container() as root:
        ended = run(root, CVMFS_QUOTA_LIMIT="1500", CVMFS_HTTP_PROXY="http://p:1", TOKEN="secret", TZ="UTC")
        yield root, ended, json.loads((root / "inside").read_text()), (root / "init").read_text().splitlines()


def test_this_process_becomes_init_with_three_arguments(healthy):
    root, ended, inside, init = healthy
    _, child, payload, leave = init[0].split()
    assert int(payload) == inside["pid"] != int(child)
    assert re.fullmatch(f"{root}/run/ospool-ep/ep-[0-9a-f]{{8}}/leave", leave)
    assert leave == inside["leave"]
    assert ended.status == 0


def test_init_has_a_clean_environment_and_its_signals_wait(healthy):
    lines = healthy[3]
    environ = {line.partition("=")[0] for line in lines if "=" in line}
    assert environ == {"PATH", "LANG"}
    (blocked,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigBlk"))
    for number in (1, 2, 3, 15, 17):
        assert blocked & 1 << number - 1, f"signal {number}"


def test_init_does_not_hold_the_lock_of_the_cache_and_cvmfsexec_does(healthy):
    root, _, inside, init = healthy
    lock = f"{root}/cvmfs-cache/ospool-ep.lock"
    assert lock in (root / "descriptors").read_text()
    assert lock not in "\n".join([*init, *inside["descriptors"]])


def test_the_private_directory_stays_for_as_long_as_init_does(healthy):
    """Its mark is locked by this process, whatever it becomes: the next pilot's tidying keeps away."""
    root, _, _, init = healthy
    (name,) = left(root)
    assert (root / "run/ospool-ep" / name).stat().st_mode & 0o777 == 0o700
    assert f"{name}/in-use" in "\n".join(init)


def test_the_program_inside_is_called_as_this_one_was_and_gets_the_whole_environment(healthy):
    inside = healthy[2]
    assert inside["arguments"][2:] == ["an argument"]
    assert inside["order"]["environ"] == WANTED | {
        "CVMFS_QUOTA_LIMIT": "1500", "CVMFS_HTTP_PROXY": "http://p:1", "TOKEN": "secret", "TZ": "UTC",
    }  # fmt: skip
    assert inside["order"]["started"] == 5.5


def test_cvmfsexec_gets_no_token_and_what_programs_need_to_reach_the_network(healthy):
    environ = (healthy[0] / "environ").read_text()
    assert "secret" not in environ
    assert "TZ=UTC\n" in environ


def test_the_clients_configuration_is_the_variables(healthy):
    (local,) = healthy[0].glob("run/ospool-ep/ep-*/try-*/cvmfsexec/dist/etc/cvmfs/default.local")
    assert local.read_text().endswith('CVMFS_HTTP_PROXY="http://p:1"\nCVMFS_QUOTA_LIMIT="1500"\n')


def test_the_cache_lies_on_the_scratch_volume_and_takes_from_it(healthy):
    assert healthy[2]["reserved_mb"] == 1500


def test_people_are_told_why_they_wait(healthy):
    assert f"told: mounting {names.CONFIG}, {OASIS} with cvmfsexec" in healthy[1].stdout


def test_warnings_go_along():
    with container() as root:
        (root / "cvmfs-logs").rmdir()
        run(root)
        inside = json.loads((root / "inside").read_text())
        assert inside["problems"] == ["cvmfs-logs"]


def test_a_pilot_that_need_not_have_it_never_leaves_for_its_sake():
    with container() as root:
        run(root, CVMFS_REQUIRED="false")
        assert (root / "init").read_text().splitlines()[0].endswith(" /dev/null")
        assert json.loads((root / "inside").read_text())["leave"] == ""


# --- where it is not


def test_without_the_variable_nothing_is_looked_at(tmp_path):
    mine = Called((), dict(GOOD), 0.0)
    here = fakes.machine(tmp_path, answers=())
    assert begin.begin(here, mine, "/x", print) is None
    assert begin.unmounted(here, mine) is None
    assert list(tmp_path.iterdir()) == []


def test_a_bound_one_that_lives_wins_with_a_line_saying_so():
    with container() as root:
        mounted(root, "40 31 0:50 / /cvmfs ro shared:5 - fuse cvmfs2 ro")
        _, found = begun(root)
        assert (found["problems"], found["source"]) == ([], "bound")
        assert found["note"] == "CVMFSEXEC_REPOS has no effect: a /cvmfs is bound in, and alive"
        assert not (root / "called").exists()
        here = Machine(root=root)
        assert begin.unmounted(here, Called((), WANTED, 0.0)).note == found["note"]


@pytest.mark.parametrize(("required", "code"), [("", 0), ("false", 0), ("true", 69)])
def test_what_the_bound_one_lacks_of_what_was_asked_for_is_told(required, code):
    with container() as root:
        mounted(root, "40 31 0:50 / /cvmfs ro shared:5 - fuse cvmfs2 ro")
        found, whole = begun(root, CVMFSEXEC_REPOS=f"{OASIS} cms.cern.ch ams.cern.ch", CVMFS_REQUIRED=required)
        assert found == ["cvmfs-not-bound"]
        assert "names cms.cern.ch, ams.cern.ch, which" in whole["problems"][0]["found"]
        assert whole["problems"][0]["exit_code"] == code
        assert not (root / "called").exists()


def test_without_its_sign_of_life_it_is_not_the_better_one():
    with container() as root:
        mounted(root, "40 31 0:50 / /cvmfs ro shared:5 - fuse cvmfs2 ro")
        put(root, f"/cvmfs/{names.CONFIG}/README", "").unlink()
        begun(root, patient=False)
        assert (root / "called").exists()


def test_one_whose_sign_of_life_comes_late_is_waited_for():
    """autofs mounts it now; a lock that is held stands in for it, for longer than the boot waits for all the others."""
    with container() as root:
        mounted(root, "40 31 0:50 / /cvmfs ro shared:5 - fuse cvmfs2 ro")
        locks = root / f"run/ospool-ep/cvmfs-{os.geteuid()}-node17"
        locks.mkdir()
        with (locks / names.CONFIG).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            timer = threading.Timer(3.0, lambda: fcntl.flock(lock, fcntl.LOCK_UN))
            timer.start()
            _, found = begun(root)
            timer.join()
        assert found["source"] == "bound"
        assert not (root / "called").exists()


def test_a_bound_one_that_is_dead_does_not():
    with container() as root:
        mounted(root, "40 31 0:50 / /cvmfs/gone.cern.ch ro shared:5 - fuse cvmfs2 ro")
        (root / "cvmfs").rename(root / "away")
        found, whole = begun(root, patient=False)
        assert found == ["cvmfs-empty", "cvmfs-unreadable"]
        assert whole["source"] == "bound", "it may come back"
        assert (root / "called").exists()


def test_one_that_is_mounted_over_a_dead_one_says_so():
    with container() as root:
        mounted(root, f"40 31 0:50 / /cvmfs/{names.CONFIG} ro shared:5 - fuse cvmfs2 ro")
        (root / "cvmfs").rename(root / "away")
        # What cvmfsexec mounts is there for the payload only.
        (root / "cvmfsexec/cvmfsexec").write_text(f'#!/bin/bash\nmv {root}/away {root}/cvmfs\nshift 3\n"$@"\n')
        run(root)
        inside = json.loads((root / "inside").read_text())
        assert inside["note"] == "the /cvmfs that is bound in cannot be used"
        assert inside["problems"] == ["cvmfs-empty"]


def test_looking_at_the_configuration_mounts_nothing(tmp_path):
    mounted(tmp_path)
    here = fakes.machine(tmp_path, answers=())
    assert begin.unmounted(here, Called((), WANTED, 0.0)) == NOT_MOUNTED


def test_an_image_without_cvmfsexec():
    with container() as root:
        (root / "cvmfsexec").rename(root / "elsewhere")
        put(root, "/cvmfsexec/NOT_INCLUDED", "no network when it was built")
        found, whole = begun(root)
        assert found == ["cvmfs-not-in-image"]
        assert "no network when it was built" in whole["problems"][0]["found"]
        assert left(root) == []


def test_everything_that_is_missing_is_told_in_one_go_and_nothing_is_begun():
    with container() as root:
        put(root, "/trial", "unshare: unshare failed: Operation not permitted")
        put(root, "/cvmfsexec/default.local", "A='\n")
        (root / "cvmfs-logs").rmdir()
        found, _ = begun(root, CVMFS_QUOTA_LIMIT=str(1 << 30))
        assert found == ["cvmfs-userns", "cvmfs-cache-space", "cvmfs-logs", "cvmfs-default-local"]
        assert not (root / "called").exists()
        assert left(root) == []


def test_the_quota_of_the_sites_file_must_have_room_too_and_is_what_the_jobs_do_not_get():
    with container() as root:
        put(root, "/cvmfsexec/default.local", f"CVMFS_QUOTA_LIMIT={1 << 30}\n")
        assert begun(root)[0] == ["cvmfs-cache-space"]
        put(root, "/cvmfsexec/default.local", "CVMFS_QUOTA_LIMIT=300\n")
        run(root)
        assert json.loads((root / "inside").read_text())["reserved_mb"] == 300


def test_what_the_sites_file_may_not_set_is_refused_before_anything_is_mounted():
    with container() as root:
        put(root, "/cvmfsexec/default.local", "CVMFS_QUOTA_LIMIT=abc\nCVMFS_CACHE_BASE=/pilot/c\n")
        assert begun(root)[0] == ["cvmfs-default-local"] * 2
        assert not (root / "called").exists()


@pytest.mark.parametrize(
    ("required", "fatal"), [("true", True), ("", True), ("yes", True), ("false", False), ("no", False)]
)
def test_whether_a_pilot_goes_on_without_it(required, fatal):
    with container(FAILS % (9, "x (x.y) proxy connection problem", 16)) as root:
        found, whole = begun(root, patient=False, CVMFS_REQUIRED=required)
        assert found == ["cvmfs-mount-failed"]
        problem = whole["problems"][0]
        assert (not problem["warning"], problem["exit_code"]) == (fatal, 69 if fatal else 0)
        assert ("(CVMFS_REQUIRED=false)" in whole["note"]) is not fatal
        assert whole["source"] == ""
        assert left(root) == []


def test_what_cvmfsexec_leaves_behind_is_ended_though_it_has_other_parents():
    """As where /proc is masked: clients of repositories that had been mounted live on. We need not be PID 1."""
    with container("#!/bin/bash\n(setsid bash -c 'sleep 60; : {root}/' &)\nexit 16\n") as root:
        assert begun(root)[0] == ["cvmfs-mount-failed"]


def test_a_warning_is_told_beside_a_failure():
    with container(FAILS % (9, "x (x.y) workspace directory", 9)) as root:
        put(root, "/cvmfs-logs.new", "")
        (root / "cvmfs-logs").rmdir()
        found, _ = begun(root)
        assert found[0] == "cvmfs-logs"
        assert found[1].startswith("cvmfs-mount-")


@pytest.mark.parametrize(
    "wrong", [{"GLIDEIN_Site": ""}, {"CVMFS_QUOTA_LIMIT": "abc"}, {"CVMFS_HTTP_PROXY": "$(touch x)"}, {"NUM_CPUS": "x"}]
)
def test_where_variables_are_refused_all_is_looked_at_and_nothing_is_mounted(wrong):
    with container() as root:
        put(root, "/trial", "unshare: unshare failed: Operation not permitted")
        found, whole = begun(root, **wrong)
        assert found == ["cvmfs-userns"]
        (root / "trial").unlink()
        found, whole = begun(root, **wrong)
        assert found == []
        assert "not mounted while variables are refused" in whole["note"]
        assert not (root / "called").exists()
        assert left(root) == []


def test_a_command_needs_none_of_the_pilots_own_variables():
    with container() as root:
        run(root, a_pilot=False, GLIDEIN_Site="", NUM_CPUS="x")
        assert json.loads((root / "inside").read_text())["usable"] == [names.CONFIG, OASIS]


def test_a_command_is_not_run_where_one_of_cvmfs_is_wrong():
    with container() as root:
        assert (
            "not mounted while variables are refused" in begun(root, a_pilot=False, CVMFS_QUOTA_LIMIT="abc")[1]["note"]
        )
        assert not (root / "called").exists()


def test_a_name_that_is_wrong_mounts_nothing_at_all(tmp_path):
    here = fakes.machine(tmp_path, answers=())
    assert begin.begin(here, Called((), GOOD | {"CVMFSEXEC_REPOS": "$(touch x).y"}, 0.0), "/x", print) is None


def test_a_cache_that_another_pilot_uses():

    with container() as root, (root / "cvmfs-cache/ospool-ep.lock").open("w") as lock:
        lock.write("pilot in container other")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        found, whole = begun(root)
        assert found == ["cvmfs-cache-in-use"]
        assert "container other" in whole["problems"][0]["found"]
        assert left(root) == []
        fcntl.flock(lock, fcntl.LOCK_UN)
        run(root)
        assert (root / "init").exists()


def test_after_a_failure_the_cache_is_free_again():

    with container(FAILS % (9, "x (x.y) workspace directory", 9)) as root:
        assert begun(root)[0] == ["cvmfs-mount-failed"]
        with (root / "cvmfs-cache/ospool-ep.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_tree_that_cannot_be_laid_out():
    with container(WELL) as root:
        (root / "cvmfsexec/dist/etc/cvmfs/default.conf").symlink_to("nowhere")
        (root / "cvmfsexec/dist/etc/auto.cvmfs").symlink_to("x")
        (root / "cvmfsexec/dist/etc/cvmfs/keys").write_text("")
        (root / "cvmfsexec/dist/etc/cvmfs/default.local").mkdir()
        assert begun(root)[0] == ["cvmfs-directory"]
        assert left(root) == []


@pytest.mark.parametrize(
    ("file", "id"),
    [("/cvmfsexec/dist/etc/x", "cvmfs-tree"), ("/cvmfsexec-2/x", "cvmfs-directory"), ("/run/x", "cvmfs-directory")],
)
def test_whose_directory_it_is(file, id):
    problem = outside_._no_room(Path("/run/ospool-ep/ep-1"), OSError(13, "Permission denied", file))
    assert (problem.id, problem.exit_code) == (id, 69)
    assert f"{file}" in problem.found
    assert "Permission denied" in problem.found


def test_the_boots_line_for_those_who_wait():
    log, stream = fakes.log_to_text()
    begin.lines(log)("mounting x")
    assert stream.getvalue().endswith(" BOOT ...     cvmfs      mounting x\n")


def test_the_whole_preflight_with_what_was_handed_in(root):
    from ospool_ep.cvmfs.given import Given
    from ospool_ep.cvmfs.record import MOUNTED, State
    from ospool_ep.cvmfs.repositories import Repository
    from ospool_ep.preflight import preflight
    from ospool_ep.problem import warning

    state = State(MOUNTED, (Repository(OASIS, seen=True, revision=5),), (OASIS,))
    given = Given(state, (warning("cvmfs-logs", "x", "y", "z"),), "a note", 1024)
    plan = preflight(fakes.machine(root, answers=changed()), WANTED, "0123abcd", given)
    line = next(line for line in plan.lines if line.name == "cvmfs")
    assert line.text == f"mounted with cvmfsexec: {OASIS} (revision 5); a note"
    assert ids(line.problems) == ["cvmfs-logs"]
    assert plan.attributes["HAS_CVMFS_oasis_opensciencegrid_org"] == "True"
    assert plan.cvmfs is given
    assert "1.0 GB for CVMFS" in next(line.text for line in plan.lines if line.name == "scratch")
    assert exit_code(plan.problems) == 0
