"""`ospool-selftest --job` asked about real jobs, and what the real pool then did with them."""

import json
import re
import time
from pathlib import Path

import classad2
import pytest
import runs
from runs import PROJECT

from poolbox import condor, jobs, pilot
from poolbox import pool as pools

SITE, BARE = "for-job", "for-job-bare"
SLOT_AD = (Path(__file__).parent / "inside/slot_ad.py").read_text(encoding="utf-8")
ENV = {"NUM_CPUS": "1", "MEMORY": "1500"}
IMAGE = ("container_image = tiny.sif", "universe = container")
# All that match have run by then: one after the other, for the slot has one CPU
LONG_S = 20
SLEEP = "#!/bin/sh\nexit 0\n"
# Name to site, further requirements, lines of the submit file, and the conditions that are not true.
CASES = {
    "one that fits": (SITE, "", (PROJECT,), []),
    "all of its memory": (SITE, "", (PROJECT, "request_memory = 1500"), []),
    "too much memory": (SITE, "", (PROJECT, "request_memory = 64GB"), ["memory", "TARGET.Memory >= RequestMemory"]),
    "too many CPUs": (SITE, "", (PROJECT, "request_cpus = 4"), ["cpus", "TARGET.Cpus >= RequestCpus"]),
    "another site": ("elsewhere", "", (PROJECT,), ['TARGET.GLIDEIN_Site == "elsewhere"']),
    "the list of other sites": (SITE, "", (PROJECT, '+DESIRED_Sites = "A,B"'), ["desired-sites"]),
    "no project": (SITE, "", (), ["project"]),
    "CVMFS": (SITE, "HAS_CVMFS_atlas_cern_ch == True", (PROJECT,), ["HAS_CVMFS_atlas_cern_ch == true"]),
    "a GPU": (SITE, "", (PROJECT, "request_gpus = 1"), ["gpus", "TARGET.GPUs >= RequestGPUs"]),
    "an image that runs": (SITE, "", (PROJECT, *IMAGE), []),
    "plain, without privileges": (BARE, "", (PROJECT,), []),
    "an image, bare": (BARE, "", (PROJECT, *IMAGE), ["container", "TARGET.HasContainer", "TARGET.HasSIF"]),
}  # fmt: skip
CHANGING = {
    "glidein_toretire", "glidein_todie", "machine", "name", "uiddomain", "filesystemdomain", "loadavg", "start",
    "disk", "totaldisk", "totalslotdisk", "singularity_comment", "cvmfs_comment", "detectedmemory",
    "singularity_can_use_registry",
}  # fmt: skip


def options(site):
    """Of the pilot and of its selftest: the same."""
    security, devices = site != BARE, pilot.DEVICES if site != BARE else ()
    return {"env": ENV, "security": security, "devices": devices}


@pytest.fixture(scope="module")
def pilots(box, pool, token_file):
    """One with all privileges, and one that was given none."""
    started = {}
    try:
        for site in (SITE, BARE):
            how = options(site)
            variables = {"GLIDEIN_Site": site, "GLIDEIN_ResourceName": site, **how.pop("env")}
            name = f"{pool.name}-{site}"
            pilot.remove(box.engine, name)
            started[site] = pilot.start(pool, token_file, box.scratch(), env=variables, name=name, **how)
        yield {site: runs.booted(pool, f'GLIDEIN_Site == "{site}"', name) for site, name in started.items()}
    finally:
        for name in started.values():
            pilot.remove(box.engine, name)


def run(box, pool, token_file, site, *command, program="ospool-selftest", extra=(), text=None):
    """A program of the image with the options of the site's pilot."""
    how = options(site)
    security = [f"--security-opt={one}" for one in pilot.SECURITY[box.engine.name]] if how["security"] else []
    variables = {"POOL": pool.host, "GLIDEIN_Site": site, "GLIDEIN_ResourceName": site, **how["env"]}
    words = [word for name, value in variables.items() for word in ("-e", f"{name}={value}")]
    done = box.engine.run(
        *("run", "--rm", "-i", "--network", pool.name, "--label", f"{pools.LABEL}={pool.name}", *pilot.USER),
        *(*security, *how["devices"], "-v", f"{token_file}:{pilot.TOKEN_MOUNT}:ro", *words, *extra),
        *("--entrypoint", program, box.image, *command), check=False, input=text, timeout=60,
    )  # fmt: skip
    return runs.Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def sent(pool, pilots):
    """All jobs, sent at once: name to the job and its ad as condor_q printed it."""
    found = {}
    for name, (site, more, lines, _) in CASES.items():
        directory = jobs.new_directory(pool)
        if IMAGE[0] in lines:
            pool.exec("cp", "/usr/share/ospool-ep/tiny.sif", f"{directory}/tiny.sif", user=jobs.USER)
        requirements = runs.at_site(site) + (f" && {more}" if more else "")
        job = jobs.submit(pool, runs.description(requirements, *lines), {"run.sh": SLEEP}, directory)
        found[name] = job, pool.exec("condor_q", "-l", str(job.cluster)).stdout
    return found


@pytest.fixture(scope="module")
def told(box, pool, token_file, sent):
    """What the selftest says of each."""
    answers = {}
    for name, (_, ad) in sent.items():
        site = BARE if CASES[name][0] == BARE else SITE
        ended = run(box, pool, token_file, site, "--json", "--job", "-", text=ad)
        answers[name] = ended.code, json.loads(ended.out)["job"]
    return answers


def came(pool, job):
    """It ran to its end, or was turned down by the negotiator, also when it had long been in the queue."""
    for _ in range(60):
        if jobs.wait_for_job(pool, job, 1).state == "done":
            return True
        said = pool.exec("condor_q", str(job.cluster), "-af", "LastRejMatchReason", "LastRejMatchTime - QDate").stdout
        if "no match" in said and int(said.split()[-1]) > LONG_S:
            return False
    return None


@pytest.mark.parametrize("name", CASES)
def test_the_selftest_says_what_the_pool_does(pool, sent, told, name):
    code, answer = told[name]
    wrong = [one["id"] if one["meaning"] else one["expression"] for one in answer["clauses"] if one["value"] != "yes"]
    assert wrong == CASES[name][3]
    assert (answer["matches"], code) == (not wrong, 1 if wrong else 0)
    assert came(pool, sent[name][0]) == answer["matches"]


def test_condor_q_sees_the_same_clause(pool, sent):
    """Of the job's own conditions: HTCondor's analysis counts the machines that each clause leaves."""
    analysed = jobs.why_idle(pool, sent["CVMFS"][0])
    rows = re.findall(r"^\[\d+\] +(\d+) +.*HAS_CVMFS_atlas_cern_ch == true", analysed, re.MULTILINE)
    assert rows == ["0"], analysed


@pytest.mark.parametrize("site", [SITE, BARE])
def test_the_expected_ad_is_the_real_one(box, pool, token_file, pilots, site):
    said = json.loads(run(box, pool, token_file, site, "-", program="python3", text=SLOT_AD).out)
    real = {name.lower(): text for name, text in pilots[site].ad.items()}
    there = {name: text for name, text in said.items() if name.lower() not in CHANGING}
    different = {
        name: (text, real.get(name.lower())) for name, text in there.items() if not same(text, real.get(name.lower()))
    }
    assert different == {}
    disk, expected = int(real["disk"]), int(said["Disk"])
    assert abs(disk - expected) < 1 << 20


def same(ours, theirs):
    """Whether two texts mean the same value; numbers may be whole or not."""
    if theirs is None:
        return ours.lower() == "undefined"
    one, two = (classad2.parseOne(f"A = {text}\n", classad2.ParserType.Old) for text in (ours, theirs))
    return str(one.lookup("A")) == str(two.lookup("A")) or one.get("A") == two.get("A")


def test_a_mounted_file_and_few_lines(box, pool, token_file):
    few = box.file('RequestMemory = 64000\nProjectName = "P"\n')
    ended = run(box, pool, token_file, SITE, "--job", "/job.ad", extra=("-v", f"{few}:/job.ad:ro"))
    said = " ".join(ended.out.split())
    assert ended.code == 1
    assert "would this job come here? no: conditions that are not true: 1 of size, 1 of Requirements" in said
    assert "assumed, as condor_submit would: RequestCpus = 1" in said
    assert "the job wants RequestMemory = 64000; this slot has Memory = 1500" in said


def test_what_cannot_be_read_is_refused_with_the_command_to_type(box, pool, token_file):
    missing = box.new_path()
    for extra, name, text, id in (
        ((), "/job.ad", None, "job-file"),
        (("-v", f"{missing}:/job.ad:ro"), "/job.ad", None, "job-file"),
        ((), "-", "", "job-input"),
        ((), "-", "RequestMemory = 64 GB\n", "job-syntax"),
    ):
        ended = run(box, pool, token_file, SITE, "--job", name, extra=extra, text=text)
        assert (ended.code, ended.refusals) == (78, [id])
        assert "Traceback" not in ended.out + ended.err


def test_a_job_for_a_pilot_that_would_not_start(box):
    """The boot's code comes first; the answer is given all the same."""
    few = box.file('ProjectName = "P"\n')
    ended = box.run(
        {"NUM_CPUS": "abc"}, ("-v", f"{few}:/job.ad:ro", "--entrypoint", "ospool-selftest"), ("--job", "/job.ad")
    )
    assert ended.code == 78
    assert "would this job come here?" in ended.out


def test_the_configuration_is_tried_on_a_read_only_root(box):
    places = ("--read-only", "--tmpfs", "/pilot:exec,mode=1777,size=5g")
    ended = box.run(options=(*places, "--entrypoint", "ospool-selftest"))
    assert ended.code == 0
    assert "settings: HTCondor reads what is meant" in ended.out


def test_where_nothing_can_start_it_is_not_tried(box):
    ended = box.run(options=("--read-only", "--entrypoint", "ospool-selftest"))
    assert "scratch-read-only" in ended.refusals
    assert "HTCondor reads what is meant" not in ended.out


def test_an_ordinary_job_that_start_keeps_out_is_a_warning_only(box):
    ended = box.run({"GLIDEIN_Start_Extra": 'TARGET.Owner == "bob"'}, ("--entrypoint", "ospool-selftest"))
    assert (ended.code, ended.warnings) == (0, ["start-ordinary-job"])


def test_the_ad_of_a_job_that_runs(pool, pilots, box, token_file):
    """With all that a queue adds to it."""
    job = jobs.submit(pool, runs.description(runs.at_site(SITE), PROJECT, executable="run.sh"),
                      {"run.sh": "#!/bin/sh\nsleep 20\n"})  # fmt: skip
    ad = ""
    for _ in range(100):
        ad = pool.exec("condor_q", "-l", str(job.cluster)).stdout
        if condor.parse_ads(ad)[0]["JobStatus"] == "2":
            break
        time.sleep(0.2)
    ended = run(box, pool, token_file, SITE, "--job", "-", text=ad)
    assert ended.code == 0
    assert "this job runs already" in ended.out
