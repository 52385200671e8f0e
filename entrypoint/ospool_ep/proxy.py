"""Does the site's HTTP proxy answer? Jobs are told of one that does."""

import re
import socket
from urllib.parse import urlsplit

from ospool_ep.concurrently import concurrently
from ospool_ep.problem import Problem, warning

# It is near the site; one that does not answer by then is no help.
_PATIENCE_S = 2.0
_DEFAULT_PORT = 80
_CURE = "correct OSG_SQUID_LOCATION (http://host:3128), start the proxy, or leave it out"
# By the error: nobody at the port, nobody at all, no such name.
_CURES = (
    ("refused", "start the squid, or correct the port in OSG_SQUID_LOCATION (http://host:3128), or leave it out"),
    ("no answer|timed out", "allow TCP from this machine to the proxy, correct OSG_SQUID_LOCATION, or leave it out"),
    ("not known|resolution|No address", "correct the host in OSG_SQUID_LOCATION (http://host:3128), or leave it out"),
)


def failure(address: str) -> str:
    """Why nobody listens at `http://host[:port]`; empty where somebody does, or where no proxy is set."""
    if not address:
        return ""
    url = urlsplit(address)
    place = (url.hostname or "", url.port or _DEFAULT_PORT)
    # Resolving a name obeys no time-out, connecting does.
    (answer,) = concurrently([lambda: socket.create_connection(place, _PATIENCE_S).close()], _PATIENCE_S)
    return "" if answer is None else getattr(answer, "strerror", None) or str(answer)


def judge(address: str, error: str) -> tuple[Problem, ...]:
    """A proxy that does not answer does not become the jobs' http_proxy."""
    if not error:
        return ()
    found = f"OSG_SQUID_LOCATION={address}: {error}"
    cure = next((cure for words, cure in _CURES if re.search(words, error)), _CURE)
    return (warning("proxy", found, "jobs get no http_proxy, and fetch everything from far away", cure),)
