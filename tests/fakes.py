"""A machine on a temporary root, with canned answers for the programs that only the image has."""

import base64
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.cgroups import Limit, Reading
from ospool_ep.condor_config import Pilot
from ospool_ep.containers import published
from ospool_ep.containers.record import BELIEVED, Setup, State
from ospool_ep.log import Log
from ospool_ep.machine import Machine, Result

NOW = 1_795_000_000  # 2026-11-18
DAY = 86400
TRUST_DOMAIN = "flock.opensciencegrid.org"
GOOD = {"GLIDEIN_Site": "LAB", "GLIDEIN_ResourceName": "LAB-EP1"}
TOKENS = "/etc/condor/tokens-orig.d"
PASSWORDS = "/etc/condor/passwords-orig.d"
EXTRA = "/etc/osg/extra-attributes.cfg"
AROUND = ("this cgroup", "the parent cgroup", "the cgroup /")
PASSED = Result(37, "", "")  # the exit status that probe.py asks for

# What the programs of the image say where all is well (Apptainer 1.4.5, HTCondor 25.14.1).
WELL = (
    ("apptainer --version", Result(0, "apptainer version 1.4.5\n", "")),
    ("unshare --user", Result(0, "", "")),
    ("tiny.sif", PASSED),
    ("ospool-ep/tiny", PASSED),
    ("condor_config_val -dump", Result(0, "NUM_CPUS = \nEVENT_LOG_ROTATIONS = 1\nSTARTD_NAME =\n", "")),
    ("classad_eval", Result(0, '"A=1"\n', "")),
)


@dataclass(frozen=True)
class CannedMachine(Machine):
    """Real files below a root; programs answer from a table: the first row whose text is in the command line."""

    answers: tuple[tuple[str, Result], ...] = WELL
    user: str | None = "osg"
    # Path and errno: permissions do not keep out the root user that the tests may run as.
    unreadable: tuple[tuple[str, int], ...] = ()

    def read(self, path, limit=1 << 20):
        for name, number in self.unreadable:
            if path == name:
                raise OSError(number, os.strerror(number), path)
        return super().read(path, limit)

    def run(self, argv, timeout, env=None):
        line = " ".join(argv)
        found = next((result for part, result in self.answers if part in line), None)
        return found or Result(127, "", f"no such program: {line}")

    def user_name(self):
        return self.user


def machine(root: Path, **changes) -> CannedMachine:
    return CannedMachine(**({"root": root, "uid": 1000, "gid": 1000, "hostname": "node17", "now": NOW} | changes))


def changed(*rows) -> tuple:
    """The healthy answers with some rows before them."""
    return (*rows, *WELL)


def put(root: Path, path: str, content: str | bytes) -> Path:
    """A file below the root."""
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def image_root(root: Path) -> Path:
    """The directories that the image has, and a token."""
    for directory in ("pilot", "run/ospool-ep", "dev/shm"):
        (root / directory).mkdir(parents=True)
    put(root, "/usr/bin/apptainer", "")
    put(root, "/proc/sys/kernel/random/boot_id", "this-boot\n")
    put(root, f"{TOKENS}/flock", jwt())
    unlimited(root)
    return root


def unlimited(root: Path) -> None:
    """The cgroup of a container without limits, version 2, as its own namespace shows it."""
    member(root, "0::/")
    mounted(root, cgroup2("/sys/fs/cgroup"))
    files = {"cpu.max": "max 100000", "memory.max": "max", "memory.high": "max", "pids.max": "max"}
    group(root, "/sys/fs/cgroup", files | {"cgroup.type": "domain"})


def member(root: Path, *rows: str) -> None:
    """The cgroups we are in."""
    put(root, "/proc/self/cgroup", "".join(f"{row}\n" for row in rows))


def mounted(root: Path, *rows: str) -> None:
    """What is mounted, after what every machine has."""
    plain = "25 30 0:23 / /sys rw,nosuid shared:7 - sysfs sysfs rw"
    put(root, "/proc/self/mountinfo", "".join(f"{row}\n" for row in (plain, *rows)))


def cgroup2(point: str, top: str = "/") -> str:
    return f"31 24 0:27 {top} {point} ro,nosuid,relatime shared:4 - cgroup2 cgroup rw,nsdelegate"


def cgroup1(point: str, controllers: str, top: str = "/") -> str:
    return f"32 24 0:28 {top} {point} ro,nosuid,relatime master:9 - cgroup cgroup rw,{controllers}"


def group(root: Path, directory: str, files: dict[str, str]) -> None:
    """A cgroup: every one has the list of its processes."""
    for name, text in ({"cgroup.procs": ""} | files).items():
        put(root, f"{directory}/{name}", f"{text}\n")


def part(value: object) -> str:
    """One part of a JWT."""
    text = json.dumps(value, separators=(",", ":")) if not isinstance(value, bytes) else value.decode("latin-1")
    return base64.urlsafe_b64encode(text.encode("latin-1")).decode().rstrip("=")


def jwt(signature: str = "c2lnbmF0dXJlLW9mLXRoaXMtdG9rZW4", **claims) -> str:
    """A token as a pool would issue it; a claim of None is left out."""
    base = {"iss": TRUST_DOMAIN, "sub": "pilot@lab", "iat": NOW - DAY, "exp": NOW + 30 * DAY, "jti": "0a1b"}
    body = {name: value for name, value in (base | claims).items() if value is not None}
    return ".".join((part({"alg": "HS256", "kid": "POOL"}), part(body), signature))


def log_to_text(**options) -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    return Log(stream=stream, **options), stream


def ids(problems) -> list[str]:
    return [problem.id for problem in problems]


def said(problems) -> str:
    """All that a person would read."""
    return "\n".join("\n".join((p.id, p.found, p.why, p.cure, p.raw)) for p in problems)


def pilot(**changes) -> Pilot:
    """Values for a configuration."""
    base = {
        "home": "/pilot/ep-0123abcd",
        "tokens": "/run/ospool-ep/ep-0123abcd/tokens.d",
        "passwords": "/run/ospool-ep/ep-0123abcd/passwords.d",
        "has_passwords": False,
        "machine_name": "LAB-EP1.node17",
        "daemon_name": "ep-0123abcd",
        "managers": ("cm.example.org",),
        "collectors": ("cm.example.org:9618?sock=collector3",),
        "ccb": ("cm.example.org:9618",),
        "cpus": 2,
        "memory_mb": 4000,
        "start": "True",
        "attributes": (("GLIDEIN_Site", '"LAB"'), ("GLIDEIN_ToDie", "1796000000")),
        "job_environment": "TZ='UTC'",
        "containers": "/pilot/ep-0123abcd/apptainer",
        "pid_namespaces": True,
        "cvmfs": (),
        "gpus": (),
        "gpu_statements": (),
        "cache_mb": 0,
        "idle_minutes": 30,
        "stop_seconds": 10,
        "booted": NOW,
        "log_target": None,
        "job_cgroups": False,
    }
    return Pilot(**(base | changes))


SETUP = Setup(version="1.4.5", pid_namespaces=True)
STATE = State(containers=BELIEVED, sif=BELIEVED, registry=BELIEVED, tested=NOW, asked=NOW)
# What the machine ad says where job containers of every kind run, and where none do.
ABLE, UNABLE = published.attributes(SETUP, STATE), published.attributes(Setup(), State())


def quotas(*amounts: float) -> Reading:
    """CPU quotas from the inside out."""
    rows = zip(map(float, amounts), AROUND, strict=False)
    return Reading(tuple(Limit(cpus, f"cpu quota {cpus:.5} of {name}", "docker run --cpus={}") for cpus, name in rows))


def limits(*megabytes: int, kind: str = "memory limit") -> Reading:
    """Limits of memory from the inside out."""
    rows = zip(megabytes, AROUND, strict=False)
    return Reading(tuple(Limit(mb, f"{kind} {mb} MB of {name}", "docker run --memory={}m") for mb, name in rows))
