"""A machine on a temporary root, with canned answers for the programs that only the image has."""

import base64
import io
import json
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.condor_config import Pilot
from ospool_ep.log import Log
from ospool_ep.machine import Machine, Result

NOW = 1_795_000_000  # 2026-11-18
DAY = 86400
TRUST_DOMAIN = "flock.opensciencegrid.org"
GOOD = {"GLIDEIN_Site": "LAB", "GLIDEIN_ResourceName": "LAB-EP1"}
TOKENS = "/etc/condor/tokens-orig.d"
PASSWORDS = "/etc/condor/passwords-orig.d"
EXTRA = "/etc/osg/extra-attributes.cfg"
PASSED = Result(37, "", "")  # the exit status that apptainer.py asks for

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
    return root


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
        "bind_extra": "",
        "pid_namespaces": True,
        "idle_minutes": 30,
        "stop_seconds": 10,
        "booted": NOW,
        "log_target": None,
    }
    return Pilot(**(base | changes))
