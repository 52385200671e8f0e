"""Jobs that tell what they find inside their containers."""

import re
import time
from pathlib import Path

import runs

from poolbox import jobs, seccomp

# The profile that Docker uses where it is given none
DEFAULT_SECCOMP = seccomp.DIRECTORY / seccomp.DEFAULT
TINY = "/usr/share/ospool-ep/tiny"
IN_TINY = {"OSG_DEFAULT_CONTAINER_DISTRIBUTION": f"100%__{TINY}"}
# Sections of what a job sees; the shell of every image can do this
LOOK = """\
#!/bin/sh
echo "== place"; pwd
echo "== env"; env
echo "== environs"; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'
echo "== cmdlines"; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '
echo "== mounts"; cat /proc/self/mountinfo
echo "== processes"; ls /proc | grep -c '^[0-9]'
echo "== files"; ls -A
echo "== root"; ls -A /
"""
# Where a pilot keeps what is its own, seen from outside of a container and around its walls
PRIVATE = (
    "/run/ospool-ep",
    "/etc/condor/tokens-orig.d",
    "/pilot/ep-*",
    "/proc/1/root/run/ospool-ep",
    "/proc/1/root/pilot",
)
REACH = f"""\
#!/bin/sh
echo "container=$APPTAINER_CONTAINER"
for path in {" ".join(PRIVATE)} /x /mnt; do
    for entry in $path/*; do [ -e "$entry" ] && echo "reached=$entry"; done
done
exit 0
"""


def send(pool, site, *more, **how):
    """Submit a job with a ProjectName to the pilots of a site; `more` are lines of its description."""
    return jobs.submit(pool, *wanted(site, *more, **how))


def wanted(site, *more, script=LOOK, files=None, directory=None, **how):
    """The same for many.submit."""
    text = runs.description(runs.at_site(site), runs.PROJECT, *more, **how)
    return text, {"run.sh": script, **(files or {})}, directory


def image(path):
    """The line that names an image in the OSPool's way."""
    return f'+SingularityImage = "{path}"'


def ended(pool, job, timeout_s=90):
    """The result of a job that must run to its end."""
    result = jobs.wait_for_job(pool, job, timeout_s)
    assert result.state == "done", f"{result}\n{jobs.read_file(pool, f'{job.directory}/log')}"
    return result


def sections(text):
    """What LOOK printed: section name to text."""
    parts = re.split(r"^== (\w+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def environment(text):
    """Name to value; a value of several lines keeps the first."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def sent_back(pool, job, timeout_s=60):
    """Why a job was sent back to the queue: HTCondor's words in its log, as soon as they are there."""
    end = time.monotonic() + timeout_s
    while True:
        said = jobs.read_file(pool, f"{job.directory}/log")
        found = re.search(r"^021 .*\n\t(.*)\n", said, re.MULTILINE)
        if found:
            return found[1]
        assert "\n005 (" not in said, f"it ran: {jobs.wait_for_job(pool, job, 0)}"
        assert time.monotonic() < end, f"nothing has happened:\n{said}\n{jobs.why_idle(pool, job)}"
        time.sleep(0.2)


def remove(pool, *sent):
    """Take jobs out of the queue, also those that have left it."""
    pool.exec("condor_rm", *(str(job.cluster) for job in sent), check=False)


def root_directory(pool, name="img", sandbox=False):
    """A new job directory with a small root file system in it, as `apptainer build --sandbox` makes it or bare."""
    directory = jobs.new_directory(pool)
    build = f'apptainer -q build --sandbox "$1/{name}" /tmp/bare.$$' if sandbox else f'cp -r /tmp/bare.$$ "$1/{name}"'
    script = f"""set -e
    mkdir -p /tmp/bare.$$/bin /tmp/bare.$$/etc /tmp/bare.$$/tmp /tmp/bare.$$/proc /tmp/bare.$$/dev
    cp {TINY}/bin/busybox /tmp/bare.$$/bin/sh
    echo ours > /tmp/bare.$$/etc/made-here
    {build}
    rm -rf /tmp/bare.$$
    chown -R {jobs.USER} "$1/{name}"
    """
    pool.exec("sh", "-c", script, "sh", directory)
    return directory


def record(box, container):
    """Where the pilot keeps what it knows of its containers."""
    (found,) = box.inside(container, "sh", "-c", "echo /pilot/ep-*/apptainer").split()
    return Path(found)


def wait_until(true, timeout_s=60):
    """Return as soon as a function says yes."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"not true after {timeout_s} s"
        time.sleep(0.2)
