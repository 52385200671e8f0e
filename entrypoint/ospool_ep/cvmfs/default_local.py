"""The client's configuration: the distribution's, the site's, and what the variables say. A shell reads it."""

import re
import shlex

from ospool_ep.cvmfs import cache
from ospool_ep.cvmfs.needs import TREE
from ospool_ep.environment import without_password
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem, shorten, warning
from ospool_ep.settings import TABLE, Settings

PATH = f"{TREE}/default.local"
PROXY, QUOTA = "CVMFS_HTTP_PROXY", "CVMFS_QUOTA_LIMIT"
DEBUG_LOG = f"{cache.LOGS}/debug.log"
# Only the cache at its own place is locked, and looked at
_PLACES = ("CVMFS_CACHE_BASE", "CVMFS_CACHE_DIR")
_USYSLOG = "CVMFS_USYSLOG"
_PARSERS = {row.name: row.parse for row in TABLE if row.name in (PROXY, QUOTA)}
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


def assigned(text: str, name: str) -> tuple[str, ...]:
    """What a file gives a variable, each time that it does. Nothing is executed: a `$` stays one."""
    rows = (row for row in text.splitlines() if not row.lstrip().startswith("#"))
    found = (re.finditer(rf"(^|[\s;&|]){name}=(?P<rest>.*)", row) for row in rows)
    return tuple(_word(match["rest"]) for matches in found for match in matches)


def _word(rest: str) -> str:
    """The first word of what follows a `=`, as a shell sees it; all of it where it does not end here."""
    if not rest or rest[0].isspace():
        return ""
    words = shlex.shlex(rest, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    try:
        word = words.get_token() or ""
    except ValueError:
        return rest
    return "" if word[:1] in ";&|" and rest[0] in ";&|" else word


def judge(local: str, settings: Settings) -> tuple[Problem, ...]:
    """What a site may not set there, or not so. `local`: its text. What the variables overrule does not matter."""
    overruled = {PROXY: settings.cvmfs_proxy, QUOTA: settings.cvmfs_quota_mb}
    said = [(name, value) for name in _PARSERS if not overruled[name] for value in assigned(local, name)]
    wrong = (_wrong(name, value) for name, value in said)
    return (*filter(None, wrong), *_elsewhere(local), *_unseen(local))


def _wrong(name: str, value: str) -> Problem | None:
    try:
        _PARSERS[name](value)
    except ValueError as error:
        found = without_password(f"{PATH}: {name}={shorten(value)!r} {error}")
        return _problem(found, cure=f"correct the file, or docker run -e {name}=... (which wins over it)")
    return None


def _elsewhere(local: str) -> tuple[Problem, ...]:
    for name in _PLACES:
        for value in assigned(local, name):
            if value.rstrip("/") != cache.PATH:
                found = f"{PATH} moves the cache ({name}={shorten(value)!r})"
                cure = f"leave {name} out of the file, and mount that directory: docker run -v DIRECTORY:{cache.PATH}"
                why = f"the pilot keeps others out of {cache.PATH} only, and looks for room there"
                return (Problem("cvmfs-default-local", found, why, cure),)
    return ()


def _unseen(local: str) -> tuple[Problem, ...]:
    if not assigned(local, _USYSLOG):
        return ()
    why = f"the pilot looks in {cache.LOGS} for the reasons why CVMFS cannot be mounted"
    return (warning("cvmfs-syslog", f"{PATH} sets {_USYSLOG}", why, f"leave {_USYSLOG} out of the file"),)


def quota(local: str, settings: Settings) -> int | None:
    """The one that is wanted, in MB: the variable's, or else the site's (the largest, if it says several)."""
    said = (int(value) for value in assigned(local, QUOTA) if re.fullmatch("[0-9]{1,18}", value))
    return settings.cvmfs_quota_mb or max(said, default=None)


def overrides(settings: Settings, local: str, quota_mb: int, logs: bool = True) -> dict[str, str]:
    """What stands below everything else, and so wins. `local`: the site's text; every value was validated. `logs`:
    their directory can be written to.
    """
    found = {}
    if settings.cvmfs_proxy:
        found[PROXY] = settings.cvmfs_proxy
    elif not assigned(local, PROXY):
        found[PROXY] = settings.squid or _DISCOVERED
    if settings.cvmfs_quota_mb or not assigned(local, QUOTA):
        found[QUOTA] = str(quota_mb)
    if settings.cvmfs_debug and logs:
        found["CVMFS_DEBUGLOG"] = DEBUG_LOG
    return found


def text(distribution: str, local: str, values: dict[str, str]) -> str:
    """The whole file."""
    ours = "".join(f'{name}="{value}"\n' for name, value in values.items())
    parts = (distribution, f"# {PATH}\n{local}" if local.strip() else "", f"# the variables of the pilot\n{ours}")
    return "\n".join(part.rstrip("\n") for part in parts if part) + "\n"
