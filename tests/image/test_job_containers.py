"""What jobs find in their containers: place, files, binds, environment, and nothing of the pilot's."""

import re
import time

import payload
import pytest
import runs
from payload import IN_TINY, TINY, ended, environment, image, send, wait_until

from poolbox import jobs, pilot

BINDS = "/site /site-ro:/read-only:ro,/not/there"
OUT = 'cat site.txt; echo made > made.txt; echo "exit" >&2; cp /etc/made-here brought.txt 2>/dev/null; exit 42\n'
BOUND = """\
#!/bin/sh
cat /site/from-site /read-only/from-site
echo job > /site/from-job
echo job > /read-only/from-job
[ -e /not/there ] && echo there
exit 0
"""
IMAGES = {"its own directory": image(TINY), "the default image": ""}


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    """`inside`: everything set. `shared`: the same without PID namespaces."""
    site, read_only = box.new_path(), box.new_path()
    for path in (site, read_only):
        path.mkdir()
        path.chmod(0o777)
        (path / "from-site").write_text(f"{path.name}\n")
    env = {
        **IN_TINY, "SINGULARITY_BIND_EXTRA": BINDS, "EXTRA_JOB_ENV": "COLOR=blue WORDS='two words'",
        "OSG_SQUID_LOCATION": f"http://{pool.host}:9618",
    }  # fmt: skip
    options = ("-v", f"{site}:/site", "-v", f"{read_only}:/site-ro")
    shared = {**env, "SINGULARITY_DISABLE_PID_NAMESPACES": "true"}
    with runs.together(box, pool, token_file, {"inside": (env, options), "shared": (shared, options)}) as booted:
        yield booted


def sif(pool):
    """The directory of a job that brings a .sif file along, and the line that names it."""
    directory = jobs.new_directory(pool)
    pool.exec("cp", f"{TINY}.sif", f"{directory}/my.sif", user=jobs.USER)
    return directory


@pytest.fixture(scope="module")
def looks(pool, sites):
    """Jobs in every kind of image, sent at once: name to job."""
    started = {
        name: send(pool, "inside", line)
        for name, line in IMAGES.items()
    }  # fmt: skip
    started["a .sif file"] = send(pool, "inside", "container_image = my.sif", directory=sif(pool))
    for name, sandbox in (("a directory built by Apptainer", True), ("a bare root file system", False)):
        directory = payload.root_directory(pool, sandbox=sandbox)
        started[name] = send(pool, "inside", "container_image = img", directory=directory)
    started["without PID namespaces"] = send(pool, "shared")
    return started


ALL = (*IMAGES, "a .sif file", "a directory built by Apptainer", "a bare root file system", "without PID namespaces")


@pytest.fixture(params=ALL)
def seen(request, pool, looks):
    """What a job saw: section to text; and the name of its image."""
    result = ended(pool, looks[request.param])
    assert (result.exit_code, result.stderr) == (0, "")
    return payload.sections(result.stdout)


def test_scratch_is_srv_and_the_home(seen):
    env = environment(seen["env"])
    places = ("PWD", "HOME", "TMPDIR", "OSG_WN_TMP", "_CONDOR_SCRATCH_DIR")
    assert {name: env.get(name) for name in places} == dict.fromkeys(places, "/srv")
    assert seen["place"] == "/srv\n"
    assert "APPTAINER_CONTAINER" in env


def test_the_environment_is_that_of_the_ospool(sites, pool, seen):
    env = environment(seen["env"])
    expected = {
        "GLIDEIN_ResourceName": env["GLIDEIN_Site"], "OSG_SITE_NAME": env["GLIDEIN_Site"], "TZ": "UTC",
        "OSG_SQUID_LOCATION": f"http://{pool.host}:9618", "http_proxy": f"http://{pool.host}:9618",
        "COLOR": "blue", "WORDS": "two words",
    }  # fmt: skip
    assert env["GLIDEIN_Site"] in sites
    assert {name: env.get(name) for name in expected} == expected


# HTCondor's own words to a job; a configuration variable would be _CONDOR_ and a knob's name
TOLD = {
    "_CONDOR_SCRATCH_DIR", "_CONDOR_SCRATCH_DIR_OUTSIDE_CONTAINER", "_CONDOR_SLOT", "_CONDOR_JOB_AD", "_CONDOR_JOB_IWD",
    "_CONDOR_JOB_PIDS", "_CONDOR_MACHINE_AD", "_CONDOR_CHIRP_CONFIG", "_CONDOR_WRAPPER_ERROR_FILE", "_CONDOR_CREDS",
    "_CONDOR_EXECUTABLE", "_CONDOR_BIN", "_CONDOR_AssignedGPUs",
}  # fmt: skip


@pytest.mark.parametrize("where", ["env", "environs"])
def test_nothing_of_the_pilots_environment_is_inside(seen, where):
    names = set(re.findall(r"^(\w+)=", seen[where], re.MULTILINE))
    condor = {name for name in names if name.startswith("_CONDOR_") and not name.startswith("_CONDOR_ANCESTOR_")}
    assert condor <= TOLD
    assert {name for name in names if name.startswith("GLIDEIN_")} <= {"GLIDEIN_Site", "GLIDEIN_ResourceName"}
    assert names.isdisjoint({"TOKEN", "CONDOR_CONFIG", "CONDOR_INHERIT", "CONDOR_PRIVATE_INHERIT", "POOL"})


def test_no_path_to_a_token_and_no_piece_of_one_is_inside(seen, token):
    text = "\n".join(seen.values())
    assert "tokens" not in text
    assert "/run/ospool-ep" not in text
    assert not runs.contains_piece_of(token, text)
    assert {"pilot", "run", "etc"} & set(seen["root"].split()) <= {"run", "etc"}


def test_a_job_sees_others_only_where_the_pilot_says_so(pool, sites, looks):
    seen = [
        payload.sections(ended(pool, looks[name]).stdout)["cmdlines"]
        for name in ("the default image", "without PID namespaces")
    ]
    said = [sites[site].ad["SINGULARITY_USE_PID_NAMESPACES"] for site in ("inside", "shared")]
    assert said == ["true", "false"]
    assert ["condor_startd" in cmdlines for cmdlines in seen] == [False, True]


@pytest.mark.parametrize("more", [image(TINY), ""])
def test_files_go_in_and_come_out_and_the_exit_status_comes_through(pool, sites, more):
    directory = jobs.new_directory(pool)
    jobs.put_file(pool, f"{directory}/site.txt", "from the access point\n")
    job = send(pool, "inside", more, "transfer_input_files = site.txt", script=f"#!/bin/sh\n{OUT}", directory=directory)
    result = ended(pool, job)
    assert (result.exit_code, result.stdout, result.stderr) == (42, "from the access point\n", "exit\n")
    assert jobs.read_file(pool, f"{directory}/made.txt") == "made\n"


def test_the_image_is_the_one_that_the_job_brought(pool, sites):
    directory = payload.root_directory(pool)
    job = send(pool, "inside", "container_image = img", script=f"#!/bin/sh\ntouch site.txt\n{OUT}", directory=directory)
    assert ended(pool, job).exit_code == 42
    assert jobs.read_file(pool, f"{directory}/brought.txt") == "ours\n"


def test_the_sites_binds_are_there_and_a_missing_one_costs_a_warning(box, pool, sites):
    result = ended(pool, send(pool, "inside", script=BOUND))
    container = sites["inside"].container
    names = box.inside(container, "cat", "/site/from-site", "/site-ro/from-site")
    assert (result.exit_code, result.stdout) == (0, names)
    assert "/read-only/from-job: Read-only file system" in result.stderr
    assert box.inside(container, "cat", "/site/from-job") == "job\n"
    log = pilot.logs(box.engine, container)
    assert [row for row in log.splitlines() if "/not/there cannot be used: No such file or directory" in row]


def test_a_job_that_is_killed_by_a_signal_says_so(pool, sites):
    result = ended(pool, send(pool, "inside", script="#!/bin/sh\nkill -9 $$\n"))
    assert (result.exit_code, result.signal) in ((137, None), (None, 9))


STAY = """\
#!/bin/sh
setsid sleep 1001 &
(trap '' TERM; sleep 1002) &
sleep 1003
"""


def test_removed_jobs_leave_nothing_behind(box, pool, sites):
    """HTCondor looks every ten seconds which processes belong to a job that has no PID namespace."""
    containers = {site: booted.container for site, booted in sites.items()}
    before = {site: mounts(box, container) for site, container in containers.items()}
    sent = {site: send(pool, site, "container_image = my.sif", script=STAY, directory=sif(pool)) for site in sites}
    for container in containers.values():
        wait_until(lambda container=container: {"sleep", "squashfuse_ll"} <= names(box, container))
    time.sleep(25)
    payload.remove(pool, *sent.values())
    for site, container in containers.items():
        assert jobs.wait_for_job(pool, sent[site], 60).state == "removed"
        wait_until(lambda container=container: only_htcondor(box, container))
        assert mounts(box, container) == before[site]


def only_htcondor(box, container):
    """No process but the daemons', and no job's directory."""
    ours = [name for name in names(box, container) if not name.startswith("condor_")]
    return not ours and box.inside(container, "sh", "-c", "ls /pilot/ep-*/execute") == ""


def names(box, container):
    return {process.name for process in pilot.processes(box.engine, container)}


def mounts(box, container):
    return box.inside(container, "cat", "/proc/1/mountinfo")
