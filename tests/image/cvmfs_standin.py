"""Stand-ins for cvmfsexec, the CernVM-FS client and its servers: how a pilot gets them, and what breaks them."""

import functools
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import payload
import runs
import selftests
import troubles

from poolbox import pilot
from poolbox import pool as pools

HERE = Path(__file__).parent / "cvmfs"
CONFIG, OASIS, SINGULARITY = (f"{name}.opensciencegrid.org" for name in ("config-osg", "oasis", "singularity"))
REPOS = {"CVMFSEXEC_REPOS": f"{OASIS}, {SINGULARITY}"}
# As administrators write it: quotes of an env file, line breaks, an item that is there twice
UNTIDY = {"CVMFSEXEC_REPOS": f'"{OASIS}\n {SINGULARITY} , {OASIS}"'}
REVISION = {CONFIG: "101", OASIS: "20202", SINGULARITY: "303"}
ROCKY = f"/cvmfs/{SINGULARITY}/htc/rocky:9"
# /proc not masked, and masked as Docker does it by default: there is no PID namespace then
OPEN = tuple(f"--security-opt={option}" for option in pilot.SECURITY["docker"])
MASKED = tuple(option for option in OPEN if "systempaths" not in option)
# The sum of the resident memory of what is in PID 1's own mount namespace, less the program that looks
OUTSIDE = """\
import os, pathlib, re
def space(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""
for one in pathlib.Path("/proc").glob("[0-9]*"):
    if one.name != str(os.getpid()) and space(one.name) == space("1"):
        try:
            status = (one / "status").read_text()
        except OSError:  # it has just ended
            continue
        print(re.search(r"VmRSS:\\s+(\\d+)", status)[1], re.search(r"Name:\\s+(.*)", status)[1])
"""


@functools.cache
def tree(box):
    """What is mounted at /cvmfsexec; a copy, for a checkout may be closed to other uids."""
    copy = box.new_path()
    shutil.copytree(HERE / "standin", copy)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    return copy


@functools.cache
def server(box):
    """The directory of the repositories' image files; what is not there is an unknown repository."""
    made = box.new_path()
    made.mkdir()
    script = (HERE / "make_repositories.py").read_text(encoding="utf-8")
    command = ("--entrypoint", "python3", box.image, "-I", "-c", script, payload.TINY)
    box.engine.run("run", "--rm", "--user", "0", "--network", "none", "-v", f"{made}:/made", *command)
    return made


def mounts(box, local=None, served=None):
    """Options of `docker run`; `local` is the text of the site's default.local, `served` another server."""
    site = () if local is None else ("-v", f"{box.file(local)}:/cvmfsexec/default.local:ro")
    return ("-v", f"{tree(box)}:/cvmfsexec:ro", "-v", f"{served or server(box)}:/cvmfs-standin:ro", *site)


@contextmanager
def together(box, pool, token_file, pilots):
    """As runs.together, but the security options are among each pilot's own."""
    names = {site: f"{pool.name}-{site}" for site in pilots}
    try:
        for site, (env, options) in pilots.items():
            pilot.remove(box.engine, names[site])
            named = {"GLIDEIN_Site": site, "GLIDEIN_ResourceName": site, **env}
            pilot.start(pool, token_file, box.scratch(), env=named, options=options, name=names[site], security=False)
        yield {site: runs.booted(pool, f'GLIDEIN_Site == "{site}"', name, 90) for site, name in names.items()}
    finally:
        for name in names.values():
            pilot.remove(box.engine, name)


def run(box, *options, env=None, program="ospool-ep", command=(), security=OPEN, devices=pilot.DEVICES, timeout_s=60):
    """A container to its end, with chosen privileges and without a pool."""
    variables = [word for name, value in {**REPOS, **(env or {})}.items() for word in ("-e", f"{name}={value}")]
    given = (*selftests.common(box), *security, *devices, *variables, *options, "--entrypoint", program)
    command = (*command, "--offline") if program == "ospool-selftest" else command
    done = box.engine.run("run", *given, box.image, *command, check=False, timeout=timeout_s)
    return runs.Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def started(box, name, *options, env=None, security=OPEN, command=()):
    """The same, in the background: yields the container's name."""
    container = f"{box.name}-{name}"
    variables = [word for key, value in {**REPOS, **(env or {})}.items() for word in ("-e", f"{key}={value}")]
    kept = [word for word in selftests.common(box) if word != "--rm"]
    given = (*kept, *security, *pilot.DEVICES, *variables, *options)
    pilot.remove(box.engine, container)
    box.engine.run("run", "-d", "--name", container, *given, box.image, *command)
    try:
        yield container
    finally:
        pilot.remove(box.engine, container)


def result(box, container, timeout_s=60):
    """What a container of `started` has ended with."""
    code = pilot.wait(box.engine, container, timeout_s)
    said = box.engine.run("logs", container)
    return runs.Ended(code, said.stdout, said.stderr)


def inside(box, container, *command, user="osg", check=True):
    """Standard output of a command in the pilot's namespaces."""
    return box.inside(container, "ospool-cvmfs", *command, user=user, check=check)


def clients(box, container, repository=""):
    """Pids of the FUSE servers, of one repository or of all."""
    said = box.inside(container, "pgrep", "-f", f"^squashfuse_ll .*/{repository}[^ ]*[.]sqfs ", check=False)
    return said.split()


def signal(box, container, number, repository=""):
    """Send a signal to the client of one repository, or of all."""
    box.inside(container, "kill", f"-{number}", *clients(box, container, repository), user="osg")


def wait_for_ad(pool, site, true, timeout_s=60):
    """The slot's ad, when it is as a function wants it."""
    payload.wait_until(lambda: true(troubles.ad(pool, site)), timeout_s)
    return troubles.ad(pool, site)


def has(ad, repository):
    """HAS_CVMFS_REPOSITORY."""
    return ad.get(f"HAS_CVMFS_{attribute(repository)}")


def attribute(repository):
    """A repository in an attribute's name."""
    return re.sub(r"[.-]", "_", repository)


def outside(box, container):
    """Name and MB of what stays outside of the namespaces."""
    said = box.inside(container, "python3", "-I", "-c", OUTSIDE, user="osg")
    return [(name, int(rss_kb) / 1024) for rss_kb, name in (line.split(maxsplit=1) for line in said.splitlines())]


def read_by_standin(box, container, repository, name):
    """A setting as the stand-in for the client has read it; empty where it had none."""
    read = box.inside(container, "cat", f"/cvmfs-logs/{repository}.settings", user="osg")
    return "".join(re.findall(rf"^{name}=(.*)$", read, re.MULTILINE))


@contextmanager
def proxy(box, name, network, after_s=0.0):
    """Something that listens where a proxy would; yields its URL at once, and listens `after_s` later."""
    container = f"{box.name}-{name}"
    listen = ("sh", "-c", f"sleep {after_s}; exec python3 -I -m http.server 3128")
    label = f"{pools.LABEL}={box.name}"
    where = ("--name", container, "--network", network, "--label", label)
    pilot.remove(box.engine, container)
    box.engine.run("run", "-d", *where, "--entrypoint", listen[0], box.image, *listen[1:])
    try:
        yield f"http://{container}:3128"
    finally:
        pilot.remove(box.engine, container)
