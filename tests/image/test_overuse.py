"""One job can use all that is offered; one that uses more is held, and its owner reads why. The others live on."""

import re

import pytest
import runs

from poolbox import jobs, pilot

# 600 MB for jobs
LIMIT = ("--memory=700m",)
WHOLE_MB = 600
SMALL_MB = 128

# Arguments: MB to allocate and touch, seconds to keep them
ALLOCATE = """\
#!/usr/bin/python3
import resource, sys, time
block = bytearray(int(sys.argv[1]) << 20)
block[::4096] = b"x" * len(block[::4096])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, flush=True)
time.sleep(float(sys.argv[2]))
"""
WRITE = """\
#!/bin/sh
head -c 300M /dev/zero > big
sleep 100
"""
# Four children share their parent's 100 MB: together they use little more
SHARE = """\
#!/usr/bin/python3
import os, time
block = bytearray(100 << 20)
block[::4096] = b"x" * len(block[::4096])
alone = all(os.fork() for _ in range(4))
time.sleep(25)
for _ in range(4 if alone else 0):
    os.wait()
"""
SLEEP = """\
#!/bin/sh
sleep 20
"""
# The job's ad as it comes from a machine where it used more
ELSEWHERE = ("request_disk = 32MB", "+ResidentSetSize = 400000", "+DiskUsage = 1000000")
# Runs beside the others until it is told to end
BYSTANDER = """\
#!/bin/sh
for i in $(seq 600); do
    [ -e /pilot/finish ] && exit 0
    sleep 0.2
done
exit 1
"""
ALIVE = ("condor_master", "condor_startd")


@pytest.fixture(scope="module")
def sent(box, pool, token_file):
    """Two pilots of 700 MB and their jobs. Two CPUs: beside the bystander the greedy jobs come one by one."""
    env = {"NUM_CPUS": "2"}
    with runs.together(box, pool, token_file, {"whole": (env, LIMIT), "greedy": (env, LIMIT)}) as booted:
        started = {
            "whole": submit(pool, "whole", ALLOCATE, "580 15", f"request_memory = {WHOLE_MB}MB"),
            "bystander": submit(pool, "greedy", BYSTANDER),
            "memory": submit(pool, "greedy", ALLOCATE, "300 100", f"request_memory = {SMALL_MB}MB"),
            "disk": submit(pool, "greedy", WRITE, "", "request_disk = 64MB"),
            "sharing": submit(pool, "whole", SHARE, "", "request_memory = 256MB"),
            "elsewhere": submit(pool, "whole", SLEEP, "", *ELSEWHERE),
            "sudden": submit(pool, "greedy", ALLOCATE, "2000 100"),
        }
        yield {site: one.container for site, one in booted.items()}, started
        pool.exec("condor_rm", *(str(job.cluster) for job in started.values()), check=False)


def submit(pool, site, script, arguments="", *more):
    text = runs.description(runs.at_site(site), runs.PROJECT, f"arguments = {arguments}", *more)
    return jobs.submit(pool, text, {"run.sh": script})


def hold_codes(pool, job):
    return pool.exec("condor_q", str(job.cluster), "-af", "HoldReasonCode", "HoldReasonSubCode").stdout.split()


def missing(box, container):
    """What a living pilot has and this one has not."""
    names = {process.name for process in pilot.processes(box.engine, container)}
    return [name for name in ALIVE if name not in names]


# Job: the words before the numbers, the slot's MB, the most that it can have used, the subcode
OVER = {
    "memory": ("memory usage exceeded request_memory", SMALL_MB, 349, "102"),
    "disk": ("disk usage exceeded allocated disk", 64, 301, "104"),
}


@pytest.mark.parametrize("name", OVER)
def test_a_job_over_its_share_is_held_and_told_the_numbers(pool, sent, name):
    phrase, slot_mb, most_mb, subcode = OVER[name]
    job = sent[1][name]
    result = jobs.wait_for_job(pool, job, 90)
    assert result.state == "held", result
    said = re.search(rf"{phrase}: (\d+) MB used, the slot has (\d+) MB", result.hold_reason)
    assert said, result.hold_reason
    assert slot_mb < int(said[1]) <= most_mb
    assert int(said[2]) == slot_mb
    assert hold_codes(pool, job) == ["21", subcode]


def test_one_job_can_use_all_that_is_offered(box, pool, sent):
    containers, started = sent
    result = jobs.wait_for_job(pool, started["whole"], 90)
    assert (result.state, result.exit_code, result.stderr) == ("done", 0, ""), result
    assert 580 < int(result.stdout) <= WHOLE_MB
    assert box.engine.run("inspect", "-f", "{{.State.OOMKilled}}", containers["whole"]).stdout.strip() == "false"
    assert missing(box, containers["whole"]) == []
    after = jobs.wait_for_job(pool, submit(pool, "whole", ALLOCATE, "1 0"), 60)
    assert (after.state, after.exit_code) == ("done", 0), after


@pytest.mark.parametrize("name", ["sharing", "elsewhere"])
def test_a_job_within_its_slot_is_not_held(pool, sent, name):
    """Neither for memory that its processes share, nor for what it used on another machine before."""
    result = jobs.wait_for_job(pool, sent[1][name], 90)
    assert (result.state, result.exit_code) == ("done", 0), result


def test_a_job_that_outgrows_the_container_at_once_takes_nobody_with_it(box, pool, sent):
    """Faster than HTCondor measures: the kernel kills it, and no other process.

    Its owner mostly sees `Abnormal termination (signal 9)`; HTCondor knows that memory was the reason only where it
    has measured the job in time, or where the job has a cgroup of its own.
    """
    containers, started = sent
    result = jobs.wait_for_job(pool, started["sudden"], 90)
    killed = (result.state, result.signal) == ("done", 9)
    assert killed or "memory usage exceeded request_memory" in result.hold_reason, result
    assert missing(box, containers["greedy"]) == []


def test_a_job_beside_them_lives_on(box, pool, sent):
    containers, started = sent
    box.inside(containers["greedy"], "touch", "/pilot/finish")
    result = jobs.wait_for_job(pool, started["bystander"], 60)
    assert (result.state, result.exit_code) == ("done", 0), result
    assert pilot.running(box.engine, containers["greedy"])
