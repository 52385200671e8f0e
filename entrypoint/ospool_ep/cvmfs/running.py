"""A pilot that runs in this container, inside of cvmfsexec's namespaces, for those who come later (docker exec)."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from ospool_ep.cvmfs import names
from ospool_ep.cvmfs.ask import ask
from ospool_ep.cvmfs.given import Given
from ospool_ep.cvmfs.record import MOUNTED, State
from ospool_ep.cvmfs.repositories import Repository, renewed
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem, Refused
from ospool_ep.signals import give_back

INIT = "/usr/libexec/ospool-ep/init"
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Running:
    """The pilot's process and its owner."""

    pid: int
    uid: int


def payload(machine: Machine) -> Running | None:
    """The pilot: init's second argument. None without such a pilot in our own container.

    Its init is PID 1 there, or outside of cvmfsexec's namespaces as we are; with `--pid host` we see other containers'.
    """
    for name in machine.directories("/proc"):
        with suppress(OSError, IndexError, ValueError):
            words = machine.read(f"/proc/{name}/cmdline").split(b"\0") if name.isdigit() else [b""]
            if words[0].decode() == INIT and (name == "1" or _same(machine, name, "mnt")):
                return Running(int(words[2]), machine.path(f"/proc/{name}").stat().st_uid)
    return None


def enter(machine: Machine, there: Running, arguments: tuple[str, ...], environ: Mapping[str, str]) -> NoReturn:
    """Become a command in the namespaces of the pilot. Raises OSError, or Refused."""
    give_back()
    words = (*_way(machine, there), f"--wdns={Path.cwd()}", "--", *arguments)
    os.execvpe(words[0], words, dict(environ))


def given(machine: Machine, there: Running, repositories: tuple[str, ...]) -> Given:
    """What the pilot has mounted, asked in there; nothing else is done in there, where jobs could look at us."""
    asked = (names.CONFIG, *repositories)
    answers = ask(machine, asked, _PATIENCE_S, read=True, way=(*_way(machine, there), "--"))
    found = tuple(renewed(Repository(one.name), one, machine.now) for one in answers)
    return Given(State(MOUNTED, found, asked), note="by the pilot that runs here")


def _way(machine: Machine, there: Running) -> tuple[str, ...]:
    """The command that leads into its namespaces. Raises Refused."""
    why = "what it has mounted can be seen in its namespaces only"
    if machine.uid != there.uid:
        found = f"the pilot runs as uid {there.uid}, and this is uid {machine.uid}, which may not enter its namespaces"
        raise Refused(Problem("cvmfs-enter", found, why, f"docker exec -u {there.uid} PILOT ..."))
    try:
        # Where /proc is masked cvmfsexec makes no PID namespace, and ours may not be entered
        flags = () if _same(machine, str(there.pid), "pid") else ("--pid",)
    except OSError as error:
        raise Refused(Problem("cvmfs-enter", "the pilot is just ending", why, "look at docker logs PILOT")) from error
    return ("nsenter", "--target", str(there.pid), "--user", "--preserve-credentials", "--mount", *flags)


def _same(machine: Machine, pid: str, namespace: str) -> bool:
    """Whether a process shares a namespace with us; another uid's cannot be asked."""
    theirs, ours = (machine.path(f"/proc/{who}/ns/{namespace}") for who in (pid, "self"))
    return theirs.readlink() == ours.readlink()
