"""The pool's servers, from HTCondor's names for them: `host`, `host:port`, `[v6]:port`, with or without `?sock=x`."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ospool_ep.pools import Pool

COLLECTOR, CCB = "collector", "CCB server"
_PORT = 9618
_NAME = re.compile(r"(?P<host>\[[^\]]*\]|[^:?]*)(:(?P<port>[0-9]+))?(\?.*)?")


@dataclass(frozen=True)
class Server:
    """A port of a host and what the pool has there: COLLECTOR, CCB or both. `name` is HTCondor's name for it."""

    host: str
    port: int
    roles: tuple[str, ...]
    name: str

    @property
    def literal(self) -> bool:
        """The host is an address: no name server is needed."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def servers(pool: Pool) -> tuple[Server, ...]:
    """Collectors first; one place that serves as both is there once."""
    named = [(name, COLLECTOR) for name in pool.collectors] + [(name, CCB) for name in pool.ccb]
    places: dict[tuple[str, int], list[tuple[str, str]]] = {}
    for name, role in named:
        places.setdefault(_place(name), []).append((name, role))
    return tuple(
        Server(host, port, tuple(dict.fromkeys(role for _, role in there)), there[0][0])
        for (host, port), there in places.items()
    )


def lost(servers: Iterable[Server], good: Iterable[Server]) -> frozenset[str]:
    """The roles in which nobody is left."""
    return frozenset(role for server in servers for role in server.roles) - frozenset(
        role for server in good for role in server.roles
    )


def _place(name: str) -> tuple[str, int]:
    match = _NAME.match(name)
    host, port = (match["host"], match["port"]) if match else (name, None)
    return host.strip("[]"), int(port or _PORT)
