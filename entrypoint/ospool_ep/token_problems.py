"""The sentences for everything that can be wrong with a token. No byte of a secret comes in here."""

import time

from ospool_ep.jwt import Token
from ospool_ep.problem import Exit, Problem, warning

_MOUNT = "docker run -v /path/to/token:/etc/condor/tokens-orig.d/flock.opensciencegrid.org"
_NEW = "get a new token for this resource from the OSPool Token Registry, and mount it with\n" + _MOUNT
_LOCKED_OUT = "without a usable token the pool lets no pilot in"


def none_there(directory: str) -> Problem:
    """Neither a file nor the variable."""
    found = f"no token: {directory} is empty and TOKEN is not set"
    return Problem("token-missing", found, _LOCKED_OUT, _MOUNT, Exit.PERMISSION)


def directory(path: str) -> Problem:
    """Docker makes an empty directory where the host's path does not exist."""
    found = (
        f"{path} is a directory, not a file: most likely the path on the host, left of the colon in -v, does not exist"
    )
    cure = (
        "check the path on the host (ls -l /path/to/token), remove the empty directory that Docker made there, then\n"
    )
    return Problem("token-directory", found, _LOCKED_OUT, cure + _MOUNT, Exit.PERMISSION)


def dangling(path: str) -> Problem:
    """A link to nowhere: the target was not mounted along."""
    found = f"{path} is a link to something that is not in the container"
    return Problem(
        "token-dangling", found, _LOCKED_OUT, "mount the file that the link leads to:\n" + _MOUNT, Exit.PERMISSION
    )


def unreadable(path: str, uid: int, gid: int, error: OSError) -> Problem:
    """Permissions on the host do not fit the uid in the container."""
    cure = f"on the host: chown {uid}:{gid} /path/to/token && chmod 0400 /path/to/token"
    found = f"{path} cannot be read by uid {uid}, gid {gid}"
    return Problem("token-unreadable", found, _LOCKED_OUT, cure, Exit.PERMISSION, raw=str(error))


def empty(path: str) -> Problem:
    """A file without content."""
    return Problem("token-empty", f"{path} is empty", _LOCKED_OUT, _NEW, Exit.PERMISSION)


def only_comments(path: str) -> Problem:
    """Every line begins with #, which HTCondor skips."""
    return Problem("token-empty", f"{path} holds nothing but comments (#)", _LOCKED_OUT, _NEW, Exit.PERMISSION)


def not_a_token(source: str, text: str) -> Problem:
    """Something else than a JWT; say what it looks like without quoting it."""
    found = f"{source} is not a token (JSON Web Token): {_looks_like(text)}"
    return Problem("token-not-jwt", found, _LOCKED_OUT, _NEW, Exit.PERMISSION)


def _looks_like(text: str) -> str:
    if text.startswith("-----BEGIN"):
        return "it begins like a PEM certificate or key"
    if text.startswith("<"):
        return "it begins like an HTML or XML page"
    if text.startswith("{"):
        return "it begins like JSON"
    dots = text.count(".")
    if dots != 2:
        return f"a token has three parts separated by dots, this line has {dots + 1}"
    return "its parts do not decode, or issuer and subject are missing (was it cut or re-encoded while copying?)"


def expired(token: Token, now: int, spare: bool) -> Problem:
    """The end of its life has passed; a warning where another token serves."""
    ago = duration(now - (token.expires or 0))
    found = f"{token.source}: the token of {token.subject} expired {ago} ago ({clock(token.expires or 0)})"
    why = f"the pool refuses it; this machine's clock says {clock(now)}"
    return _timely("token-expired", found, why, _NEW, spare)


def early(token: Token, now: int, spare: bool) -> Problem:
    """Issued in the future: nearly always the clock of this machine."""
    found = f"{token.source}: the token of {token.subject} is not valid before {clock(token.starts)}"
    behind = duration(token.starts - now)
    why = f"the pool refuses it; this machine's clock says {clock(now)}, {behind} earlier"
    return _timely("token-not-yet-valid", found, why, "set the host's clock (timedatectl; chronyc makestep)", spare)


def _timely(id: str, found: str, why: str, cure: str, spare: bool) -> Problem:
    if spare:
        return warning(id, found, "it is not used: another token is valid", cure)
    return Problem(id, found, why, cure, Exit.PERMISSION)


def foreign(token: Token, issuer: str) -> Problem:
    """A token for somebody else's pool."""
    found = f"{token.source}: issued by {token.issuer}, but the pool trusts {issuer}"
    return warning(
        "token-issuer", found, "the pool will most likely refuse it", "choose the pool with POOL, or mount its token"
    )


def duration(seconds: int) -> str:
    """The two largest units: `41 days 3 h`, `2 h 5 min`, `40 s`."""
    units = (("days", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {name if count != 1 or name != 'days' else 'day'}")
    return " ".join(parts[:2]) or "0 s"


def clock(seconds: int) -> str:
    """UTC, or the bare number where the calendar ends."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s after 1970"
