"""What cvmfsexec and the client say when they cannot mount: who has to do what, and whether it can pass by itself."""

import re
from dataclasses import dataclass

from ospool_ep.problem import Exit, Problem

_WHY = "CVMFSEXEC_REPOS is set; with CVMFS_REQUIRED=false the pilot goes on without CVMFS"
_REPOSITORY = re.compile(r"^mountrepo (\S+) failed", re.MULTILINE)
# The client's logs begin each line with the time and the repository.
_PREFIX = re.compile(r"^.*? \([\w-]+\.[\w.-]+\) ")
# A directory of this start alone.
_TREE = re.compile(r"/\S*/ep-[0-9a-f]{8}/try-[0-9]+/cvmfsexec")
_LAST = 6
# As often as there is time for, twice, or not again.
_ALWAYS, _TWICE, _NEVER = 1000, 2, 1
_PROXY = "correct CVMFS_HTTP_PROXY or OSG_SQUID_LOCATION, or start the proxy; `;DIRECT` at its end goes around it"
_SERVER = "look at the network of this container: it must reach the CVMFS servers (ports 80 and 8000), or a proxy"


@dataclass(frozen=True)
class Kind:
    """Words of the client's (2.12), as a pattern; so many attempts in all, and what to type."""

    words: str
    attempts: int
    cure: str


_KINDS = (
    Kind("failed to resolve proxy address", _ALWAYS, _PROXY),
    Kind("proxy connection problem", _ALWAYS, _PROXY),
    Kind("proxy serving data too slowly", _ALWAYS, _PROXY),
    Kind("proxy returned HTTP error", _TWICE, _PROXY),
    Kind("failed to discover HTTP proxy", _TWICE, "set CVMFS_HTTP_PROXY, or `auto;DIRECT`"),
    Kind("failed to resolve host address", _ALWAYS, _SERVER),
    Kind("host connection problem", _ALWAYS, _SERVER),
    Kind("host serving data too slowly", _ALWAYS, _SERVER),
    Kind("host returned HTTP error", _TWICE,
         "correct the name in CVMFSEXEC_REPOS, if it is wrong; otherwise a server is at fault"),
    Kind("usyslog", _NEVER, "on the host: remove other users' logs from the directory that is mounted at /cvmfs-logs"),
    Kind("workspace directory|cannot create .*cache", _NEVER,
         "on the host: chown the directory that is mounted at /cvmfs-cache"),
    Kind("cache (directory|manager|database)|quota manager", _NEVER,
         "look at the volume at /cvmfs-cache: permissions, free space; an empty one is always good"),
    Kind("fuse: |/dev/fuse", _NEVER, "docker run --device /dev/fuse (on the host: chmod 0666 /dev/fuse)"),
)  # fmt: skip
_UNKNOWN = Kind("", _NEVER, "look at the error below, and at /cvmfs-logs (CVMFSEXEC_DEBUG=true tells more)")


class Failed(Exception):
    """One attempt. `attempts`: so many make sense in all."""

    def __init__(self, problem: Problem, attempts: int = _NEVER) -> None:
        super().__init__(problem.found)
        self.problem = problem
        self.attempts = attempts


def ended(status: int, said: str, logs: str) -> Failed:
    """cvmfsexec has ended before it ran anything. `said`: its output; `logs`: what is new in the client's logs."""
    kind, line = _kind(f"{said}\n{logs}")
    repository = _REPOSITORY.search(said)
    what = repository[1] if repository else "CVMFS"
    reason = line or f"cvmfsexec ended with status {status}"
    found = f"cvmfsexec could not mount {what}: {reason}"
    return Failed(Problem("cvmfs-mount-failed", found, _WHY, kind.cure, Exit.UNFIT, _raw(said, logs)), kind.attempts)


def late(seconds: float, said: str, logs: str) -> Failed:
    """It has not come back."""
    kind, line = _kind(f"{said}\n{logs}")
    found = f"cvmfsexec has mounted nothing within {seconds:.0f} s" + (f": {line}" if line else "")
    return Failed(Problem("cvmfs-mount-timeout", found, _WHY, kind.cure, Exit.UNFIT, _raw(said, logs)))


def mute(said: str, logs: str) -> Failed:
    """What was started inside is gone."""
    found = "cvmfsexec runs, and what it started inside has ended without a word"
    return Failed(Problem("cvmfs-mount-failed", found, _WHY, _UNKNOWN.cure, Exit.UNFIT, _raw(said, logs)), _TWICE)


def unreadable(told: str, said: str, logs: str) -> Failed:
    """cvmfsexec says that all is well, and it is not: its exit status proves nothing."""
    kind, _ = _kind(f"{said}\n{logs}")
    problem = Problem("cvmfs-unreadable", f"mounted, but no file can be read: {told}", _WHY, kind.cure, Exit.UNFIT,
                      _raw(said, logs))  # fmt: skip
    return Failed(problem, max(_TWICE, kind.attempts))


def _kind(text: str) -> tuple[Kind, str]:
    """The kind, and the last line that says so."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for kind in _KINDS:
        telling = [line for line in lines if re.search(kind.words, line)]
        if telling:
            return kind, _PREFIX.sub("", telling[-1])
    return _UNKNOWN, ""


def _raw(said: str, logs: str) -> str:
    """The last lines of both. A killed child makes bash print the whole here-document: that is left out."""
    kept = [line for line in said.splitlines() if line.strip() and not line.startswith((" ", "\t", "#"))]
    repository = _REPOSITORY.search(said)
    told = [line for line in logs.splitlines() if not repository or f"({repository[1]})" in line]
    return _TREE.sub("...", "\n".join([*kept[-_LAST:], *told[-_LAST:]]))
