"""Jobs that try to get out of their containers: none sees what is the pilot's."""

import time
from pathlib import Path

import payload
import pytest
import runs
from payload import IN_TINY, REACH, TINY, ended, image, send, sent_back

from poolbox import jobs, pilot

# The library loader writes a trace where the second says, as soon as any program is started that has a loader
TRACE = "LD_DEBUG=files LD_DEBUG_OUTPUT=/pilot/traced"
FAKE = '#!/bin/sh\necho fake > /pilot/fake\nexec /usr/bin/apptainer "$@"\n'
NO_TRANSFER = (
    "should_transfer_files = NO", "when_to_transfer_output =", "transfer_executable = False", '+Out = "/dev/null"',
    '+Err = "/dev/null"',
)  # fmt: skip


@pytest.fixture(scope="module")
def sites(box, pool, token_file):
    shared = {**IN_TINY, "SINGULARITY_DISABLE_PID_NAMESPACES": "true"}
    open_ = ("--security-opt", f"seccomp={payload.DEFAULT_SECCOMP}")
    pilots = {"walls": (IN_TINY, ()), "walls-shared": (shared, ()), "no-walls": ({}, open_)}
    with runs.together(box, pool, token_file, pilots) as booted:
        yield booted


def reached(result):
    return [line for line in result.stdout.splitlines() if line.startswith("reached=")]


# What a job says about its image, and runs all the same, inside
INSIDE = {
    "a bind of its own": (image(TINY), '+SingularityBind = "/run/ospool-ep:/x,/pilot:/mnt"'),
    "a bind alone": ('+SingularityBind = "/run/ospool-ep:/x"',),
    "an image that no submit command named": (f'+ContainerImage = "{TINY}"',),
    "a container of no kind": ("+WantContainer = True",),
    "Apptainer's variables": (
        'environment = "APPTAINER_BIND=/run/ospool-ep:/x APPTAINER_BINDPATH=/pilot:/mnt SINGULARITY_BIND=/run:/x '
        'APPTAINER_NO_MOUNT=proc APPTAINER_CONTAIN=false APPTAINER_WORKDIR=/run"',
    ),
    "the loader's variables": (f'environment = "{TRACE} APPTAINERENV_LD_DEBUG=files"',),
    "programs of its own": ("transfer_input_files = apptainer, squashfuse_ll, sh", 'environment = "PATH=/srv:."'),
    "its own home": ('environment = "HOME=/run/ospool-ep APPTAINER_HOME=/run/ospool-ep:/x"',),
}


# One of them comes for every job that has begun
NEWS = {"REMOTE_ERROR", "JOB_TERMINATED", "JOB_HELD"}
# So long after the last of them, those that are left will not begin
QUIET_S = 20
# What is refused: it stays or goes back to the queue
REFUSED = {
    "the pilot's own root": image("/"),
    "the pilot's own root by another name": image("/usr/.."),
    "the root of another process": image("/proc/1/root"),
    "a directory with a token": image("/run"),
    "the scratch of all": image("/pilot"),
    "a transport of Apptainer's": image("instance://x"),
    "a sandbox of another kind": image("docker-archive:/run/x"),
    "an option": image("--bind=/run/ospool-ep:/x"),
    "nothing": image(""),
    "a number": "+SingularityImage = 5",
    "another number": "+DockerImage = 5",
    "an option as a directory": '+MountUnderScratch = "--home /run"',
    "another option as a directory": '+MountUnderScratch = "-W /run"',
}


SITES = ("walls", "walls-shared")


@pytest.fixture(scope="module")
def brave(pool, sites):
    """The jobs that run all the same, sent at once: (attempt, site) to job."""
    sent = {}
    for site in SITES:
        for attempt, lines in INSIDE.items():
            directory = jobs.new_directory(pool)
            for name in ("apptainer", "squashfuse_ll", "sh") if "programs" in attempt else ():
                jobs.put_file(pool, f"{directory}/{name}", FAKE)
            sent[attempt, site] = send(pool, site, *lines, script=REACH, directory=directory)
    yield sent
    payload.remove(pool, *sent.values())


@pytest.fixture(scope="module")
def refused(pool, brave):
    """How each of the others has ended: attempt to result. One that came back leaves its place to the next."""
    for job in brave.values():
        jobs.wait_for_job(pool, job, 60)
    waiting = {attempt: send(pool, "walls", line, script=REACH) for attempt, line in REFUSED.items()}
    results, quiet = {}, 0
    while waiting and quiet < QUIET_S:
        for attempt, job in list(waiting.items()):
            results[attempt] = jobs.wait_for_job(pool, job, 0)
            if NEWS & set(results[attempt].events):
                payload.remove(pool, waiting.pop(attempt))
                quiet = 0
        time.sleep(1)
        quiet += 1
    payload.remove(pool, *waiting.values())
    return results


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("attempt", INSIDE)
def test_a_job_stays_inside(pool, brave, site, attempt):
    result = ended(pool, brave[attempt, site], 120)
    assert f"container={TINY}\n" in result.stdout, result
    assert reached(result) == []


@pytest.mark.parametrize("attempt", REFUSED)
def test_an_image_that_is_none_of_a_jobs_business_is_refused(refused, attempt):
    """It waits for another machine, goes back to the queue, or runs in an image all the same."""
    result = refused[attempt]
    assert result.state != "done" or "container=/" in result.stdout, result
    assert reached(result) == []


@pytest.mark.parametrize("site", SITES)
def test_nothing_that_a_job_brought_ran_outside(box, sites, brave, refused, site):
    assert left_outside(box, sites[site]) == []


def test_an_image_beside_its_own_directory_is_refused_with_the_reason(pool, sites):
    job = send(pool, "walls", image("../../../../run"), script=REACH)
    try:
        assert "holds the pilot's own files" in sent_back(pool, job)
    finally:
        payload.remove(pool, job)


def test_a_link_that_is_sent_along_leads_nowhere(pool, sites):
    directory = jobs.new_directory(pool)
    pool.exec(
        "sh", "-c", f"mkdir {directory}/d && ln -s /run {directory}/d/run && ln -s / {directory}/d/all", user=jobs.USER
    )
    lines = ("transfer_input_files = d", image("d/run"))
    job = send(pool, "walls", *lines, script=REACH, directory=directory)
    try:
        assert reached(jobs.wait_for_job(pool, job, 10)) == []
    finally:
        payload.remove(pool, job)


@pytest.mark.parametrize("name", ["group", "passwd", "hosts", "resolv.conf", "localtime"])
def test_a_link_in_an_image_leads_apptainer_to_no_file_of_the_pilots(pool, sites, token, name):
    """Apptainer reads some files of an image before the image is the job's root."""
    directory = jobs.new_directory(pool)
    build = f"""set -e
    root=/tmp/linked.$$
    mkdir -p $root/bin $root/dev $root/proc $root/tmp $root{Path(pilot.TOKEN_MOUNT).parent}
    cp {TINY}/bin/busybox $root/bin/sh
    touch $root{pilot.TOKEN_MOUNT}
    ln -s {pilot.TOKEN_MOUNT} $root/etc/{name}
    apptainer -q build {directory}/my.sif $root
    rm -rf $root
    chown {jobs.USER} {directory}/my.sif"""
    pool.exec("sh", "-c", build)
    script = f"#!/bin/sh\ncat /etc/{name} /etc/group /etc/passwd\nexit 0\n"
    result = ended(pool, send(pool, "walls", "container_image = my.sif", script=script, directory=directory))
    assert not runs.contains_piece_of(token, result.stdout + result.stderr)


@pytest.mark.parametrize("place", ["/run", "/", "/pilot", "/etc/condor"])
def test_a_job_without_file_transfer_does_not_choose_what_is_mounted(pool, sites, place):
    """Its directory is one of this machine, then, and of its own choice."""
    anywhere = 'requirements = TARGET.GLIDEIN_Site == "walls" && TARGET.FileSystemDomain =!= undefined'
    entry = {"/run": "ospool-ep", "/": "run/ospool-ep", "/pilot": "traced", "/etc/condor": "tokens-orig.d"}[place]
    line = f"arguments = -e /srv/{entry}"
    job = send(pool, "walls", *NO_TRANSFER, anywhere, line, f'+Iwd = "{place}"', image(TINY), executable="/bin/test")
    try:
        result = jobs.wait_for_job(pool, job, 8)
        assert result.exit_code != 0, result
    finally:
        payload.remove(pool, job)


def test_a_second_program_beside_the_job_does_not_start(pool, sites):
    job = send(pool, "walls", "tool_daemon_cmd = run.sh", script=REACH + "touch seen\n")
    result = jobs.wait_for_job(pool, job, 8)
    payload.remove(pool, job)
    assert (result.state, result.events) == ("waiting", ("SUBMIT",))


def test_outside_of_a_container_all_of_it_can_be_seen(box, pool, sites):
    """The control: where jobs run directly these scripts find something."""
    result = ended(pool, send(pool, "no-walls", f'environment = "{TRACE}"', script=REACH))
    assert [line for line in reached(result) if "/run/ospool-ep" in line]
    assert left_outside(box, sites["no-walls"])


def left_outside(box, site):
    return box.inside(site.container, "sh", "-c", "ls -d /pilot/traced* /pilot/fake* 2>/dev/null", check=False).split()
