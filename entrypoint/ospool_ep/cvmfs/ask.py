"""Ask repositories, without ever waiting for one that hangs."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ospool_ep import private
from ospool_ep.cvmfs import look, names
from ospool_ep.machine import TIMED_OUT, Machine

_PROGRAM = Path(look.__file__)
# No answer within the time that there was: hanging, or not mounted yet by autofs.
LATE = "LATE"
# An earlier question has still not come back.
STUCK = look.STUCK
# There was no process or thread to ask with: nothing is known.
UNASKED = look.UNASKED
# Between the child's own end and the moment when it is given up.
_GRACE_S = 0.5


@dataclass(frozen=True)
class Answer:
    """What a repository said; `error`: the name of an errno, LATE, STUCK, UNASKED, look.EMPTY or look.UNREAD.

    `file`: what was read of it; `last_ioerr`: seconds since 1970, 0 for never. None: the number is not known.
    """

    name: str
    error: str = ""
    file: str = ""
    revision: int | None = None
    nioerr: int | None = None
    last_ioerr: int | None = None


def ask(
    machine: Machine, asked: Sequence[str], patience_s: float, read: bool = False, way: tuple[str, ...] = ()
) -> tuple[Answer, ...]:
    """One answer for each name, in order, within `patience_s` and a little.

    `read`: cvmfsexec has mounted them, and a file of each must be read. `way`: a command that leads there.
    """
    if not asked:
        return ()
    places = _locks(machine, own=read), str(machine.path(names.ROOT))
    program = ("python3", "-I", "-S", str(_PROGRAM), f"{patience_s:g}", *places)
    result = machine.run((*way, *program, "read" if read else "list", *asked), patience_s + _GRACE_S)
    found = {answer.name: answer for answer in map(_answer, result.stdout.splitlines()) if answer}
    # A child that ended before its time has asked nobody
    silent = LATE if result.status in (0, TIMED_OUT) else UNASKED
    return tuple(found.get(name, Answer(name, silent)) for name in asked)


def questions(machine: Machine, own: bool) -> Path:
    """One directory of locks for all questions of this container, the boot's and the later ones (/dev/shm may be the
    host's). `own`: to what cvmfsexec has mounted; a bound /cvmfs that hangs says nothing about it.
    """
    name = f"cvmfs-{machine.uid}-{machine.hostname}{'-own' if own else ''}"
    return (private.parent(machine) or machine.path("/tmp")) / name


def _locks(machine: Machine, own: bool) -> str:
    directory = questions(machine, own)
    with suppress(OSError):
        directory.mkdir(mode=0o700)
    return str(directory)


def _answer(line: str) -> Answer | None:
    """None for half a line: the child was killed."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    numbers = said["numbers"]
    revision, nioerr = numbers.get("revision"), numbers.get("nioerr")
    return Answer(said["name"], said["error"], said["file"], revision, nioerr, numbers.get("timestamp_last_ioerr"))
