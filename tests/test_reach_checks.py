"""All checks of the network together, as the selftest gets them through preflight."""

import threading
import time

import pytest

import ping_captured as captured
from fakes import GOOD as ENVIRON
from fakes import changed, ids, image_root, jwt, machine, put, said
from ospool_ep import preflight
from ospool_ep.machine import Result
from ospool_ep.problem import exit_code
from ospool_ep.reach import checks as reach
from ospool_ep.reach import clock
from ospool_ep.tokens import Credentials
from reach_fakes import GOOD, closed, known, listening
from servers import answering

NAMES = ["dns", "pool", "admission", "clock", "downloads"]


def told(offset_s=0):
    """The pool's answer, with its clock so many seconds ahead of ours."""
    now = str(int(time.time()) + offset_s)
    return Result(0, captured.ACCEPTED.stdout, captured.ACCEPTED.stderr.replace(str(captured.CLOCK), now))


def lines(root, what, ping=None, *, made=True, **how):
    """Name to line."""
    here = machine(image_root(root) if made else root, answers=changed(("condor_ping", ping or told())))
    found = [check.look().line for check in reach.checks(here, what, **how)]
    assert [line.name for line in found] == NAMES
    return {line.name: line for line in found}


def test_all_is_well(tmp_path):
    with listening() as port:
        found = lines(tmp_path, known([f"localhost:{port}"]))
    assert [line.mark for line in found.values()] == ["ok"] * 4 + ["n/a"]
    assert found["dns"].text == "1 of 1 hosts of the pool have an address"
    assert found["pool"].text.startswith(f"1 of 1 collectors (localhost:{port})")
    assert found["admission"].text == "as pilot@pool.test"
    assert found["clock"].text == "that of the pool"
    assert found["downloads"].absent == "OSG_SQUID_LOCATION is not set"


def test_addresses_need_no_names(tmp_path):
    with listening() as port:
        found = lines(tmp_path, known([f"127.0.0.1:{port}"]))
    assert found["dns"].absent == "the pool is given by addresses"
    assert found["admission"].text


def test_nobody_listens(tmp_path):
    found = lines(tmp_path, known([f"127.0.0.1:{closed()}"]))
    assert ids(found["pool"].problems) == ["pool-refused"]
    assert found["pool"].text == "0 of 1 collectors, 0 of 1 CCB servers answer"
    assert found["admission"].absent == "no collector can be reached"
    assert found["clock"].absent == "neither the pool nor a proxy says what time it is"


def test_a_name_that_is_none(tmp_path):
    found = lines(tmp_path, known(["a..b"]))
    assert ids(found["dns"].problems) == ["pool-unknown-host"]
    assert found["pool"].absent == "none of its hosts has an address"
    assert found["admission"].absent == "none of its hosts has an address"


@pytest.mark.parametrize("result", [captured.KEY, captured.SSH])
def test_not_let_in(tmp_path, result):
    with listening() as port:
        found = lines(tmp_path, known([f"127.0.0.1:{port}"]), result)
    assert found["pool"].mark == "ok"
    assert found["admission"].mark == "REFUSED"
    assert found["clock"].absent


def test_without_a_token_nobody_is_asked(tmp_path):
    with listening() as port:
        found = lines(tmp_path, known([f"127.0.0.1:{port}"], credentials=Credentials()), captured.KEY)
    assert found["admission"].absent == "there is no token that can be used"
    assert found["admission"].problems == ()


def test_no_place_for_the_token(tmp_path):
    with listening() as port:
        found = lines(tmp_path, known([f"127.0.0.1:{port}"]), captured.KEY, made=False)
    assert found["admission"].absent.startswith("there is no place for the token: No such file")


def test_no_network_is_told_elsewhere(tmp_path):
    (tmp_path / "sys/class/net/lo").mkdir(parents=True)
    found = lines(tmp_path, known(["cm.example.org"], squid="http://squid:3128"))
    assert {line.absent for line in found.values()} == {
        "there is no network", "neither the pool nor a proxy says what time it is"
    }  # fmt: skip
    assert [line.problems for line in found.values()] == [()] * 5


def test_a_token_whose_check_hangs_keeps_nobody_waiting(tmp_path):
    go = threading.Event()
    with listening() as port:
        what = known([f"127.0.0.1:{port}"])
        hanging = type(what)(what.settings, what.pool, lambda: (go.wait(60), GOOD)[1], what.proxy_works)
        found = lines(tmp_path, hanging, total_s=0.3)
        go.set()
    assert found["admission"].absent == "there was no time left for it"


def test_a_proxy_that_nobody_listens_at_is_told_elsewhere(tmp_path):
    found = lines(tmp_path, known(["a..b"], proxy_works=False, squid="http://squid:3128"))
    assert found["downloads"].absent == "nobody listens at OSG_SQUID_LOCATION"


def test_a_proxy_that_denies(tmp_path):
    with answering(lambda *_: (403, {}, b"")) as address:
        found = lines(tmp_path, known(["a..b"], squid=f"http://{address}"))
    assert ids(found["downloads"].problems) == ["proxy-denied"]
    assert found["downloads"].text == f"0 of 2 pages through http://{address}"


@pytest.mark.parametrize("offset_s", [-7200, 7200])
def test_a_clock_that_is_wrong(tmp_path, offset_s):
    with listening() as port:
        found = lines(tmp_path, known([f"127.0.0.1:{port}"]), told(offset_s))
    assert ids(found["clock"].problems) == ["clock"]
    assert found["clock"].mark == "warning"
    assert ("ahead of" if offset_s < 0 else "behind") in found["clock"].text
    assert "that of the pool" in found["clock"].problems[0].found
    assert "timedatectl" in found["clock"].problems[0].cure


def test_the_clock_of_a_page_serves_where_the_pool_says_nothing(tmp_path):
    dated = {"Date": "Wed, 18 Nov 2020 10:00:00 GMT", "Via": "1.1 squid"}
    with answering(lambda *_: (200, dated, b"C")) as address:
        found = lines(tmp_path, known(["a..b"], squid=f"http://{address}"))
    assert "ahead of that of what the proxy fetches" in found["clock"].text
    assert ids(found["clock"].problems) == ["clock"]


@pytest.mark.parametrize(
    ("theirs", "before", "after", "ahead_s"),
    [
        (100, 100, 100, 0),
        (100, 99, 101, 0),
        (100, 101, 101, 0),
        (100, 99, 99, 0),
        (100, 200, 205, 99),
        (300, 200, 205, -94),
    ],
)
def test_a_difference(theirs, before, after, ahead_s):
    """Whole seconds: one more or less is none."""
    assert clock.difference("x", theirs, before, after).ahead_s == ahead_s


@pytest.mark.parametrize(("ahead_s", "problems"), [(0, 0), (60, 0), (-60, 0), (61, 1), (-61, 1)])
def test_a_minute_is_tolerated(ahead_s, problems):
    assert len(clock.judge((clock.Difference("x", ahead_s), clock.Difference("y", 9999)))) == problems


def plan(root, environ, answer=None, **how):
    here = machine(root, answers=changed(("condor_ping", answer or told())))
    return preflight.preflight(here, environ, "0123abcd", also=lambda what: reach.checks(here, what), **how)


def test_through_preflight_the_lines_come_last_and_the_first_failure_counts(tmp_path):
    root = image_root(tmp_path)
    with listening() as port:
        environ = ENVIRON | {"CONDOR_HOST": f"127.0.0.1:{port}"}
        good, refused = plan(root, environ), plan(root, environ, captured.KEY)
    assert [line.name for line in good.lines][-5:] == NAMES
    assert good.problems == ()
    assert ids(refused.problems) == ["token-unknown-key"]
    assert int(exit_code(refused.problems)) == 77


def test_the_boot_asks_nobody(tmp_path):
    found = preflight.preflight(machine(image_root(tmp_path)), ENVIRON | {"CONDOR_HOST": "127.0.0.1:1"}, "0123abcd")
    assert not {line.name for line in found.lines} & set(NAMES)


@pytest.mark.parametrize("answer", [captured.KEY, captured.EXPIRED, captured.MISSING])
def test_no_byte_of_the_token(tmp_path, answer):
    root = image_root(tmp_path)
    signature = "A-signature-that-nobody-may-see-0123456789"
    put(root, "/etc/condor/tokens-orig.d/flock", jwt(signature=signature))
    with listening() as port:
        found = plan(root, ENVIRON | {"CONDOR_HOST": f"127.0.0.1:{port}"}, answer)
    text = said(found.problems) + repr(found.lines)
    assert not [start for start in range(len(signature) - 7) if signature[start : start + 8] in text]
