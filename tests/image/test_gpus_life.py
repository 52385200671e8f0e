"""GPUs that are lost while a pilot lives, and come back; drivers that hang. Stand-ins for NVIDIA's libraries play them.

The device nodes are /dev/null under the driver's names.
"""

import time
from contextlib import contextmanager
from dataclasses import replace

import gpu_standin as gpus
import pytest
import runs
import troubles
from gpu_standin import h100s
from payload import ended, send, wait_until

from poolbox import jobs, pilot

TWO = h100s(2)
WEDGED = replace(TWO, more=("hangs nvml-init",))
FIRST, SECOND = "GPU-0d1c6f0a", "GPU-1d1c6f0a"
ASKS = "request_gpus = 1"
PERIOD_S = 3
HASTEN = f"sed -i 's/^\\(STARTD_CRON_DEVICES_PERIOD\\) = .*/\\1 = {PERIOD_S}s/' /run/ospool-ep/ep-*/condor_config"
SHOW = f"#!/bin/sh\necho $CUDA_VISIBLE_DEVICES\n{gpus.LOOK}\n"
# What a wedged driver costs the boot: one question
PATIENCE_S = 20


@pytest.fixture(scope="module")
def machines(box):
    return {"gpus-life": gpus.host(box, TWO), "gpus-stuck": gpus.host(box, TWO), "gpus-wedged": gpus.host(box, WEDGED)}


@pytest.fixture(scope="module")
def sites(box, pool, token_file, machines):
    """`life` and `stuck` are well when they boot, `wedged` is not, and takes longer."""
    pilots = {site: ({}, (*host.options(), *gpus.with_image(box))) for site, host in machines.items()}
    hasty = {site: pilots[site] for site in ("gpus-life", "gpus-stuck")}
    with (
        started(box, pool, token_file, "gpus-wedged", pilots["gpus-wedged"]) as wedged,
        runs.together(box, pool, token_file, hasty) as booted,
    ):
        for one in booted.values():
            box.inside(one.container, "sh", "-c", f"{HASTEN} && kill -HUP 1", user="osg")
        time.sleep(8)  # a startd that reads its configuration asks its starter again what it can do
        yield {**booted, "gpus-wedged": runs.booted(pool, 'GLIDEIN_Site == "gpus-wedged"', wedged)}


@contextmanager
def started(box, pool, token_file, site, given):
    """A pilot that is not waited for; `given`: variables and options."""
    name, (env, options) = f"{pool.name}-{site}", given
    pilot.remove(box.engine, name)
    named = {"GLIDEIN_Site": site, "GLIDEIN_ResourceName": site, **env}
    try:
        yield pilot.start(pool, token_file, box.scratch(), env=named, options=options, name=name)
    finally:
        pilot.remove(box.engine, name)


def wait_for(pool, site, timeout_s=60, **expected):
    """The site's ad, as soon as attributes contain what is expected of them."""
    wait_until(lambda: all(text in troubles.ad(pool, site).get(name, "") for name, text in expected.items()), timeout_s)
    return troubles.ad(pool, site)


def gpu_job(pool, site):
    return send(pool, site, ASKS, script=SHOW)


def of_queue(pool, job, attribute):
    return pool.exec("condor_q", str(job.cluster), "-af", attribute).stdout


@contextmanager
def closed(box, booted, node):
    """A device that its user cannot open any more."""
    box.inside(booted.container, "chmod", "0600", node, user="0")
    try:
        yield
    finally:
        box.inside(booted.container, "chmod", "0666", node, user="0")


@pytest.mark.lane("life")
def test_a_lost_device_is_withdrawn_and_comes_back(box, pool, sites, machines):
    booted, host = sites["gpus-life"], machines["gpus-life"]
    assert booted.ad["GPUs"] == "2"
    host.play(TWO.but(0, handle="15"))
    ad = wait_for(pool, "gpus-life", GPUS_COMMENT="GPU is lost", OfflineGPUs=FIRST, GPUs="1")
    assert FIRST in ad["GPUS_COMMENT"]
    # The other one still works
    result = ended(pool, gpu_job(pool, "gpus-life"))
    assert result.stdout.splitlines()[0] == TWO.gpus[1].uuid
    with closed(box, booted, "/dev/nvidia1"):
        wait_for(pool, "gpus-life", GPUS_COMMENT=SECOND, GPUs="0")
        job = gpu_job(pool, "gpus-life")
        wait_until(lambda: "no match found" in of_queue(pool, job, "LastRejMatchReason"))
        assert jobs.wait_for_job(pool, job, 0).events == ("SUBMIT",)
    host.play(TWO)
    result = ended(pool, job)
    assert result.stdout.startswith("GPU-")
    wait_for(pool, "gpus-life", GPUs="2")
    said = ("GPUS_COMMENT", "OfflineGPUs")
    wait_until(lambda: {troubles.ad(pool, "gpus-life").get(name, '""') for name in said} == {'""'})


@pytest.mark.lane("life")
def test_what_was_withdrawn_is_in_the_log_once(box, sites):
    log = [line for line in pilot.logs(box.engine, sites["gpus-life"].container).splitlines() if " GPUS " in line]
    assert len([line for line in log if f"{FIRST} is withdrawn: " in line and "GPU is lost" in line]) == 1
    assert len([line for line in log if f"{SECOND} is withdrawn: " in line]) == 1
    assert len([line for line in log if "can be used again" in line]) == 2


@pytest.mark.lane("stuck")
def test_a_driver_that_begins_to_hang_takes_the_gpus_and_nothing_piles_up(box, pool, sites, machines):
    booted, host = sites["gpus-stuck"], machines["gpus-stuck"]
    host.play(WEDGED)
    samples = []

    def told():
        samples.append(beside_htcondor(box, booted))
        return "does not answer" in troubles.ad(pool, "gpus-stuck").get("GPUS_COMMENT", "")

    wait_until(told, PATIENCE_S + 60)
    wait_for(pool, "gpus-stuck", GPUs="0")
    for _ in range(2 * PERIOD_S):
        told()
        time.sleep(1)
    assert any(samples)
    # What is there for longer than a moment: the question that was left behind, and who asks
    assert len(set.intersection(*samples[-PERIOD_S:])) < 5
    host.play(TWO)
    wait_for(pool, "gpus-stuck", PATIENCE_S + 60, GPUs="2")
    wait_until(lambda: not beside_htcondor(box, booted))


def beside_htcondor(box, booted):
    """Their pids."""
    processes = pilot.processes(box.engine, booted.container)
    return {one.pid for one in processes if not one.name.startswith("condor_")}


@pytest.mark.lane("stuck")
def test_a_pilot_stops_in_time_while_a_question_hangs(box, sites, machines):
    booted = sites["gpus-stuck"]
    machines["gpus-stuck"].play(WEDGED)
    wait_until(lambda: len(beside_htcondor(box, booted)) > 1)
    stop(box, booted)


def stop(box, booted):
    """Killed at the end of the window it would not end with 0."""
    assert pilot.stop(box.engine, booted.container) == 0


@pytest.mark.lane("wedged")
def test_a_driver_that_hangs_from_the_beginning_costs_the_gpus_alone(box, pool, sites):
    booted = sites["gpus-wedged"]
    assert booted.ad["GPUs"] == "0"
    assert "warning: gpu-hangs" in pilot.logs(box.engine, booted.container)
    assert "does not answer" in booted.ad["GPUS_COMMENT"]
    assert ended(pool, send(pool, "gpus-wedged", script="#!/bin/sh\nexit 5\n")).exit_code == 5
    wait_until(lambda: not beside_htcondor(box, booted))
    stop(box, booted)
