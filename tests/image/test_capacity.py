"""Limits that a runtime can set: the slot in the collector never has more, and the report says which one decided."""

import json
import re

import hostcgroup
import pytest
import runs
from hostcgroup import ROOT, VERSION_2

from poolbox import jobs, pilot

# Site: variables, options
PILOTS = {
    "quota": (
        {"NUM_CPUS": "2"},
        ("--cpus=1.5", "--memory=700m", "--pids-limit=100", "--shm-size=32m", "--ulimit", "nofile=1024:1024"),
    ),
    "cpuset": ({"MEMORY": "512"}, ("--cpuset-cpus=0", "--memory=612m")),
    "stray": (
        {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1", "MKL_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "7"},
        ("--cpuset-cpus=0,1",),
    ),
}
THREADS = r"^(OMP_NUM_THREADS|OMP_THREAD_LIMIT|MKL_NUM_THREADS|NUMEXPR_NUM_THREADS|GOMAXPROCS)=(.*)$"
ROW = re.compile(r"^\S+ (?:BOOT|SELFTEST) (?:ok|warning|REFUSED) +(.{11})(.*)$", re.MULTILINE)
PARENT_MB = 1500


@pytest.fixture(scope="module")
def pilots(box, pool, token_file):
    with runs.together(box, pool, token_file, PILOTS) as booted:
        yield booted


@pytest.fixture(scope="module")
def parent(box):
    if not hostcgroup.usable(box.engine):
        pytest.skip("the engine leaves cgroups to systemd: it takes no cgroup of ours as the parent")
    try:
        with hostcgroup.limited(f"{box.name}-parent", PARENT_MB, cpus=1) as name:
            yield name
    except OSError as error:
        pytest.skip(f"no cgroup with limits can be made here: {error}")


def report(text):
    """Row to what was found, from the report of a boot or of the selftest."""
    return {name.strip(): " ".join(found.split()) for name, found in ROW.findall(text)}


def offered(ad):
    return tuple(int(float(ad[name])) for name in ("Cpus", "TotalSlotCpus", "Memory", "TotalSlotMemory"))


def selftest(box, options, env=None):
    return box.run(env, (*options, "--entrypoint", "ospool-selftest"))


def test_cpu_quota_and_memory_limit_are_what_the_slot_has(box, pilots):
    assert offered(pilots["quota"].ad) == (1, 1, 600, 600)
    said = report(pilot.logs(box.engine, pilots["quota"].container))
    assert said["CPUs"].startswith("1 cpu quota 1.5 of this cgroup")
    assert "NUM_CPUS 2 lowered" in said["CPUs"]
    assert said["Memory"].startswith("600 memory limit 700 MB of this cgroup minus 100 MB kept for the pilot")


def test_some_of_the_volume_is_not_offered(box, pilots):
    stray = pilots["stray"]
    free_kb = int(box.inside(stray.container, "df", "-k", "--output=avail", "/pilot").split()[-1])
    setup = json.loads(box.inside(stray.container, "sh", "-c", "cat /pilot/ep-*/apptainer/setup.json"))
    kept_mb = (free_kb - int(stray.ad["TotalSlotDisk"].split(".")[0])) / 1024
    assert abs(kept_mb - 512 - setup["cache_mb"]) < 200  # others write there, too


def test_a_lowered_offer_is_a_warning_with_both_numbers(box, pilots):
    text = pilot.logs(box.engine, pilots["quota"].container)
    assert "warning: offer-lowered" in text
    assert "NUM_CPUS=2 is more than the 1 that can be offered" in text


def test_small_limits_of_processes_files_and_shared_memory_are_warnings(box, pilots):
    text = pilot.logs(box.engine, pilots["quota"].container)
    cures = {
        "processes-few": "docker run --pids-limit=256", "files-few": "docker run --ulimit nofile=4096:4096",
        "shm-small": "docker run --shm-size=64m",
    }  # fmt: skip
    assert [(id, cure) for id, cure in cures.items() if f"warning: {id}" not in text or cure not in text] == []
    limits = report(text)["limits"]
    assert all(number in limits for number in ("pids.max 100", "1024 open files", "32 MB")), limits


def test_free_shared_memory_is_in_the_ad(pilots):
    assert 31 << 10 < int(pilots["quota"].ad["SHM_AVAILABLE"]) <= 32 << 10
    assert 63 << 10 < int(pilots["stray"].ad["SHM_AVAILABLE"]) <= 64 << 10


def test_a_cpuset_counts_and_memory_with_100_mb_more_is_offered_whole(box, pilots):
    assert offered(pilots["cpuset"].ad) == (1, 1, 512, 512)
    text = pilot.logs(box.engine, pilots["cpuset"].container)
    said = report(text)
    assert re.search(r"cpuset 1\b|affinity mask 1\b", said["CPUs"]), said["CPUs"]
    assert said["Memory"].startswith("512 MEMORY")
    assert "offer-lowered" not in text


def test_stray_variables_change_nothing_in_what_is_offered(pilots):
    assert pilots["stray"].ad["Cpus"] == "2"


def test_a_job_is_told_its_own_number_of_cpus(pool, pilots):
    text = runs.description(runs.at_site("stray"), runs.PROJECT, "request_cpus = 2")
    result = jobs.wait_for_job(pool, jobs.submit(pool, text, {"run.sh": "#!/bin/sh\nenv\n"}), 60)
    told = dict(re.findall(THREADS, result.stdout, re.MULTILINE))
    assert len(told) == 5, result
    assert set(told.values()) == {"2"}, told


def test_limits_of_the_parent_count_where_the_container_sees_it(box, boot, parent):
    namespace = ("--cgroupns=host",) if VERSION_2 else ()
    view = ("-v", f"{ROOT}:{ROOT}:ro", f"--cgroup-parent={parent}", *namespace)
    booted = boot("host-view", options=view)
    assert offered(booted.ad) == (1, 1, PARENT_MB - 100, PARENT_MB - 100)
    said = report(pilot.logs(box.engine, booted.container))
    assert "cpu quota 1.0 of the parent cgroup" in said["CPUs"]
    assert f"memory limit {PARENT_MB} MB of the parent cgroup minus 100 MB" in said["Memory"]


@pytest.mark.skipif(VERSION_2, reason="version 2 says nothing about cgroups outside of the container's view")
def test_the_parents_memory_limit_counts_where_the_container_does_not_see_it(box, parent):
    tested = selftest(box, (f"--cgroup-parent={parent}",))
    assert tested.code == 0
    said = report(tested.out)["Memory"]
    assert said.startswith(f"{PARENT_MB - 100} memory limit {PARENT_MB} MB of a cgroup outside of this container")


def test_half_a_cpu_is_offered_as_one_with_a_warning(box):
    tested = selftest(box, ("--cpus=0.5",))
    assert tested.code == 0
    assert "cpus-below-one" in tested.warnings
    assert report(tested.out)["CPUs"].startswith("1 cpu quota 0.5 of this cgroup")


@pytest.mark.parametrize("processes", [5, 12, 20])
def test_hardly_any_processes_are_refused_and_no_bug(box, processes):
    """A thread or a program that cannot be started is no failure of ours."""
    tested = selftest(box, (f"--pids-limit={processes}",))
    assert (tested.code, tested.refusals) == (69, ["processes-too-few"])
    assert "goroutine" not in tested.out


def test_too_little_memory_is_refused_with_the_arithmetic(box):
    tested = selftest(box, ("--memory=300m",))
    assert tested.refusals == ["memory-too-little"]
    assert "200 MB are left for jobs, 256 are needed: memory limit 300 MB" in " ".join(tested.out.split())
