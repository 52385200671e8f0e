"""The payload of cvmfsexec, in its first moments: the same program, inside of the namespaces.

cvmfsexec's exit status proves nothing, and neither does a mount table: a file of each repository is read.
"""

import dataclasses
import json
import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from ospool_ep import signals
from ospool_ep.cvmfs import names
from ospool_ep.cvmfs.ask import Answer, ask
from ospool_ep.cvmfs.given import Given
from ospool_ep.cvmfs.record import MOUNTED, State
from ospool_ep.cvmfs.repositories import Repository, renewed
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem

SOCKET = "told"
# The first file of a repository may come from far away.
PATIENCE_S = 30.0
_DESCRIPTORS = 256


@dataclass(frozen=True)
class Order:
    """What the outside sends in. `repositories`: those asked for; `leave`: see record.State.

    `started`: time.monotonic() of the program's first line; `warnings` belong to the boot's report.
    """

    environ: dict[str, str]
    started: float
    repositories: tuple[str, ...]
    leave: str = ""
    note: str = ""
    reserved_mb: int = 0
    warnings: tuple[Problem, ...] = ()


def arrive(directory: str, machine: Machine | None = None) -> tuple[Order, Given]:
    """Take over the container's own output, look at every repository, and tell the outside what was seen.

    Ends the process where one cannot be read: the outside knows why.
    """
    os.closerange(3, _DESCRIPTORS)  # the cache's lock: cvmfsexec and its clients are to hold it, and nobody else
    signals.give_back((signal.SIGHUP, signal.SIGQUIT))  # guard has its own handlers for the others
    with socket.socket(socket.AF_UNIX) as outside:
        outside.connect(str(Path(directory) / SOCKET))
        order = _received(outside)
        machine = machine or Machine()
        answers = ask(machine, mounted(order.repositories), PATIENCE_S, read=True)
        outside.sendall(json.dumps([vars(answer) for answer in answers]).encode())
    if not all(map(readable, answers)):
        os._exit(1)
    state = _state(order.repositories, answers, machine.now)
    note = "; ".join(filter(None, (order.note, _unread(answers))))
    return order, Given(dataclasses.replace(state, leave=order.leave), order.warnings, note, order.reserved_mb)


def _state(repositories: tuple[str, ...], answers: tuple[Answer, ...], now: int) -> State:
    """cvmfsexec mounts nothing later: what jobs ask for beside these is not there."""
    found = {answer.name: renewed(Repository(answer.name), answer, now) for answer in answers}
    names_of_all = dict.fromkeys((*mounted(repositories), *names.WORTH))
    absent = {name: Repository(name, "ENOENT", now) for name in names_of_all}
    return State(MOUNTED, tuple((absent | found).values()), repositories or (names.CONFIG,))


def mounted(repositories: tuple[str, ...]) -> tuple[str, ...]:
    """The config repository comes along by itself, and first."""
    return (names.CONFIG, *repositories)


def readable(answer: Answer) -> bool:
    """A file was read; or there is none near the root, and the client itself has told the revision."""
    return not answer.error


def _unread(answers: tuple[Answer, ...]) -> str:
    """Where only the client's word counts."""
    unread = [answer.name for answer in answers if not answer.file]
    return f"no file was found to read near the root of {', '.join(unread)}" if unread else ""


def send(order: Order, inside: socket.socket) -> None:
    """The outside's half: standard output and error as descriptors, so that nobody on the way keeps them."""
    text = json.dumps(dataclasses.asdict(order)).encode() + b"\n"
    socket.send_fds(inside, [text[:1]], [1, 2])
    inside.sendall(text[1:])


def _received(outside: socket.socket) -> Order:
    first, descriptors, _, _ = socket.recv_fds(outside, 1, 2)
    for descriptor, own in zip(descriptors, (1, 2), strict=True):
        os.dup2(descriptor, own)
        os.close(descriptor)
    text = first
    while not text.endswith(b"\n"):
        more = outside.recv(1 << 16)
        if not more:
            os._exit(1)
        text += more
    said = json.loads(text)
    warnings = tuple(Problem(**one) for one in said["warnings"])
    return Order(**said | {"repositories": tuple(said["repositories"]), "warnings": warnings})
