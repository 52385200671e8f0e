"""A host's /cvmfs in pilots: what goes wrong with it, and what the pilots say. squashfuse stands in for the client."""

import json
import time
from contextlib import contextmanager
from pathlib import Path

import payload
import runs
import troubles

from poolbox import cvmfs, jobs, pilot
from poolbox.cvmfs import CONFIG, OASIS, SINGULARITY

REVISION = "42"
THREE = (CONFIG, OASIS, SINGULARITY)
IMAGE = f"/cvmfs/{SINGULARITY}/{cvmfs.IMAGE}"
READ = f'#!/bin/sh\ncat /cvmfs/{OASIS}/{cvmfs.FILE}\necho "in ${{APPTAINER_CONTAINER:-no container}}"\n'
# How long the startd waits from one look to the next, where a test has made it short
PERIOD_S = 5
# A look at what hangs (20 s), and the ad's way to the collector
SLACK_S = 55
HASTEN = f"sed -i 's/^\\(STARTD_CRON_CVMFS_PERIOD\\) = .*/\\1 = {PERIOD_S}s/' /run/ospool-ep/ep-*/condor_config"
# As if four hours were over
FORGIVE = """\
import json, pathlib, sys
path = pathlib.Path(sys.argv[1], "state.json")
state = json.loads(path.read_text())
for one in state["repositories"]:
    one["failed"] = one["failed"] and one["failed"] - 4 * 3600
new = path.with_suffix(".test")
new.write_text(json.dumps(state))
new.replace(path)
"""


@contextmanager
def host(box, name, repositories=THREE):
    """A host's /cvmfs with these repositories."""
    with cvmfs.host(box.engine, box.image, f"{box.name}-{name}") as made:
        for repository in repositories:
            made.serve(repository, {"revision": REVISION})
        yield made


def options(host, propagation="shared"):
    """`docker run`'s, to have the host's /cvmfs in the pilot."""
    return ("-v", f"{host.path}:/cvmfs:{propagation}" if propagation else f"{host.path}:/cvmfs")


@contextmanager
def stopped(host, *repositories):
    """Their servers do not answer: whoever asks them waits, until he is killed or they go on."""
    for repository in repositories:
        host.signal(repository, "STOP")
    try:
        yield
    finally:
        for repository in repositories:
            host.signal(repository, "CONT")


@contextmanager
def unkillable(host, repository):
    """A mount instead of the repository's that takes every question and answers none: who asks cannot be killed."""
    script = (troubles.INSIDE / "dead_mount.py").read_text(encoding="utf-8")
    start = 'setsid python3 -I -c "$1" "$2" >/dev/null 2>&1 & echo $! > "/run/$3.pid"'
    place = f"{host.path}/{repository}"
    host.signal(repository, "KILL")
    host.unmount(repository)
    host.run("sh", "-c", start, "sh", script, place, repository)
    payload.wait_until(lambda: f" {place} fuse" in host.run("cat", "/proc/mounts"), 20)
    try:
        yield
    finally:
        replace(host, repository)


def replace(host, repository, attributes=None, *options):
    """A new mount of a repository in place of one that lives or is dead."""
    host.run("sh", "-c", 'kill -KILL "$(cat "/run/$1.pid")" 2>/dev/null; true', "sh", repository)
    host.unmount(repository)
    host.serve(repository, {"revision": REVISION, **(attributes or {})}, *options)


def hasten(box, *booted):
    """Let the startd look at /cvmfs every few seconds; returns when each has looked twice since."""
    for one in booted:
        box.inside(one.container, "sh", "-c", f"{HASTEN} && kill -HUP 1", user="osg")
    # By then it also knows again what its starter can do, which it asks when it reads its configuration
    for one in booted:
        for _ in range(2):
            before = written(box, one.container)
            payload.wait_until(lambda name=one.container, before=before: written(box, name) != before)


def written(box, container):
    """When the pilot last wrote down what it knows."""
    return box.inside(container, "stat", "-c", "%i %z", f"{record(box, container)}/state.json", user="osg")


def record(box, container):
    """Where the pilot keeps what it knows of CVMFS."""
    return Path(box.inside(container, "sh", "-c", "echo /run/ospool-ep/ep-*/cvmfs").strip())


def state(box, container):
    """What it knows."""
    return json.loads(box.inside(container, "cat", f"{record(box, container)}/state.json"))


def forgive(box, container):
    """Every failure is four hours older; lost where the pilot looks at this moment (see `forgiven` of wait_for)."""
    box.inside(container, "python3", "-I", "-c", FORGIVE, str(record(box, container)), user="osg")


def has(repository):
    """The attribute that says whether a repository is there."""
    return f"HAS_CVMFS_{underscored(repository)}"


def said(ad, repository):
    """What an ad says of a repository: there or not, revision, errors, seconds since the last one."""
    name = underscored(repository)
    return [ad.get(has(repository)), *(ad.get(f"CVMFS_{name}_{one}") for one in ("REVISION", "NIOERR", "LAST_IOERR"))]


def underscored(repository):
    return repository.replace(".", "_").replace("-", "_")


def wait_for(pool, site, forgiven=None, **expected):
    """The site's ad as soon as it has these attributes; and how long that took.

    `forgiven`: box and container, where that takes a pardon. A look that had begun before would overwrite a single one.
    """
    begin = time.monotonic()
    ad = {}

    def there():
        if forgiven:
            forgive(*forgiven)
        ad.update(troubles.ad(pool, site))
        return all(ad.get(name) == value for name, value in expected.items())

    payload.wait_until(there, PERIOD_S + SLACK_S)
    return ad, time.monotonic() - begin


def send(pool, site, *more, needs=None, script=READ):
    """A job for a site's pilots that reads a file from /cvmfs; `needs`: only where this repository is."""
    requirements = runs.at_site(site) + (f" && TARGET.{has(needs)} =?= True" if needs else "")
    text = runs.description(requirements, runs.PROJECT, *more)
    return jobs.submit(pool, text, {"run.sh": script})


def others(box, container):
    """Processes of the pilot that are not HTCondor's: name by name."""
    return [one.name for one in pilot.processes(box.engine, container) if not one.name.startswith("condor_")]
