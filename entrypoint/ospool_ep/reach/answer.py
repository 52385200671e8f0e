"""What condor_ping's answer means. Its table says whether, its debug log (D_SECURITY) says why, and when.

The words are HTCondor 25.14's, seen with real tokens and a real pool (htcondor.md 8.8 and tests/captures).
"""

import re
from dataclasses import dataclass
from enum import Enum

from ospool_ep.machine import TIMED_OUT, Result

COMMANDS = ("ADVERTISE_STARTD", "ADVERTISE_MASTER")


class Kind(Enum):
    """How the pool takes the token."""

    ACCEPTED = "accepted"
    FOREIGN = "of another trust domain"
    KEY = "signed with a key that the pool does not have"
    SIGNATURE = "signed with another key of the same name"
    REFUSED = "expired by the pool's clock, or revoked"
    METHODS = "the pool wants something else than tokens"
    DENIED = "authenticated, but not authorised"
    STRANGER = "something listens that is no collector"
    SILENT = "no answer in time"
    UNCLEAR = "anything else"


@dataclass(frozen=True)
class Answer:
    """`who`: the identity or the name in question; `pool`: the pool's trust domain; `denied`: commands of COMMANDS.

    `clock`: the pool's clock, seconds since 1970, None where it did not say; `raw`: the lines that tell.
    """

    kind: Kind
    who: str = ""
    pool: str = ""
    denied: tuple[str, ...] = ()
    clock: int | None = None
    raw: str = ""


# In this order: an error that follows from another one comes after it.
_REASONS = (
    (Kind.FOREIGN, r"Ignoring token as it is from trust domain (?P<who>\S+)"),
    (Kind.KEY, r"Ignoring token as it was signed with key (?P<who>\S+)"),
    (Kind.SIGNATURE, r"Hash supplied by server doesn't match"),
    (Kind.DENIED, r'Received "DENIED" from server for user (?P<who>\S+)'),
    (Kind.REFUSED, r"Server sent status indicating not OK"),
    (Kind.METHODS, r"server replied \(method = 0\)"),
    (Kind.STRANGER, r"no classad from server|Incoming packet"),
)
_TELLING = re.compile(
    r"Ignoring token|Hash supplied|Received \"DENIED\"|not OK|no classad|Incoming packet|required authentication"
    r"|ERROR|failed:|no auth methods|no answer"
)
_STAMP = re.compile(r"^\d\d/\d\d/\d\d \d\d:\d\d:\d\d ", re.MULTILINE)
_ROW = re.compile(r"^ *(ADVERTISE_\w+) +\S+ +\S+ +\S+ +ALLOW +(\S+)", re.MULTILINE)
# The collector names a session HOST:PID:TIME:NUMBER.
_SESSION = re.compile(r"added session \S*:\d+:(\d{9,12}):\d+ to cache")
_DOMAIN = re.compile(r"valid tokens from issuer (\S+)\.$", re.MULTILINE)


def read(result: Result) -> Answer:
    """Of `condor_ping -debug -table` with COMMANDS."""
    allowed = dict(_ROW.findall(result.stdout))
    log = f"{result.stderr}\n{result.stdout}"
    clock, domain = _SESSION.search(log), _DOMAIN.search(log)
    denied = tuple(command for command in COMMANDS if command not in allowed)
    kind, who = (Kind.ACCEPTED, next(iter(allowed.values()))) if not denied else _reason(result, log)
    raw = "" if kind is Kind.ACCEPTED else _raw(log)
    return Answer(kind, who, domain[1] if domain else "", denied, int(clock[1]) if clock else None, raw)


def _reason(result: Result, log: str) -> tuple[Kind, str]:
    for kind, pattern in _REASONS:
        match = re.search(pattern, log)
        if match:
            return kind, match.groupdict().get("who", "")
    # The program was waiting when it was ended: for whom, its log shows.
    return (Kind.SILENT if result.status == TIMED_OUT else Kind.UNCLEAR), ""


def _raw(log: str) -> str:
    """Each line once, without the time; of what we do not understand, the end."""
    lines = [line.strip() for line in _STAMP.sub("", log).splitlines() if line.strip()]
    told = [line for line in lines if _TELLING.search(line)] or lines[-3:]
    return "\n".join(dict.fromkeys(told))[:1000]
