"""What a proxy fetches: real ones on the loopback interface, good and bad."""

import pytest

from fakes import ids, said
from ospool_ep.reach import fetch, proxy_problems
from ospool_ep.reach.fetch import PAGES, Fetched, Page, Trouble, judge
from reach_fakes import closed, full
from servers import answering, saying

CVMFS, WORLD = PAGES
MANIFEST = b"C4fd0b5d8f0e1c6e5d7d9a0d0f3f4f1e2a1b2c3d4\nB1\n"


def look(address, pages=PAGES, timeout_s=5):
    return fetch.look(f"http://{address}", pages, timeout_s)


def troubles(fetched):
    return [one.trouble for one in fetched]


def test_a_proxy_is_asked_for_the_whole_address():
    def proxy(path, headers):
        seen.append((path, headers["Host"]))
        return 200, {"Via": "1.1 squid"}, MANIFEST

    seen = []
    with answering(proxy) as address:
        fetched = look(address)
    assert troubles(fetched) == [Trouble.NONE, Trouble.NONE]
    assert sorted(seen) == sorted((page.url, page.url.split("/")[2]) for page in PAGES)
    assert proxy_problems.judge("http://squid:3128", fetched) == ()
    assert proxy_problems.summary("http://squid:3128", fetched) == "2 of 2 pages through http://squid:3128"


@pytest.mark.parametrize(
    ("status", "headers", "id", "words"),
    [
        (403, {"X-Squid-Error": "ERR_ACCESS_DENIED 0"}, "proxy-denied", "ERR_ACCESS_DENIED 0"),
        (407, {}, "proxy-login", "(407)"),
        (502, {}, "proxy-upstream", "does not reach the outside"),
        (503, {"X-Squid-Error": "ERR_DNS_FAIL 0"}, "proxy-upstream", "ERR_DNS_FAIL 0"),
        (504, {}, "proxy-upstream", "does not reach the outside"),
        (400, {}, "proxy-not-one", "is no HTTP proxy"),
        (404, {}, "proxy-not-one", "is no HTTP proxy"),
        (501, {}, "proxy-not-one", "is no HTTP proxy"),
        (500, {"Via": "1.1 squid"}, "proxy-other-page", "HTTP status 500"),
    ],
)
def test_every_answer_has_its_cause(status, headers, id, words):
    with answering(lambda *_: (status, headers, b"")) as address:
        problems = proxy_problems.judge(f"http://{address}", look(address))
    assert ids(problems) == [id]
    assert problems[0].warning
    assert words in said(problems)
    assert "all the same" in problems[0].why


def test_a_page_that_is_gone_outside_was_fetched():
    with answering(lambda *_: (404, {"Via": "1.1 squid"}, b"")) as address:
        assert troubles(look(address)) == [Trouble.NONE, Trouble.NONE]


def test_a_login_page_instead_of_the_manifest():
    with answering(lambda *_: (200, {}, b"<html>Please sign in")) as address:
        problems = proxy_problems.judge(f"http://{address}", look(address))
    assert ids(problems) == ["proxy-other-page"]
    assert CVMFS.url in problems[0].found
    assert "what they fetch from such places fails" in problems[0].why


def test_one_of_two_works():
    def proxy(path, _):
        return (200, {}, MANIFEST) if path == CVMFS.url else (403, {}, b"")

    with answering(proxy) as address:
        fetched = look(address)
        problems = proxy_problems.judge(f"http://{address}", fetched)
    assert ids(problems) == ["proxy-denied"]
    assert WORLD.url in problems[0].found
    assert CVMFS.url not in problems[0].found
    assert proxy_problems.summary("p", fetched) == "1 of 2 pages through p"


@pytest.mark.parametrize(
    "text", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\0" * 99 + b"\n", b"HTTP/1.1 what\r\n\r\n", b"x" * (1 << 17)]
)
def test_no_http(text):
    with saying(text) as address:
        fetched = look(address, timeout_s=2)
    assert troubles(fetched) == [Trouble.NO_PROXY, Trouble.NO_PROXY]


def test_silence():
    with saying(b"") as address:
        fetched = look(address, timeout_s=0.3)
    assert troubles(fetched) == [Trouble.SILENT, Trouble.SILENT]
    assert "no answer within 0.3 s" in said(proxy_problems.judge("http://p", fetched))


def test_half_an_answer_that_never_ends():
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nC") as address:
        assert troubles(look(address, timeout_s=0.3)) == [Trouble.SILENT, Trouble.SILENT]


def test_a_port_that_closed_and_one_that_drops_everything():
    assert troubles(look(f"127.0.0.1:{closed()}")) == [Trouble.UNREACHED, Trouble.UNREACHED]
    with full() as port:
        assert troubles(look(f"127.0.0.1:{port}", timeout_s=0.3)) == [Trouble.SILENT, Trouble.SILENT]


def test_the_clock_of_a_page_and_of_one_that_was_cached():
    dated = {"Date": "Wed, 18 Nov 2026 10:00:00 GMT"}

    def ahead(more):
        with answering(lambda *_: (200, dated | more, b"")) as address:
            return look(address, (WORLD,))[0].ahead.ahead_s

    assert ahead({}) - ahead({"Age": "3600"}) in (3599, 3600, 3601)


@pytest.mark.parametrize("date", ["", "yesterday", "Wed, 99 Nov 2026 10:00:00 GMT", "Wed, 18 Nov 999999 10:00:00 GMT"])
def test_a_date_that_is_none(date):
    with answering(lambda *_: (200, {"Date": date, "Age": "x"}, b"")) as address:
        assert look(address, (WORLD,)) == (Fetched(WORLD, raw=f"{WORLD.url}: HTTP status 200 OK (a server)"),)


def test_every_trouble_is_told():
    for trouble in set(Trouble) - {Trouble.NONE}:
        assert len(proxy_problems.judge("http://p", [Fetched(WORLD, trouble)])) == 1


def test_a_page_of_any_beginning():
    assert judge(302, {}, b"", Page("http://x/")) is Trouble.NONE
    assert judge(302, {}, b"", CVMFS) is Trouble.OTHER
