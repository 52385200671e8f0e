"""Names to addresses. getaddrinfo obeys no time-out, so each question is a thread that is not waited for."""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from ospool_ep.concurrently import concurrently

# What a name server says, or does not say.
SILENT, UNKNOWN = "silent", "unknown"
_NO_ADDRESS = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))


@dataclass(frozen=True)
class Name:
    """A host: its addresses, or SILENT (no name server answers), or UNKNOWN (one says that there is no such host)."""

    host: str
    addresses: tuple[str, ...] = ()
    trouble: str = ""
    raw: str = ""


def addresses(host: str) -> tuple[str, ...]:
    """Ask the system. Raises OSError."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


def look(hosts: Sequence[str], timeout_s: float, ask: Callable[[str], tuple[str, ...]] = addresses) -> tuple[Name, ...]:
    """All at once."""
    answers = concurrently([partial(ask, host) for host in hosts], timeout_s)
    return tuple(_name(host, answer, timeout_s) for host, answer in zip(hosts, answers, strict=True))


def _name(host: str, answer: tuple[str, ...] | BaseException, timeout_s: float) -> Name:
    if not isinstance(answer, BaseException):
        return Name(host, answer)
    if isinstance(answer, TimeoutError):
        return Name(host, trouble=SILENT, raw=f"no answer within {timeout_s:g} s")
    if isinstance(answer, UnicodeError):  # "a..b" cannot be asked for
        return Name(host, trouble=UNKNOWN, raw=str(answer))
    if isinstance(answer, OSError):
        return Name(host, trouble=UNKNOWN if answer.errno in _NO_ADDRESS else SILENT, raw=answer.strerror or "")
    raise answer
