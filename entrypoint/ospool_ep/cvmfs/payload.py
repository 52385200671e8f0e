"""The outside's conversation with the payload of cvmfsexec."""

import contextlib
import json
import os
import select
import socket
import struct
import subprocess
import time

from ospool_ep.cvmfs import arrive
from ospool_ep.cvmfs.ask import Answer

_WIND_UP_S = 5.0


class Silent(Exception):
    """No payload that can read everything: cvmfsexec has ended with a status, or `answers` say what the payload saw, or
    it was `mute` and cvmfsexec runs on; or time is over.
    """

    def __init__(
        self, status: int | None = None, answers: tuple[Answer, ...] | None = None, mute: bool = False
    ) -> None:
        self.status = status
        self.answers = answers
        self.mute = mute


def expect(listening: socket.socket, child: subprocess.Popen[bytes], order: arrive.Order, end: float) -> int:
    """The pid of a payload that has read all repositories. Raises Silent."""
    _wait(listening.fileno(), child, end)
    text = b""
    with listening.accept()[0] as inside:
        pid = _peer(inside)
        with contextlib.suppress(ConnectionError):  # it has died: nothing was told then
            arrive.send(order, inside)
            while more := _more(inside, child, end):
                text += more
    answers = _answers(text)
    if answers is None:
        raise _ended(child)
    if not all(map(arrive.readable, answers)):
        raise Silent(answers=answers)
    return pid


def _more(inside: socket.socket, child: subprocess.Popen[bytes], end: float) -> bytes:
    _wait(inside.fileno(), child, end)
    return inside.recv(1 << 16)


def _ended(child: subprocess.Popen[bytes]) -> Silent:
    """How cvmfsexec ends after a payload that has died without a word."""
    try:
        return Silent(child.wait(_WIND_UP_S))
    except subprocess.TimeoutExpired:
        return Silent(mute=True)


def _wait(descriptor: int, child: subprocess.Popen[bytes], end: float) -> None:
    """Until there is something to read; raises Silent where cvmfsexec ends before, or the time is over."""
    ending = os.pidfd_open(child.pid)
    try:
        ready, _, _ = select.select([descriptor, ending], [], [], max(0.0, end - time.monotonic()))
    finally:
        os.close(ending)
    if descriptor not in ready:
        raise Silent(child.wait() if ready else None)


def _peer(inside: socket.socket) -> int:
    """The other end's pid: the kernel translates it from its PID namespace into ours (unix(7), SO_PEERCRED)."""
    size = struct.calcsize("3i")
    return int(struct.unpack("3i", inside.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[0])


def _answers(text: bytes) -> tuple[Answer, ...] | None:
    try:
        return tuple(Answer(**one) for one in json.loads(text))
    except (ValueError, TypeError):
        return None
