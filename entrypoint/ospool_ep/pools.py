"""Which pool to join: central managers, CCB servers, and what that makes of the pilot."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ospool_ep.classads import nearest
from ospool_ep.problem import Problem, warning
from ospool_ep.settings import Settings

# Draws a number from 0 to below its argument.
Draw = Callable[[int], int]


@dataclass(frozen=True)
class Site:
    """One known pool (ospool.md section 3). `socks` are the names of its collectors behind the shared port."""

    managers: tuple[str, ...]
    ccb: tuple[str, ...]
    group: str
    socks: tuple[str, ...]
    port: str = ""
    issuer: str | None = None


@dataclass(frozen=True)
class Pool:
    """What goes into the configuration. Addresses are HTCondor sinful names; `issuer` is None when unknown."""

    name: str
    managers: tuple[str, ...]
    collectors: tuple[str, ...]
    ccb: tuple[str, ...]
    group: str
    issuer: str | None
    production: bool


_OSPOOL_SOCKS = tuple(f"collector{number}" for number in range(1, 11))
_PATH_SOCKS = tuple(f"collector962{number}" for number in range(5))
_TRUST_DOMAIN = "flock.opensciencegrid.org"

KNOWN: dict[str, Site] = {
    "prod-ospool": Site(
        ("cm-1.ospool.osg-htc.org", "cm-2.ospool.osg-htc.org"),
        ("ccb-1.ospool.osg-htc.org", "ccb-2.ospool.osg-htc.org"),
        "main-container", _OSPOOL_SOCKS, issuer=_TRUST_DOMAIN,
    ),
    "itb-ospool": Site(
        ("cm-1.ospool-itb.osg-htc.org", "cm-2.ospool-itb.osg-htc.org"),
        ("ccb-1.ospool-itb.osg-htc.org", "ccb-2.ospool-itb.osg-htc.org"),
        "itb-container", _OSPOOL_SOCKS, issuer=_TRUST_DOMAIN,
    ),
    "prod-path-facility": Site(
        ("cm-1.facility.path-cc.io", "cm-2.facility.path-cc.io"),
        ("cm-1.facility.path-cc.io", "cm-2.facility.path-cc.io"),
        "path-container", _PATH_SOCKS, port=":9618",
    ),
    "dev-path-facility": Site(
        ("htcondor-cm-path.osgdev.chtc.io", "htcondor-cm-path.osg-dev.river.chtc.io"),
        ("htcondor-cm-path.osgdev.chtc.io", "htcondor-cm-path.osg-dev.river.chtc.io"),
        "path-container", _PATH_SOCKS, port=":9618",
    ),
}  # fmt: skip


def judge(settings: Settings) -> tuple[Problem, ...]:
    """A name that was meant for a known pool would be looked up as a host, for ever."""
    name = _full_name(settings)
    if settings.condor_host or name in KNOWN or "." in name:
        return ()
    near = nearest(name, (*KNOWN, "ospool"))
    if near is None:
        return ()
    found = f"POOL={settings.pool} is no known pool, so it is taken as the host name of a central manager"
    why = "if there is no such host, the pilot waits for it and never gets a job"
    return (warning("pool-name", found, why, f"did you mean POOL={near}?"),)


def choose(settings: Settings, draw: Draw) -> Pool:
    """The pool that the settings name; one draw decides the collector for all hosts (they must agree)."""
    name = _full_name(settings)
    if settings.condor_host:
        group = KNOWN[name].group if name in KNOWN else ""
        return _by_host("CONDOR_HOST", settings.condor_host, group, settings, draw)
    if name not in KNOWN:
        return _by_host(name, (name,), "", settings, draw)
    site = KNOWN[name]
    suffix = f"{site.port}?sock={site.socks[draw(len(site.socks))]}"
    return Pool(
        name,
        site.managers,
        tuple(host + suffix for host in site.managers),
        tuple(host + (_ccb_port(settings, draw) or suffix) for host in site.ccb),
        site.group,
        site.issuer,
        production=name == "prod-ospool",
    )


def _full_name(settings: Settings) -> str:
    if settings.pool == "ospool":
        return "itb-ospool" if settings.itb else "prod-ospool"
    return settings.pool


def _by_host(name: str, hosts: tuple[str, ...], group: str, settings: Settings, draw: Draw) -> Pool:
    """Another pool than the known ones for all we know: its issuer is unknown, its collectors serve as CCB."""
    port = _ccb_port(settings, draw)
    ccb = tuple(_bare(host) + port for host in hosts) if port else hosts
    return Pool(name, hosts, hosts, ccb, group, None, production=False)


def _ccb_port(settings: Settings, draw: Draw) -> str:
    if settings.ccb_range_low is None or settings.ccb_range_high is None:
        return ""
    if settings.ccb_range_low > settings.ccb_range_high:
        return ""  # refused by the settings; the other checks still run
    width = settings.ccb_range_high - settings.ccb_range_low + 1
    return f":{settings.ccb_range_low + draw(width)}"


def _bare(host: str) -> str:
    """Without port and query: brackets of an IPv6 address stay."""
    return re.sub(r"(:\d+)?(\?.*)?$", "", host)
