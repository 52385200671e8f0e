"""The pilot that runs in this container: its process."""

from contextlib import suppress
from dataclasses import dataclass

from ospool_ep.cvmfs import running
from ospool_ep.cvmfs.called import INSIDE
from ospool_ep.machine import Machine

MASTER = "/usr/sbin/condor_master"
BOOT = "/usr/bin/ospool-ep"


@dataclass(frozen=True)
class Process:
    """`booting`: not condor_master yet."""

    pid: int
    uid: int
    gid: int
    booting: bool


def find(machine: Machine) -> Process | None:
    """None without a pilot in this container; with `--pid host`, or in a pod, we see those of others."""
    payload = running.payload(machine)
    if payload:
        return _process(machine, str(payload.pid))
    first = _words(machine, "1")
    assumed = _is_pilot(first) or BOOT in first  # docker run --init
    names = [name for name in machine.directories("/proc") if name.isdigit() and _with_us(machine, name, assumed)]
    found = [one for name in names if (one := _process(machine, name))]
    return min(found, key=lambda one: (one.booting, one.pid), default=None)


def _process(machine: Machine, name: str) -> Process | None:
    words = _words(machine, name)
    if not _is_pilot(words):
        return None
    try:
        owner = machine.path(f"/proc/{name}").stat()
    except OSError:
        return None
    return Process(int(name), owner.st_uid, owner.st_gid, booting=words[0] != MASTER)


def _is_pilot(words: list[str]) -> bool:
    """condor_master, or our own program on its way to it; with arguments it only prints something."""
    if words[0] == MASTER:
        return True
    python = words[0].rpartition("/")[2].startswith("python3")
    arguments = words[words.index(BOOT) + 1 :] if BOOT in words[1:4] else ["?"]
    return python and (not arguments or (arguments[0] == INSIDE and len(arguments) < 3))


def _words(machine: Machine, name: str) -> list[str]:
    with suppress(OSError):
        return machine.text(f"/proc/{name}/cmdline").removesuffix("\0").split("\0")
    return [""]


def _with_us(machine: Machine, name: str, assumed: bool) -> bool:
    """Whether a process is of our container; what is assumed where another uid's cannot be asked."""
    with suppress(OSError):
        theirs, ours = (machine.path(f"/proc/{who}/ns/mnt").readlink() for who in (name, "self"))
        return theirs == ours
    return assumed
