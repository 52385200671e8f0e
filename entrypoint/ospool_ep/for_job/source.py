"""Get the bytes: a file of the container, or standard input."""

import os
import select
import stat
import sys
import time
from pathlib import Path

from ospool_ep.machine import Machine
from ospool_ep.problem import Problem, Refused

STANDARD_INPUT = "-"
LIMIT_BYTES = 1 << 20
_PATIENCE_S = 10.0
_WHY = "without it there is nothing to compare this pilot with"
USAGE = (
    "condor_q -l 123.0 > job.ad   (at the access point)\n"
    "docker run --rm -v $PWD/job.ad:/job.ad:ro <the pilot's options> --entrypoint ospool-selftest IMAGE --job /job.ad\n"
    "docker run --rm -i <the pilot's options> --entrypoint ospool-selftest IMAGE --job - < job.ad"
)


def read(machine: Machine, name: str) -> bytes:
    """The whole of it. Raises Refused."""
    data = _input(sys.stdin.fileno()) if name in (STANDARD_INPUT, "/dev/stdin") else _file(machine, name)
    if len(data) > LIMIT_BYTES:
        found = f"--job {name}: more than {LIMIT_BYTES >> 20} MB"
        raise Refused(_problem("job-too-large", found, "condor_q -l 123.0 > job.ad   (one job's ad is some kB)"))
    return data


def _file(machine: Machine, name: str) -> bytes:
    try:
        path = str(Path.cwd() / name)
        mode = machine.path(path).stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a directory (Docker makes one where the file of -v does not exist)" if stat.S_ISDIR(mode) else ""
            raise Refused(_problem("job-file", f"--job {name}: {what or 'not a file'}", USAGE))
        return machine.read(path, LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        found = f"--job {name}: {getattr(error, 'strerror', None) or error}"
        cure = USAGE
        if isinstance(error, PermissionError):
            cure = f"on the host: chmod a+r job.ad   (uid {machine.uid} reads it)\n{USAGE}"
        raise Refused(_problem("job-file", found, cure, str(error))) from error


def _input(descriptor: int) -> bytes:
    """Never waits for a person, nor for long for a program."""
    if os.isatty(descriptor):
        raise Refused(_problem("job-input", "--job -: standard input is a terminal", USAGE))
    data, end = b"", time.monotonic() + _PATIENCE_S
    while len(data) <= LIMIT_BYTES:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            raise Refused(_problem("job-input", f"--job -: no end of the input within {_PATIENCE_S:g} s", USAGE))
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            break
        data += piece
    if not data.strip():
        raise Refused(_problem("job-input", "--job -: standard input is empty (docker run without -i?)", USAGE))
    return data


def _problem(id: str, found: str, cure: str, raw: str = "") -> Problem:
    return Problem(id, found, _WHY, cure, raw=raw)
