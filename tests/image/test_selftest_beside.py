"""`docker exec PILOT ospool-selftest`: how the pilot is doing, without disturbing it."""

import json
import time

import pytest
import runs

from poolbox import jobs, slots

SITE = "beside"
OPEN = ("--security-opt", "seccomp=unconfined", "--security-opt", "systempaths=unconfined")


@pytest.fixture(scope="module")
def pilot(box, pool, token_file):
    """A pilot of the recommended options, idle but for the job that a test sends it."""
    with runs.together(box, pool, token_file, {SITE: ({}, ())}) as booted:
        yield booted[SITE]


def selftest(box, container, *arguments, user="osg"):
    """In the pilot's container."""
    done = box.engine.run("exec", "-u", user, container, "ospool-selftest", *arguments, check=False)
    return runs.Ended(done.returncode, done.stdout, done.stderr)


def document(box, container, *arguments, user="osg"):
    return json.loads(selftest(box, container, "--json", *arguments, user=user).out)


def problem_ids(found):
    return [one["id"] for check in found["checks"] for one in check["problems"]]


def everything(box, container):
    """Names of what is on the scratch volume, among private directories, and mounted."""
    look = "ls -A /pilot /run/ospool-ep /tmp /dev/shm; ls /pilot/ep-*; grep -c . /proc/1/mountinfo"
    return box.inside(container, "sh", "-c", look)


def ad(pool, site=SITE):
    (found,) = slots.slot_ads(pool, f'GLIDEIN_Site == "{site}" && PartitionableSlot')
    return {name: found[name] for name in ("Name", "DaemonStartTime", "State", "MyAddress", "Cpus")}


def test_an_idle_pilot(box, pool, pilot):
    before, there = ad(pool), everything(box, pilot.container)
    found = document(box, pilot.container)
    one = found["pilot"]
    assert (found["exit_status"], one["state"], one["registered"]) == (0, "running", True)
    assert f'"slot1@{one["name"]}"' == before["Name"]
    assert (one["jobs"], one["pid"], one["uid"]) == ([], 1, 1000)
    assert one["slot"]["cpus"] == {"free": int(before["Cpus"]), "total": int(before["Cpus"])}
    assert one["slot"]["leaves_idle"] == one["slot"]["idle_since"] + 30 * 60
    assert one["slot"]["accepts_until"] == int(pilot.ad["GLIDEIN_ToRetire"])
    assert [(host["host"], host["registered"]) for host in one["collectors"]] == [(pool.host, True)]
    assert (ad(pool), everything(box, pilot.container)) == (before, there)


def test_the_words_for_people(box, pool, pilot):
    ended = selftest(box, pilot.container)
    assert ended.code == 0
    assert f"ok      registered {pool.host} (its ad is " in ended.out
    assert "ok      jobs       no jobs now, 0 started" in ended.out
    assert "ok      accepting  new jobs for 13 days 23 h" in ended.out
    assert "if no job comes" in ended.out


def test_a_pilot_with_a_job(box, pool, pilot):
    """The job goes on, and ends as it would have."""
    text = runs.description(runs.at_site(SITE), runs.PROJECT)
    job = jobs.submit(pool, text, {"run.sh": "#!/bin/sh\nsleep 12\n"})
    slots.wait_for_slot(pool, f'JobId =?= "{job.cluster}.0" && Activity == "Busy"')
    before = everything(box, pilot.container)
    found = document(box, pilot.container)["pilot"]
    (running,) = found["jobs"]
    assert (running["id"], running["project"], running["slot"]) == (f"{job.cluster}.0", "P", "slot1_1")
    assert (running["state"], running["activity"], running["cpus"]) == ("Claimed", "Busy", 1)
    assert found["slot"]["cpus"]["free"] == found["slot"]["cpus"]["total"] - 1
    assert (found["slot"]["idle_since"], found["slot"]["jobs_started"]) == (0, 1)
    shown = selftest(box, pilot.container).out
    assert f"slot1_1  {job.cluster}.0" in shown
    assert everything(box, pilot.container) == before
    result = jobs.wait_for_job(pool, job)
    assert (result.state, result.exit_code, result.events.count("EXECUTE")) == ("done", 0, 1)
    ended = document(box, pilot.container)["pilot"]["last_job"]
    assert (ended["id"], ended["project"], ended["failed"]) == (f"{job.cluster}.0", "P", False)
    assert ended["how"].startswith("exit status 0 after 12 s")


def test_another_user_is_told_what_to_type(box, pilot):
    """Where no-new-privileges takes root's capabilities away, root is one like any other."""
    for user in ("0", "1234"):
        ended = selftest(box, pilot.container, user=user)
        assert (ended.code, ended.refusals) == (77, ["pilot-user"])
        assert "docker exec -u 1000 PILOT ospool-selftest" in ended.out


def test_root_becomes_the_pilots_user_where_it_can(box, pool, boot):
    pilot = boot("beside-root", security=False, options=OPEN)
    found = document(box, pilot.container, user="0")
    assert found["pilot"]["registered"] is True
    assert "user-root" not in problem_ids(found)
    (user,) = (check for check in found["checks"] if check["name"] == "user")
    assert user["found"].startswith("osg (uid 1000, ")


def test_a_token_that_the_pool_refuses(box, pool, boot):
    token = runs.fake_token(iss=pool.domain)
    pilot = boot("beside-refused", token=box.token_file(token), slot=False)
    found = until(lambda: document(box, pilot.container), lambda found: found["pilot"]["state"] == "running")
    assert found["pilot"]["registered"] is None
    assert "pilot-not-registered" in problem_ids(found)
    assert [id for id in problem_ids(found) if id.startswith("token-")], "another pilot with it would fare the same"
    ended = selftest(box, pilot.container, "--offline")
    assert ended.code == 0
    assert "its token is refused" in ended.out
    assert not runs.contains_piece_of(token, ended.out)


def test_a_pool_that_has_gone(box, pool, pilot):
    """Its own startd still answers, with the job that it has run."""
    box.engine.run("pause", pool.host)
    try:
        found = document(box, pilot.container, "--offline")
    finally:
        box.engine.run("unpause", pool.host)
    assert found["pilot"]["state"] == "running"
    assert found["pilot"]["slot"]["cpus"]["total"] == int(pilot.ad["Cpus"])
    assert found["pilot"]["collectors"][0]["error"] == "no answer within 4 s"
    assert "pilot-not-registered" in problem_ids(found)
    assert found["would_start"]


def test_a_pilot_that_has_served_its_time(box, pool, pilot):
    """An hour is the least that a pilot accepts jobs for: so its configuration is told otherwise."""
    name = document(box, pilot.container)["pilot"]["name"].partition("@")[0]
    change = f"sed -i 's/^GLIDEIN_ToRetire = .*/GLIDEIN_ToRetire = 1000000000/' /run/ospool-ep/{name}/condor_config"
    box.inside(pilot.container, "sh", "-c", f"{change} && kill -HUP 1")
    found = until(lambda: document(box, pilot.container), lambda found: found["pilot"]["slot"]["refuses"])
    assert found["pilot"]["slot"]["refuses"] == ["accepting"]
    assert "no new jobs since 2001-09-09 01:46:40 UTC; leaves in" in selftest(box, pilot.container).out


def test_one_that_is_shutting_down(box, pool, boot):
    """While a job takes its time to go."""
    pilot = boot("beside-stop", env={"OSPOOL_EP_STOP_SECONDS": "60"})
    text = runs.description(runs.at_site("beside-stop"), runs.PROJECT)
    job = jobs.submit(pool, text, {"run.sh": "#!/bin/sh\ntrap '' TERM\nsleep 300 & wait\nwait\n"})
    slots.wait_for_slot(pool, f'JobId =?= "{job.cluster}.0" && Activity == "Busy"')
    box.engine.run("kill", "--signal", "TERM", pilot.container)
    found = until(
        lambda: document(box, pilot.container, "--offline")["pilot"], lambda found: found["state"] != "running"
    )
    assert (found["state"], [one["state"] for one in found["jobs"]]) == ("shutting down", ["Preempting"])
    pool.exec("condor_rm", "-all", check=False)


def until(ask, good, timeout_s=30):
    """The first answer that will do; the last one where none does."""
    end = time.monotonic() + timeout_s
    while not good(found := ask()) and time.monotonic() < end:
        time.sleep(0.5)
    return found
