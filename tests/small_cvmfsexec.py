"""Small programs on a temporary root that stand in for cvmfsexec, for the pilot inside of it, and for init.

No namespaces, and nothing is mounted: repositories are directories of the root. What is real are processes,
descriptors, sockets, signals and locks: the outside runs in a process of its own, as it does in the container.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import fakes
from ospool_ep.cvmfs import names
from ospool_ep.machine import Machine, Result

HERE = Path(__file__).parent
OASIS = "oasis.opensciencegrid.org"
# The same outside and inside
HOSTNAME = "node17"
START = f"import sys\nsys.path[:0] = [{str(HERE)!r}, {str(HERE.parent / 'entrypoint')!r}]\nimport small_cvmfsexec\n"
# cvmfsexec runs what follows --, and gives back its status
WELL = """\
#!/bin/bash
printf '%s\\n' "$*" >>{root}/called
env >{root}/environ
echo "$0" >>{root}/programs
ls -l /proc/self/fd >{root}/descriptors
while [ "$1" != -- ]; do shift; done
shift
"$@"
"""
# It has failed before it ran anything, as often as it is said
FAILS = """\
#!/bin/bash
echo called >>{root}/called
if [ "$(wc -l <{root}/called)" -le %d ]; then
    echo '%s' >>{root}/cvmfs-logs/config-osg.opensciencegrid.org.log
    echo 'mountrepo config-osg.opensciencegrid.org failed'
    exit %d
fi
while [ "$1" != -- ]; do shift; done
shift
"$@"
"""
INIT = """\
#!/usr/bin/python3 -IS
import os, sys, time
said = [" ".join([str(os.getpid()), *sys.argv[1:]]), *(f"{{name}}={{value}}" for name, value in os.environ.items())]
for name in os.listdir("/proc/self/fd"):
    try:
        said.append(os.readlink(f"/proc/self/fd/{{name}}"))
    except OSError:
        pass
said += open("/proc/self/status").read().splitlines()
open("{root}/init.new", "w").write(chr(10).join(said))
os.rename("{root}/init.new", "{root}/init")
os.close(1), os.close(2)
while not os.path.exists("{root}/inside"):
    time.sleep(0.02)
os.kill(int(sys.argv[2]), 15)
"""
PAYLOAD = """\
#!{python}
{start}
small_cvmfsexec.inside({root!r})
"""


@dataclass(frozen=True)
class TrialPasses(Machine):
    """A real machine on another root, but for the trial mount, which not every place allows where tests run."""

    def run(self, argv, timeout, env=None):
        if argv[0] == "unshare":
            told = self.path("/trial")
            return Result(0, "done\n", "") if not told.exists() else Result(1, "", told.read_text())
        return super().run(argv, timeout, env)


def program(root, path, text):
    """An executable file below the root."""
    file = fakes.put(root, path, text)
    file.chmod(0o755)
    return file


@contextlib.contextmanager
def container(cvmfsexec=WELL):
    """A root with everything that the outside needs; its path is short, for sockets live there."""
    with tempfile.TemporaryDirectory(prefix="ep-") as directory:
        root = Path(directory)
        for name in ("run/ospool-ep", "pilot", "cvmfs-cache", "cvmfs-logs", "cvmfsexec/dist/etc/cvmfs"):
            (root / name).mkdir(parents=True)
        fakes.mounted(root)
        for name in (names.CONFIG, OASIS):
            fakes.put(root, f"/cvmfs/{name}/README", "hello")
        program(root, "/cvmfsexec/cvmfsexec", cvmfsexec.format(root=root))
        for name in ("mountrepo", "umountrepo", "dist/usr/bin/cvmfs2"):
            program(root, f"/cvmfsexec/{name}", "")
        program(root, "/payload", PAYLOAD.format(python=sys.executable, start=START, root=str(root)))
        program(root, "/usr/libexec/ospool-ep/init", INIT.format(root=root))
        yield root
        assert ended(root) == [], "a process was left behind"


def ended(root):
    """Processes that know the root by name: they had a moment to go, now they must."""
    end = time.monotonic() + 3
    while True:
        found = {pid: line for pid in os.listdir("/proc") if f"{root}/" in (line := _line(pid))}
        if not found or time.monotonic() > end:
            break
        time.sleep(0.05)
    for pid in found:
        with contextlib.suppress(OSError):
            os.kill(int(pid), signal.SIGKILL)
    return list(found.values())


def _line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") if pid.isdigit() else ""
    except OSError:
        return ""


@dataclass(frozen=True)
class Ended:
    """The outside's exit status, what it and the payload have printed, and its own last words."""

    status: int
    stdout: str
    stderr: str

    @property
    def value(self):
        """What the function has returned."""
        return json.loads(re.search(r"^value: (.*)$", self.stdout, re.MULTILINE)[1])


def outside(root, code, timeout=30, during=None):
    """Run some lines in a process of their own: `machine`, `payload`, `tell` and `say` are there; then compare."""
    lines = f"{START}machine, payload, tell, say = small_cvmfsexec.prepared({str(root)!r})\n{code}\n"
    process = subprocess.Popen(
        (sys.executable, "-c", lines), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    if during:
        during(process)
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        ended(root)
        raise
    return Ended(process.returncode, stdout, stderr)


def prepared(root):
    """In that process: what its lines need."""

    def tell(text):
        os.write(1, f"told: {text}\n".encode())

    def say(value):
        os.write(1, f"value: {json.dumps(value, default=vars)}\n".encode())

    return TrialPasses(root=Path(root), hostname=HOSTNAME), str(Path(root) / "payload"), tell, say


def arrived(root):
    """Wait for the payload's word to the test."""
    end = time.monotonic() + 10
    while not (root / "inside").exists() and time.monotonic() < end:
        time.sleep(0.02)


def inside(root):
    """The payload: the real first moments of stage 2, and then whatever it has seen, for the test to read."""
    from ospool_ep.cvmfs import arrive

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as cvmfsexec leaves it
    order, given = arrive.arrive(sys.argv[2], TrialPasses(root=Path(root), hostname=HOSTNAME))
    seen = {
        "pid": os.getpid(), "arguments": sys.argv[1:], "order": vars(order) | {"warnings": fakes.ids(order.warnings)},
        "descriptors": [str(Path(f"/proc/self/fd/{name}").readlink()) for name in os.listdir("/proc/self/fd")[:-1]],
        "hup": signal.getsignal(signal.SIGHUP) == signal.SIG_DFL, "note": given.note, "reserved_mb": given.reserved_mb,
        "problems": fakes.ids(given.problems), "leave": given.state.leave, "asked": given.state.asked,
        "usable": [one.name for one in given.state.repositories if one.usable(int(time.time()))],
        "all": [one.name for one in given.state.repositories],
    }  # fmt: skip
    os.write(1, b"the payload's words\n")
    fakes.put(Path(root), "/inside.new", json.dumps(seen)).rename(Path(root) / "inside")
    time.sleep(60)
