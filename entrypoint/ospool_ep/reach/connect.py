"""TCP to every server of the pool, all at once: does anything listen, does anything answer at all?"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ospool_ep.concurrently import concurrently
from ospool_ep.reach.addresses import Server
from ospool_ep.reach.resolve import Name

REFUSED, SILENT, NO_ROUTE, UNNAMED = "refused", "silent", "no route", "unnamed"
# Of a server's several addresses one that works is enough; otherwise the one that says most counts.
_BEST = ("", REFUSED, SILENT, NO_ROUTE, UNNAMED)


@dataclass(frozen=True)
class Reached:
    """A server, why it was not reached, and the error; UNNAMED where its name has no address."""

    server: Server
    trouble: str = ""
    raw: str = ""


def look(servers: Sequence[Server], names: Sequence[Name], timeout_s: float) -> tuple[Reached, ...]:
    """In the order of the servers."""
    known = {name.host: name.addresses for name in names}
    tried = [(server, address) for server in servers for address in known.get(server.host, ())]
    answers = concurrently([partial(_connect, address, server.port, timeout_s) for server, address in tried], timeout_s)
    ends = [_reached(server, address, answer) for (server, address), answer in zip(tried, answers, strict=True)]
    return tuple(
        _best([Reached(server, UNNAMED), *(end for end in ends if end.server is server)]) for server in servers
    )


def _connect(address: str, port: int, timeout_s: float) -> None:
    socket.create_connection((address, port), timeout_s).close()


def _best(ends: list[Reached]) -> Reached:
    return min(ends, key=lambda end: _BEST.index(end.trouble))


def _reached(server: Server, address: str, answer: BaseException | None) -> Reached:
    if answer is None:
        return Reached(server)
    if isinstance(answer, ConnectionRefusedError):
        return Reached(server, REFUSED, f"{address}: {answer.strerror}")
    if isinstance(answer, TimeoutError):
        return Reached(server, SILENT, f"{address}: no answer")
    if isinstance(answer, OSError):
        return Reached(server, NO_ROUTE, f"{address}: {answer.strerror or answer}")
    raise answer
