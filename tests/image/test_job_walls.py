"""Jobs that try to get out of their containers: none sees what is the pilot's."""

import itertools
import time
from pathlib import Path

import many
import payload
import pytest
import runs
from payload import IN_TINY, REACH, TINY, ended, image, send, sent_back, wanted

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
    pilots |= dict.fromkeys(MANY_SITES[2:], (IN_TINY, ()))
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


# Where jobs without file transfer would like to be, and what they look for there
ENTRIES = {"/run": "ospool-ep", "/": "run/ospool-ep", "/pilot": "traced", "/etc/condor": "tokens-orig.d"}
SITES = ("walls", "walls-shared")
# A job that cannot start keeps its place for half a minute
MANY_SITES = (*SITES, "walls-3", "walls-4")


@pytest.fixture(scope="module")
def brave(pool, sites):
    """The jobs that run all the same, sent at once: (attempt, site) to job."""
    programs = dict.fromkeys(("apptainer", "squashfuse_ll", "sh"), FAKE)
    attempts = {
        (attempt, site): wanted(site, *lines, script=REACH, files=programs if "programs" in attempt else None)
        for site in SITES
        for attempt, lines in INSIDE.items()
    }
    sent = many.submit(pool, attempts)
    yield sent
    payload.remove(pool, *sent.values())


LINKED = ("group", "passwd", "hosts", "resolv.conf", "localtime")
BUILD = f"""set -e
for name in {" ".join(LINKED)}; do
    root=/tmp/linked.$$.$name
    mkdir -p $root/bin $root/dev $root/proc $root/tmp $root{Path(pilot.TOKEN_MOUNT).parent}
    cp {TINY}/bin/busybox $root/bin/sh
    touch $root{pilot.TOKEN_MOUNT}
    ln -s {pilot.TOKEN_MOUNT} $root/etc/$name
    mkdir $1/$name
    apptainer -q build $1/$name/my.sif $root
    rm -rf $root
    chown -R {jobs.USER} $1/$name
done"""


@pytest.fixture(scope="module")
def linked(pool, sites):
    """Results of jobs whose image has a link to the token in the place of a file: the file's name to result."""
    where = jobs.new_directory(pool)
    pool.exec("sh", "-c", BUILD, "sh", where)
    script = "#!/bin/sh\ncat /etc/{} /etc/group /etc/passwd\nexit 0\n"
    more = "container_image = my.sif"
    sent = {name: wanted("walls", more, script=script.format(name), directory=f"{where}/{name}") for name in LINKED}
    return many.results(pool, many.submit(pool, sent), 120)


def odd(pool):
    """More jobs that do not run: name to lines and what else payload.wanted takes."""
    anywhere = 'requirements = regexp("^walls", TARGET.GLIDEIN_Site) && TARGET.FileSystemDomain =!= undefined'
    found = {
        place: ((*NO_TRANSFER, anywhere, f"arguments = -e /srv/{entry}", f'+Iwd = "{place}"', image(TINY)),
                {"executable": "/bin/test"})
        for place, entry in ENTRIES.items()
    }  # fmt: skip
    directory = jobs.new_directory(pool)
    links = f"mkdir {directory}/d && ln -s /run {directory}/d/run && ln -s / {directory}/d/all"
    pool.exec("sh", "-c", links, user=jobs.USER)
    found["links"] = (("transfer_input_files = d", image("d/run")), {"script": REACH, "directory": directory})
    found["tool"] = (("tool_daemon_cmd = run.sh",), {"script": REACH + "touch seen\n"})
    return found


@pytest.fixture(scope="module")
def refused(pool, brave, linked):
    """Jobs most of which cannot run: name to result, when each has come back or ended, or no pilot takes it."""
    asked = {attempt: ((line,), {"script": REACH}) for attempt, line in REFUSED.items()} | odd(pool)
    # No two are of one size: none gets the claim of one that has just failed, and waits half a minute for its end
    places = zip(itertools.cycle(MANY_SITES), itertools.count(300, 200), strict=False)
    sent = many.submit(pool, {
        name: wanted(site, f"request_memory = {size_mb}MB", *lines, **how)
        for (name, (lines, how)), (site, size_mb) in zip(asked.items(), places, strict=False)
    })  # fmt: skip
    waiting = {name: sent[name] for name in many.matching(pool, sent)}
    end = time.monotonic() + 180
    while waiting:
        assert time.monotonic() < end, waiting
        for name, result in many.results(pool, waiting).items():
            if NEWS & set(result.events):
                payload.remove(pool, waiting.pop(name))
        time.sleep(0.5)
    results = many.results(pool, sent)
    payload.remove(pool, *sent.values())
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


@pytest.mark.parametrize("name", LINKED)
def test_a_link_in_an_image_leads_apptainer_to_no_file_of_the_pilots(linked, token, name):
    """Apptainer reads some files of an image before the image is the job's root."""
    result = linked[name]
    assert result.state == "done", result
    assert not runs.contains_piece_of(token, result.stdout + result.stderr)


def test_a_link_that_is_sent_along_leads_nowhere(refused):
    assert reached(refused["links"]) == []


@pytest.mark.parametrize("place", ENTRIES)
def test_a_job_without_file_transfer_does_not_choose_what_is_mounted(refused, place):
    """Its directory is one of this machine, then, and of its own choice."""
    assert refused[place].exit_code != 0, refused[place]


def test_a_second_program_beside_the_job_does_not_start(refused):
    assert (refused["tool"].state, refused["tool"].events) == ("waiting", ("SUBMIT",))


def test_outside_of_a_container_all_of_it_can_be_seen(box, pool, sites):
    """The control: where jobs run directly these scripts find something."""
    result = ended(pool, send(pool, "no-walls", f'environment = "{TRACE}"', script=REACH))
    assert [line for line in reached(result) if "/run/ospool-ep" in line]
    assert left_outside(box, sites["no-walls"])


def left_outside(box, site):
    return box.inside(site.container, "sh", "-c", "ls -d /pilot/traced* /pilot/fake* 2>/dev/null", check=False).split()
