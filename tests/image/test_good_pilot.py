"""What a pilot with the documented options says about itself, and what jobs find in it."""

import re
import time

import pytest
import runs

from poolbox import jobs, pilot, slots
from poolbox.condor import unquoted

SHOW = """\
#!/bin/sh
env | sort
echo "uid=$(id -u)"
grep SigIgn /proc/self/status
echo "processes=$(ls /proc | grep -c '^[0-9]')"
"""


def submit(pool, more, script=SHOW, directory=None, site=runs.GOOD["GLIDEIN_Site"]):
    return jobs.submit(pool, runs.description(runs.at_site(site), more), {"run.sh": script}, directory)


@pytest.fixture(scope="module")
def plain(pool, good):
    """An ordinary job, and beside it jobs that must not start: they were in the queue before it."""
    refused = {
        "no ProjectName": submit(pool, ""),
        "undesired": submit(pool, '+ProjectName = "P"\n+UNDESIRED_Sites = "Other,Test-Site"'),
        "desired elsewhere": submit(pool, '+ProjectName = "P"\n+DESIRED_Sites = "Other"'),
        "test bed": submit(pool, '+ProjectName = "P"\n+ITB_Sites = True'),
        "start extra": submit(pool, '+ProjectName = "P"\nrequest_memory = 4001MB'),
    }
    result = jobs.wait_for_job(pool, submit(pool, '+ProjectName = "P"'), 60)
    return result, refused


def test_the_ad_says_what_was_set(good):
    expected = {
        "GLIDEIN_Site": '"Test-Site"', "GLIDEIN_ResourceName": '"Test_Resource 1"', "GLIDEIN_Country": '"US"',
        "OSG_SITE_NAME": '"Test_Resource 1"', "GLIDEIN_ContainerTag": '"24-release"', "IsOsgVoContainer": "true",
        "Is_ITB_Site": "false", "OSPool": "false", "OSG_SQUID_LOCATION": f'"{runs.SQUID}"',
        "OSG_INSTITUTION_ID": '"https://osg-htc.org/iid/test"', "ACCEPT_JOBS_FOR_HOURS": "100",
        "ACCEPT_IDLE_MINUTES": "45", "START_EXTRA": "TARGET.RequestMemory <= 4000", "OSG_NODE_VALIDATED": "true",
        "OSG_PROJECT_RESTRICTION": "true", "OSG_GLIDEIN_VERSION": "861", "GLIDECLIENT_Group": '""',
    }  # fmt: skip
    assert {name: good.ad.get(name) for name in expected} == expected
    assert "OSG_PROJECT_NAME" not in good.ad
    assert int(good.ad["GLIDEIN_ToDie"]) - int(good.ad["GLIDEIN_ToRetire"]) == 10 * 3600
    assert abs(int(good.ad["GLIDEIN_ToRetire"]) - 100 * 3600 - time.time()) < 600


def test_the_ad_says_that_containers_run(good):
    expected = {
        "HAS_SINGULARITY": "true", "HasSingularity": "true", "HasSIF": "true", "SINGULARITY_CAN_USE_SIF": "true",
        "SINGULARITY_PATH": '"/usr/bin/apptainer"', "SINGULARITY_MODE": '"unprivileged"',
    }  # fmt: skip
    assert {name: good.ad.get(name) for name in expected} == expected
    assert good.ad["SINGULARITY_VERSION"] == good.ad["GWMS_SINGULARITY_VERSION"]


def test_extra_attributes_arrive_letter_by_letter(pool, good):
    said = {name: good.ad.get(name) for name in runs.EXTRAS}
    # HTCondor normalises the blanks of an expression, never those of a string
    assert said == runs.EXTRAS


def test_the_slot_is_named_after_the_resource_and_waits_for_jobs(good):
    host = r"Test-Resource-1\.[0-9a-f]{12}"
    assert re.fullmatch(host, unquoted(good.ad["Machine"]))
    assert re.fullmatch(rf"slot1@ep-[0-9a-f]{{8}}@{host}", unquoted(good.ad["Name"]))
    assert (good.ad["State"], good.ad["PartitionableSlot"]) == ('"Unclaimed"', "true")


def test_the_negotiator_of_the_ospool_would_look_at_it(pool, good):
    """Mips comes from a cron job: the ad that has it may be the second one."""
    slots.wait_for_slot(pool, f'GLIDEIN_Site == "{runs.GOOD["GLIDEIN_Site"]}" && Mips > 1000', 30)


def test_a_plain_job_runs_and_finds_its_environment(plain):
    result, _ = plain
    assert (result.state, result.exit_code, result.stderr) == ("done", 0, "")
    env = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    expected = {
        "GLIDEIN_Site": "Test-Site", "GLIDEIN_ResourceName": "Test_Resource 1", "OSG_SITE_NAME": "Test_Resource 1",
        "OSG_SQUID_LOCATION": runs.SQUID, "http_proxy": runs.SQUID, "TZ": "UTC", "COLOR": "blue", "WORDS": "two words",
        "uid": "1000",
    }  # fmt: skip
    assert {name: env.get(name) for name in expected} == expected
    assert not [name for name in env if name in ("TOKEN", "CONDOR_CONFIG") or "INHERIT" in name]


def test_the_job_inherits_no_signal_that_python_ignores(plain):
    """SIGPIPE too is ignored in jobs, but by every starter of HTCondor."""
    result, _ = plain
    assert ignored(result.stdout) & SIGXFSZ == 0


SIGXFSZ = 1 << 24  # its bit in /proc/PID/status


def ignored(status):
    return int(re.search(r"SigIgn:\s*([0-9a-f]+)", status)[1], 16)


def test_jobs_that_start_says_no_to_stay_in_the_queue(pool, plain):
    _, refused = plain
    for why, job in refused.items():
        assert jobs.wait_for_job(pool, job, 0).events == ("SUBMIT",), why
    pool.exec("condor_rm", *(str(job.cluster) for job in refused.values()))


def test_a_job_in_a_sif_image_runs_in_apptainer(pool, good):
    directory = jobs.new_directory(pool)
    pool.exec("cp", "/usr/share/ospool-ep/tiny.sif", f"{directory}/my.sif", user=jobs.USER)
    more = '+ProjectName = "P"\ncontainer_image = my.sif'
    result = jobs.wait_for_job(pool, submit(pool, more, directory=directory), 60)
    assert (result.state, result.exit_code) == ("done", 0), result
    env = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    assert (env["APPTAINER_NAME"], env["COLOR"], env["WORDS"]) == ("my.sif", "blue", "two words")
    assert int(env["processes"]) < 10, "no PID namespace of its own"


def test_nothing_runs_but_htcondor(box, good):
    processes = pilot.processes(box.engine, good.container)
    assert next(process.name for process in processes if process.pid == 1) == "condor_master"
    ours = [process.name for process in processes if not process.name.startswith("condor_")]
    assert ours == []


def test_the_master_inherits_no_ignored_signals(box, pool, good):
    """Like the pool's own master, which was started by a shell."""
    masks = [ignored(box.inside(name, "cat", "/proc/1/status")) for name in (good.container, pool.host)]
    assert masks[0] == masks[1]
    assert masks[0] & SIGXFSZ == 0


def test_the_masters_environment_is_ours(box, good):
    environ = box.inside(good.container, "cat", "/proc/1/environ").split("\0")
    names = {row.partition("=")[0] for row in environ if row}
    assert names == {"PATH", "LANG", "CONDOR_CONFIG", "HOME", "TMPDIR", "http_proxy"}


def test_tokens_are_private_copies(box, good):
    listing = box.inside(
        good.container, "sh", "-c", "cd /run/ospool-ep/ep-* && stat -c '%a %u %n' . tokens.d tokens.d/*"
    )
    assert [row.split()[:2] for row in listing.splitlines()] == [["700", "1000"], ["700", "1000"], ["600", "1000"]]


def test_the_token_is_nowhere_to_be_seen(box, pool, good, token, plain):
    seen = {
        "docker logs": pilot.logs(box.engine, good.container),
        "docker inspect": box.engine.run("inspect", good.container).stdout,
        "configuration": box.inside(good.container, "sh", "-c", "cat /run/ospool-ep/ep-*/condor_config"),
        "scratch": box.inside(good.container, "sh", "-c", "cat $(find /pilot -type f) 2>/dev/null", check=False),
        "slot ad": pool.exec("condor_status", "-long").stdout,
        "job": plain[0].stdout,
    }
    assert [where for where, text in seen.items() if runs.contains_piece_of(token, text)] == []


def test_the_daemons_logs_reach_docker_logs(box, good, plain):
    text = pilot.logs(box.engine, good.container)
    stamp = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} "
    for daemon in ("BOOT", "MASTER", "STARTD", "STARTER"):
        assert re.search(stamp + daemon + " ", text, re.MULTILINE), daemon
    assert re.search(r"exec condor_master after \d+\.\d{3} s$", text, re.MULTILINE)


def test_the_written_configuration_is_accepted_as_a_whole(box, good):
    said = box.inside(good.container, "sh", "-c",
                      "CONDOR_CONFIG=$(echo /run/ospool-ep/ep-*/condor_config) condor_config_val -summary")  # fmt: skip
    assert 'GLIDEIN_Site = "Test-Site"' in said


def test_a_clean_start_prints_no_warning(box, good):
    text = pilot.logs(box.engine, good.container)
    assert "REFUSED" not in text
    assert "warning" not in text.split("exec condor_master")[0]


def test_the_pool_lets_nobody_in_without_a_token(pool):
    """What every test here rests on: a pilot is in the pool because of its token."""
    ad = 'MyType="Machine"\nName="intruder"\nMyAddress="<127.0.0.1:1>"\n'
    script = "cat > /tmp/ad && condor_advertise UPDATE_STARTD_AD /tmp/ad"
    said = pool.exec("sh", "-c", script, input=ad, check=False)
    assert said.returncode != 0
    assert "intruder" not in pool.exec("condor_status", "-af", "Name").stdout
