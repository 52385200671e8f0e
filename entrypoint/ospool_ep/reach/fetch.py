"""Fetch through the site's proxy what a job would: one file of CVMFS's, one of the world's."""

import http.client
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from urllib.parse import urlsplit

from ospool_ep.concurrently import concurrently
from ospool_ep.reach import clock

TIMEOUT_S = 5.0
_DEFAULT_PORT = 80
_ENOUGH = 4096


@dataclass(frozen=True)
class Page:
    """An address, and how its answer begins (nothing: anyhow)."""

    url: str
    begins: bytes = b""


# Every proxy of a site that uses CVMFS must let the first through: a stratum 1 server of the OSG, the manifest of its
# oldest repository (C and a hash). The second is what the OSG's documentation has administrators test a squid with.
PAGES = (
    Page("http://cvmfs-s1bnl.opensciencegrid.org:8000/cvmfs/oasis.opensciencegrid.org/.cvmfspublished", b"C"),
    Page("http://frontier.cern.ch/"),
)


class Trouble(Enum):
    """Why there is no page."""

    NONE = ""
    UNREACHED = "no connection"
    SILENT = "no answer in time"
    DENIED = "403"
    LOGIN = "407"
    UPSTREAM = "502, 503, 504"
    NO_PROXY = "what answers is no proxy"
    OTHER = "another page than was asked for"


@dataclass(frozen=True)
class Fetched:
    """How a page was fetched; `ahead`: our clock beside that of who sent it, where it said the time."""

    page: Page
    trouble: Trouble = Trouble.NONE
    raw: str = ""
    ahead: clock.Difference | None = None


def look(proxy: str, pages: Sequence[Page] = PAGES, timeout_s: float = TIMEOUT_S) -> tuple[Fetched, ...]:
    """All at once. `proxy`: http://host[:port]."""
    answers = concurrently([partial(_fetch, proxy, page, timeout_s) for page in pages], timeout_s)
    return tuple(_fetched(page, answer, timeout_s) for page, answer in zip(pages, answers, strict=True))


def _fetch(proxy: str, page: Page, timeout_s: float) -> Fetched:
    connection = _connection(proxy, timeout_s)
    before = int(time.time())
    try:
        # Close: a proxy that keeps the connection would keep us waiting for the end of an answer without a length
        connection.request("GET", page.url, headers={"Connection": "close", "User-Agent": "ospool-selftest"})
        answer = connection.getresponse()
        text = answer.read(_ENOUGH)
    finally:
        connection.close()
    said = answer.getheader("X-Squid-Error") or answer.getheader("Via") or answer.getheader("Server") or ""
    raw = f"{page.url}: HTTP status {answer.status} {answer.reason}" + (f" ({said})" if said else "")
    trouble = judge(answer.status, dict(answer.getheaders()), text, page)
    return Fetched(page, trouble, raw, _ahead(answer, before))


def _connection(proxy: str, timeout_s: float) -> http.client.HTTPConnection:
    url = urlsplit(proxy)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname or "", url.port or _DEFAULT_PORT, timeout=timeout_s)


def _ahead(answer: http.client.HTTPResponse, before: int) -> clock.Difference | None:
    theirs = clock.of_page(answer.getheader("Date") or "", answer.getheader("Age") or "")
    return None if theirs is None else clock.difference("what the proxy fetches", theirs, before, int(time.time()))


def judge(status: int, headers: Mapping[str, str], text: bytes, page: Page) -> Trouble:
    """What an answer means. A web server that is no proxy knows nothing of addresses with a host in them."""
    named = {403: Trouble.DENIED, 407: Trouble.LOGIN} | dict.fromkeys((502, 503, 504), Trouble.UPSTREAM)
    if status in named:
        return named[status]
    proxied = {"via", "x-cache", "x-squid-error", "proxy-connection"} & {name.lower() for name in headers}
    if status >= 400:
        return Trouble.NONE if proxied and status in (404, 410) else Trouble.OTHER if proxied else Trouble.NO_PROXY
    as_asked = status < 300 and text.startswith(page.begins)
    return Trouble.NONE if as_asked or not page.begins else Trouble.OTHER


def _fetched(page: Page, answer: Fetched | BaseException, timeout_s: float) -> Fetched:
    if isinstance(answer, Fetched):
        return answer
    if isinstance(answer, TimeoutError):
        return Fetched(page, Trouble.SILENT, f"{page.url}: no answer within {timeout_s:g} s")
    # A connection that was made and broken off: a server of something else does not like what we say
    if isinstance(answer, http.client.HTTPException | ConnectionResetError | BrokenPipeError):
        return Fetched(page, Trouble.NO_PROXY, f"{page.url}: {type(answer).__name__}: {str(answer)[:80]}")
    if isinstance(answer, OSError):
        return Fetched(page, Trouble.UNREACHED, f"{page.url}: {answer.strerror or answer}")
    raise answer
