"""The client's configuration: the distribution's, the site's, and what the variables say. A shell reads it."""

import re

from ospool_ep.cvmfs.cache import LOGS
from ospool_ep.cvmfs.needs import TREE
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem
from ospool_ep.settings import Settings

PATH = f"{TREE}/default.local"
DEBUG_LOG = f"{LOGS}/debug.log"
_LIMIT = 1 << 16
_TIMEOUT_S = 5.0
# Auto discovery, and no proxy at all where that finds none; `auto` alone would fail there.
_DISCOVERED = "auto;DIRECT"


def site(machine: Machine) -> tuple[str, tuple[Problem, ...]]:
    """The text that a site has mounted, empty where there is none, and what is wrong with it."""
    path = machine.path(PATH)
    if not path.exists():
        return "", ()
    try:
        text = machine.read(PATH, _LIMIT + 1).decode("utf-8").replace("\r\n", "\n")
    except IsADirectoryError:  # Docker makes one where the file of the host is missing
        return "", (_problem(f"{PATH} is a directory", cure="create the file on the host, then mount it"),)
    except OSError as error:
        cure = "on the host: chmod 0644 the file that is mounted there"
        return "", (_problem(f"{PATH} cannot be read: {error.strerror}", cure=cure),)
    except UnicodeDecodeError:
        return "", (_problem(f"{PATH} is not text, or is larger than {_LIMIT >> 10} kB"),)
    if len(text) > _LIMIT or text.rstrip().endswith("\\"):
        return "", (_problem(f"{PATH} ends in a backslash, or is larger than {_LIMIT >> 10} kB"),)
    checked = machine.run(("bash", "-n", str(path)), _TIMEOUT_S)
    if checked.status == 0 and not checked.stderr:  # a here-document without an end is only a warning
        return text, ()
    return "", (_problem(f"{PATH} is not what a shell can read", checked.stderr.strip()),)


def _problem(found: str, raw: str = "", cure: str = 'correct the file: NAME="value", one a line') -> Problem:
    why = "cvmfs reads it with a shell, and would go on with half of it"
    return Problem("cvmfs-default-local", found, why, cure, raw=raw)


def assigns(text: str, name: str) -> bool:
    """Whether a file gives a variable a value."""
    rows = (row for row in text.splitlines() if not row.lstrip().startswith("#"))
    return any(re.search(rf"(^|[\s;&|]){name}=", row) for row in rows)


def overrides(settings: Settings, local: str, quota_mb: int) -> dict[str, str]:
    """What stands below everything else, and so wins. `local`: the site's text; every value was validated."""
    found = {}
    if settings.cvmfs_proxy:
        found["CVMFS_HTTP_PROXY"] = settings.cvmfs_proxy
    elif not assigns(local, "CVMFS_HTTP_PROXY"):
        found["CVMFS_HTTP_PROXY"] = settings.squid or _DISCOVERED
    if settings.cvmfs_quota_mb or not assigns(local, "CVMFS_QUOTA_LIMIT"):
        found["CVMFS_QUOTA_LIMIT"] = str(quota_mb)
    if settings.cvmfs_debug:
        found["CVMFS_DEBUGLOG"] = DEBUG_LOG
    return found


def text(distribution: str, local: str, values: dict[str, str]) -> str:
    """The whole file."""
    ours = "".join(f'{name}="{value}"\n' for name, value in values.items())
    parts = (distribution, f"# {PATH}\n{local}" if local.strip() else "", f"# the variables of the pilot\n{ours}")
    return "\n".join(part.rstrip("\n") for part in parts if part) + "\n"
