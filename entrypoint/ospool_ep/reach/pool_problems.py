"""The sentences for a pool that cannot be reached."""

from collections.abc import Iterable, Sequence

from ospool_ep.problem import Exit, Problem
from ospool_ep.reach import connect, resolve
from ospool_ep.reach.addresses import Server
from ospool_ep.reach.connect import Reached
from ospool_ep.reach.resolve import Name
from ospool_ep.reach.weight import Weight, weight

_CHECK = "correct POOL or CONDOR_HOST (host[:port]; without a port 9618 is meant)"
_RESOLVER = (
    "docker or podman: --dns ADDRESS   (of a name server of your site)\n"
    "Kubernetes: dnsPolicy: Default   (the node's name servers)\n"
    "host: cat /etc/resolv.conf; getent hosts {}"
)
_NO_ROUTE = "host: ip route get ADDRESS   (the network of this machine or container does not lead there)"


def of_names(servers: Sequence[Server], names: Sequence[Name]) -> tuple[Problem, ...]:
    """Hosts that have no address."""
    named = {name.host for name in names if name.addresses}
    good = [server for server in servers if server.host in named]
    problems = []
    for trouble, say in ((resolve.SILENT, _dns), (resolve.UNKNOWN, _unknown)):
        bad = [name for name in names if name.trouble == trouble]
        hosts = {name.host for name in bad}
        if bad:
            problems.append(say(bad, weight(servers, good, [one for one in servers if one.host in hosts])))
    return tuple(problems)


def _dns(bad: list[Name], weight: Weight) -> Problem:
    found, cure = f"no name server answers for {_hosts(bad)}", _RESOLVER.format(bad[0].host)
    return weight.on(Problem("pool-dns", found, weight.why, cure, Exit.UNFIT, _raw(bad)))


def _unknown(bad: list[Name], weight: Weight) -> Problem:
    found, cure = f"there is no such host, say the name servers: {_hosts(bad)}", f"{_CHECK}, or your name servers"
    return weight.on(Problem("pool-unknown-host", found, weight.why, cure, Exit.UNFIT, _raw(bad)))


def of_servers(found: Sequence[Reached]) -> tuple[Problem, ...]:
    """Servers that have an address and cannot be connected to."""
    servers = [one.server for one in found]
    good = [one.server for one in found if not one.trouble]
    problems = []
    for trouble, say in ((connect.REFUSED, _refused), (connect.SILENT, _silent), (connect.NO_ROUTE, _no_route)):
        bad = [one for one in found if one.trouble == trouble]
        if bad:
            problems.append(say(bad, weight(servers, good, [one.server for one in bad])))
    return tuple(problems)


def _refused(bad: list[Reached], weight: Weight) -> Problem:
    found, cure = f"nobody listens at {_places(bad)}", f"{_CHECK};\nif it is right, a firewall refuses: {_open(bad)}"
    return weight.on(Problem("pool-refused", found, weight.why, cure, Exit.UNFIT, _raw(bad)))


def _silent(bad: list[Reached], weight: Weight) -> Problem:
    found = f"no answer from {_places(bad)}: most likely a firewall drops what is sent there"
    return weight.on(Problem("pool-silent", found, weight.why, _open(bad), Exit.UNFIT, _raw(bad)))


def _no_route(bad: list[Reached], weight: Weight) -> Problem:
    found, cure = f"no way leads to {_places(bad)}", f"{_NO_ROUTE}\n{_open(bad)}"
    return weight.on(Problem("pool-no-route", found, weight.why, cure, Exit.UNFIT, _raw(bad)))


def _open(bad: list[Reached]) -> str:
    ports = (f"{one.server.host} port {one.server.port}" for one in bad)
    return f"allow outbound TCP from this machine to {', '.join(ports)}"


def _places(bad: list[Reached]) -> str:
    return ", ".join(f"{one.server} ({' and '.join(one.server.roles)})" for one in bad)


def _hosts(bad: list[Name]) -> str:
    return ", ".join(name.host for name in bad)


def _raw(bad: Iterable[Name | Reached]) -> str:
    return "\n".join(dict.fromkeys(one.raw for one in bad if one.raw))
