"""What a JSON Web Token says about itself (RFC 7519); signatures are the pool's business."""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from typing import Any

# A token that was put where it will be shown: base64url of '{"', a dot, more of the same.
_WHOLE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{20,}")
_LOOKS = re.compile(r"eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}")


@dataclass(frozen=True)
class Token:
    """One decoded token. Times are seconds since 1970; `expires` is None when it never does."""

    source: str
    issuer: str
    subject: str
    starts: int
    expires: int | None
    text: str = field(repr=False)


def inside(text: str) -> bool:
    """Whether a text that is to be published has a token in it."""
    return bool(_LOOKS.search(text))


def decode(source: str, text: str) -> Token | None:
    """A token, or None when the text is not a JWT with the claims that HTCondor needs (iss, sub)."""
    if not _WHOLE.fullmatch(text):
        return None
    try:
        header, payload, _ = text.split(".")
        if not isinstance(_object(header).get("alg"), str):
            return None
        return _token(source, text, _object(payload))
    except (ValueError, binascii.Error, RecursionError, OverflowError):  # the last: "exp": 1e999
        return None


def _object(part: str) -> dict[str, Any]:
    value = json.loads(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _token(source: str, text: str, claims: dict[str, Any]) -> Token:
    issuer, subject = claims.get("iss"), claims.get("sub")
    if not isinstance(issuer, str) or not isinstance(subject, str):
        raise ValueError("no iss or sub")
    times = {name: _seconds(claims.get(name)) for name in ("exp", "nbf", "iat")}
    starts = max(times["nbf"] or 0, times["iat"] or 0)
    return Token(source, issuer, subject, starts, times["exp"], text)


def _seconds(claim: Any) -> int | None:
    if claim is None:
        return None
    if isinstance(claim, bool) or not isinstance(claim, int | float):
        raise ValueError("a time that is no number")
    return int(claim)
