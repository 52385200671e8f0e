"""Names of repositories, and the settings that a shell will read."""

import re

ROOT = "/cvmfs"
# The sign of life, and where the client finds the configuration of all others.
CONFIG = "config-osg.opensciencegrid.org"
# Jobs of the OSPool ask for these (ospool.md section 5).
WORTH = (
    "ams.cern.ch", "atlas.cern.ch", "belle.cern.ch", "clicdp.cern.ch", "cms.cern.ch", "ara.opensciencegrid.org",
    "connect.opensciencegrid.org", "eic.opensciencegrid.org", "gluex.osgstorage.org", "gwosc.osgstorage.org",
    "icecube.opensciencegrid.org", "icecube.osgstorage.org", "larsoft-ib.opensciencegrid.org",
    "larsoft.opensciencegrid.org", "muoncollider.cern.ch", "nexo.opensciencegrid.org", "oasis.opensciencegrid.org",
    "public-uc.osgstorage.org", "rnog.opensciencegrid.org", "sft.cern.ch", "singularity.opensciencegrid.org",
    "snoplus.egi.eu", "software.igwn.org", "sphenix.opensciencegrid.org", "spt.opensciencegrid.org",
    "stash.osgstorage.org", "sw.hsf.org", "sw.lsst.eu", "unpacked.cern.ch", "veritas.opensciencegrid.org",
    "xenon.opensciencegrid.org",
)  # fmt: skip
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_LONGEST = 253
_HOST = r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)"
_PROXY = re.compile(rf"DIRECT|auto|(https?://)?{_HOST}(:(?P<port>[0-9]{{1,5}}))?/?")
_EXAMPLE = "http://squid.example.org:3128;DIRECT"


def repositories(value: str) -> tuple[str, ...]:
    """CVMFSEXEC_REPOS: separated by commas or white space, with quotes wherever an env file left them; each once.

    Without the config repository, which comes along by itself, and must not come after another.
    """
    words = [word for word in re.split(r"[,;\s\"']+", value) if word]
    wrong = [word for word in words if not is_repository(word)]
    if wrong:
        raise ValueError(
            f"names {', '.join(map(repr, wrong))}: not a repository's full name (oasis.opensciencegrid.org)"
        )
    if not words:
        raise ValueError("names no repository")
    return tuple(dict.fromkeys(word for word in words if word != CONFIG))


def is_repository(name: str) -> bool:
    """Whether a name is fully qualified. cvmfsexec executes what is more than that: `$(...)`, `;`."""
    return len(name) <= _LONGEST and _NAME.fullmatch(name) is not None


def proxies(value: str) -> str:
    """CVMFS_HTTP_PROXY: proxies of a group are separated by |, groups by ;. Blanks around them are dropped."""
    groups = [[proxy.strip() for proxy in group.split("|")] for group in value.split(";")]
    for proxy in (proxy for group in groups for proxy in group):
        match = _PROXY.fullmatch(proxy)
        if not match or not 0 < int(match["port"] or 1) < 65536:
            comma = "; groups are separated by ';', proxies of one group by '|'" if "," in proxy or " " in proxy else ""
            shown = "" if proxy == value else f": {proxy!r}"
            raise ValueError(f"is not a list of proxies like {_EXAMPLE}{comma}{shown}")
    return ";".join("|".join(group) for group in groups)


def attribute(name: str) -> str:
    """The repository in the names of attributes."""
    return re.sub(r"[.-]", "_", name)
