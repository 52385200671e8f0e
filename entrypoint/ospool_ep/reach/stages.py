"""What is asked of the network, each thing once and as early as it can be.

All of it ends within TOTAL_S, or a second later where a program must be ended.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ospool_ep import network
from ospool_ep.concurrently import Running
from ospool_ep.known import Known
from ospool_ep.machine import Machine
from ospool_ep.reach import addresses, connect, fetch, ping, resolve
from ospool_ep.reach.addresses import COLLECTOR, Server
from ospool_ep.reach.connect import Reached
from ospool_ep.reach.fetch import Fetched, Page
from ospool_ep.reach.ping import Heard
from ospool_ep.reach.resolve import Name

T = TypeVar("T")
TOTAL_S = 10.5
_DNS_S, _TCP_S, _PING_S = 5.0, 3.0, 8.0
# For the threads themselves, on a machine that is busy.
_MARGIN_S = 1.0


class Absent(Exception):
    """Why something cannot be asked here."""


@dataclass(frozen=True)
class Stages:
    """Functions that wait for what they return; each may raise Absent."""

    servers: tuple[Server, ...]
    names: Callable[[], tuple[Name, ...]]
    reached: Callable[[], tuple[Reached, ...]]
    heard: Callable[[], tuple[Heard, ...]]
    fetched: Callable[[], tuple[Fetched, ...]]


def begin(machine: Machine, known: Known, pages: Sequence[Page], total_s: float) -> Stages:
    """Start everything."""
    end = time.monotonic() + total_s
    servers = addresses.servers(known.pool)
    names = _begun(lambda: _names(machine, servers), end)
    reached = _begun(lambda: _reached(servers, names()), end)
    heard = _begun(lambda: _heard(machine, known, reached(), end), end)
    fetched = _begun(lambda: _fetched(machine, known, pages), end)
    return Stages(servers, names, reached, heard, fetched)


def _begun(stage: Callable[[], T], end: float) -> Callable[[], T]:
    running = Running(stage)

    def wait() -> T:
        answer = running.result(end + ping.MARGIN_S + _MARGIN_S - time.monotonic())
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return wait


def _names(machine: Machine, servers: tuple[Server, ...]) -> tuple[Name, ...]:
    _need_network(machine)
    literal = {server.host for server in servers if server.literal}
    hosts = dict.fromkeys(server.host for server in servers if not server.literal)
    return (*(Name(host, (host,)) for host in literal), *resolve.look(tuple(hosts), _DNS_S))


def _need_network(machine: Machine) -> None:
    if network.judge(network.look(machine)):
        raise Absent("there is no network")


def _reached(servers: tuple[Server, ...], names: tuple[Name, ...]) -> tuple[Reached, ...]:
    if not any(name.addresses for name in names):
        raise Absent("none of its hosts has an address")
    return connect.look(servers, names, _TCP_S)


def _heard(machine: Machine, known: Known, reached: tuple[Reached, ...], end: float) -> tuple[Heard, ...]:
    collectors = [one.server for one in reached if not one.trouble and COLLECTOR in one.server.roles]
    if not collectors:
        raise Absent("no collector can be reached")
    # A mount that hangs keeps the check of the token
    credentials = Running(known.credentials).result(end - time.monotonic())
    left = min(_PING_S, end - time.monotonic())
    if isinstance(credentials, TimeoutError) or left <= 0:
        raise Absent("there was no time left for it")
    if isinstance(credentials, BaseException):
        raise credentials
    if not credentials.tokens and not credentials.passwords:
        raise Absent("there is no token that can be used")
    try:
        return ping.look(machine, known, credentials, collectors, left)
    except OSError as error:
        raise Absent(f"there is no place for the token: {error.strerror}: {error.filename}") from error


def _fetched(machine: Machine, known: Known, pages: Sequence[Page]) -> tuple[Fetched, ...]:
    if not known.settings.squid:
        raise Absent("OSG_SQUID_LOCATION is not set")
    _need_network(machine)
    if not known.proxy_works():
        raise Absent("nobody listens at OSG_SQUID_LOCATION")
    return fetch.look(known.settings.squid, pages)
