"""Things that go wrong with containers during the life of a pilot, and what its retest says of it."""

import json
import re
import time
from contextlib import contextmanager
from pathlib import Path

import payload

from poolbox import pool as pools
from poolbox import slots

INSIDE = Path(__file__).parent / "inside"
RETEST = "/usr/libexec/ospool-ep/retest"
# All that a helper needs to work in the namespaces of another container
FREE = (
    "--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--device-cgroup-rule=a *:* rwm", "--pid=host", "--user=0",
    *(f"--security-opt={what}=unconfined" for what in ("seccomp", "apparmor", "systempaths")),
)  # fmt: skip
# What the retest counts for an attribute of the ad
COUNTERS = {
    "HAS_SINGULARITY": "containers",
    "SINGULARITY_CAN_USE_SIF": "sif",
    "SINGULARITY_CAN_USE_REGISTRY": "registry",
}
# Sets the time of the last test, or of the last question to a registry, back, so that the startd's next start of the
# retest (it comes every half minute) has something to do
HURRY = """\
import json, pathlib, sys
path = pathlib.Path(sys.argv[1], "state.json")
state = json.loads(path.read_text())
state[sys.argv[2]] = 0
new = path.with_suffix(".test")
new.write_text(json.dumps(state))
new.replace(path)
"""


# The startd's own retests, more often: as if half a minute were over
HASTEN = "sed -i 's/^\\(STARTD_CRON_CONTAINERS_PERIOD\\) = .*/\\1 = 5s/' /run/ospool-ep/ep-*/condor_config"


def hasten(box, *booted):
    """Let the startd start the retest every five seconds."""
    for one in booted:
        box.inside(one.container, "sh", "-c", f"{HASTEN} && kill -HUP 1", user="osg")
    # A startd that reads its configuration asks its starter again what it can do: HasSIF must not be lost then
    time.sleep(8)


def hurry(box, container, what="tested"):
    """Let the next start of the retest test, or ask a registry; it never does both at once."""
    box.inside(container, "python3", "-I", "-c", HURRY, str(payload.record(box, container)), what, user="osg")


def state(box, container):
    """What the retest remembers."""
    return json.loads(box.inside(container, "cat", f"{payload.record(box, container)}/state.json"))


def ad(pool, site):
    """The ad of the pilot's own slot, as the collector has it."""
    (found,) = slots.slot_ads(pool, f'GLIDEIN_Site == "{site}" && PartitionableSlot')
    return found


def wait_for_ad(box, pool, booted, constraint, what="tested", *, timeout_s=150):
    """The slot's ad when the collector has one that meets the constraint; tests, or questions, are made to be due."""
    site = f"GLIDEIN_Site == {booted.ad['GLIDEIN_Site']} && PartitionableSlot"
    end = time.monotonic() + timeout_s
    while True:
        hurry(box, booted.container, what)
        try:
            return slots.wait_for_slot(pool, f"{site} && ({constraint})", 5)
        except pools.PoolError:
            assert time.monotonic() < end, slots.slot_ads(pool, site)


def wait_for_two_passes(box, pool, booted, attribute, timeout_s=200):
    """Wait until an attribute is true again in the ad: after two passes, not after one."""
    counter = COUNTERS[attribute]
    seen = []
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        hurry(box, booted.container, "asked" if counter == "registry" else "tested")
        before = state(box, booted.container)[counter]
        offered = ad(pool, booted.ad["GLIDEIN_Site"].strip('"'))[attribute] == "true"
        seen.append(before)
        if offered:
            assert 1 in seen, f"nobody saw it with one pass: {seen}"
            assert state(box, booted.container)[counter] == 2
            return
        time.sleep(1)
    raise AssertionError(f"{attribute} did not come back: {seen}")


class ByHand:
    """The retest on a copy of the pilot's record: the startd's own may run at the same time."""

    def __init__(self, box, container):
        self.box, self.container = box, container
        original = payload.record(box, container)
        self.record = f"{original}-{time.monotonic_ns()}"
        box.inside(container, "cp", "-a", str(original), self.record, user="osg")

    def inside(self, *command, check=True):
        return self.box.inside(self.container, *command, user="osg", check=check)

    def run(self):
        """Test now; attribute to text."""
        self.inside("python3", "-I", "-c", HURRY, self.record, "tested")
        said = self.inside(RETEST, self.record)
        return dict(re.findall(r"^(\w+) = (.*)$", said, re.MULTILINE))

    def fail(self, *failures):
        """Write failures (seconds ago, what) as the front does."""
        now = int(time.time())
        rows = "".join(f"{now - ago} {what} no such thing\n" for ago, what in failures)
        self.inside("sh", "-c", 'printf %s "$1" > "$2/failures"', "sh", rows, self.record)

    def remove(self):
        self.inside("rm", "-rf", self.record)


def enter(box, container, *command):
    """Run a command as the host's root in the mount namespace of a container."""
    pid = box.engine.run("inspect", "-f", "{{.State.Pid}}", container).stdout.strip()
    return ("run", "--rm", *FREE, "--entrypoint", "nsenter", box.image, "-t", pid, "-m", "--", *command)


@contextmanager
def over_proc(box, container):
    """Something mounted below the container's /proc: no other proc can then be mounted by its user."""
    box.engine.run(*enter(box, container, "mount", "-t", "tmpfs", "none", "/proc/acpi"))
    try:
        yield
    finally:
        box.engine.run(*enter(box, container, "umount", "/proc/acpi"))


@contextmanager
def served(box, container, place, name):
    """A FUSE mount at `place` of the container; its server is the container that is yielded, to be paused."""
    box.inside(container, "sh", "-c", "mksquashfs /etc/apptainer /tmp/made -quiet -no-progress", user="0")
    with _server(box, container, place, name, "squashfuse_ll", "-f", "-o", "allow_other", "/tmp/made", place):
        yield name


@contextmanager
def dead(box, container, place, name):
    """A mount at `place` of the container that holds for ever whatever touches it."""
    script = (INSIDE / "dead_mount.py").read_text(encoding="utf-8")
    with _server(box, container, place, name, "python3", "-I", "-c", script, place):
        yield


@contextmanager
def _server(box, container, place, name, *command):
    where = ("--label", f"{pools.LABEL}={box.name}", "--name", name, "--device", "/dev/fuse")
    box.engine.run("run", "-d", *where, *enter(box, container, *command)[2:])
    try:
        payload.wait_until(lambda: f" {place} fuse" in box.inside(container, "cat", "/proc/mounts"), 20)
        yield
    finally:
        box.engine.run("unpause", name, check=False)
        box.engine.run("rm", "-f", name, check=False)
        box.engine.run(*enter(box, container, "umount", "-l", place), check=False)
