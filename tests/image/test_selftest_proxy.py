"""`ospool-selftest` and real squids in front of a small web server: what they fetch, or why they do not."""

import asked
import pytest
import squid

ALL = "http_access allow all\n"


@pytest.fixture(scope="module")
def squids(box, pool):
    """One that fetches, one whose rules allow nobody, one that reaches nothing."""
    squid.build(box.engine)
    cut_off = [word for name in squid.WORLD for word in ("--add-host", f"{name}:127.0.0.1")]
    with (
        squid.world(box, pool.name),
        squid.squid(box, pool.name, "squid", ALL) as good,
        squid.squid(box, pool.name, "strict", "") as strict,
        squid.squid(box, pool.name, "alone", ALL, *cut_off) as alone,
    ):
        yield {"good": good, "strict": strict, "alone": alone}


@pytest.fixture
def through(box, pool, token_file):
    """What the selftest says of a proxy."""

    def run(proxy):
        return asked.selftest(box, pool, token_file, {"OSG_SQUID_LOCATION": proxy} if proxy else {})

    return run


def fetches(said, proxy):
    return said.checks["downloads"]["found"] == f"2 of 2 pages through {proxy}" and not said.ids("proxy", "downloads")


def test_one_that_fetches(squids, through):
    said = through(f"http://{squids['good']}:3128")
    assert said.code == 0
    assert fetches(said, f"http://{squids['good']}:3128")


def test_nobody_there(squids, through):
    """The boot's own check tells it; nothing is told twice."""
    said = through("http://no-such-host.invalid:3128")
    assert (said.code, said.ids("proxy", "downloads")) == (0, ["proxy"])
    assert said.status("downloads") == "not applicable"
    assert "correct the host in OSG_SQUID_LOCATION" in said.problem("proxy")["cure"]
    assert "or leave it out" in said.problem("proxy")["cure"]
    assert through("").ids("proxy", "downloads") == []


def test_the_wrong_port(squids, through):
    said = through(f"http://{squids['good']}:3129")
    assert said.ids("proxy", "downloads") == ["proxy"]
    assert "correct the port" in said.problem("proxy")["cure"]
    assert fetches(through(f"http://{squids['good']}:3128"), f"http://{squids['good']}:3128")


def test_one_that_allows_nobody_until_its_administrator_does(box, pool, squids, through):
    proxy = f"http://{squids['strict']}:3128"
    said = through(proxy)
    assert (said.code, said.ids("proxy", "downloads")) == (0, ["proxy-denied"])
    problem = said.problem("proxy-denied")
    assert problem["severity"] == "warning"
    assert "ERR_ACCESS_DENIED" in problem["error"]
    network = pool.exec("hostname", "-i").stdout.split()[0].rpartition(".")[0] + ".0"
    rules = [
        row.replace("NETWORK", network) for row in problem["cure"].splitlines() if row.startswith(("acl ", "http_"))
    ]
    squid.allow(box, squids["strict"], "\n".join(rules) + "\n")
    assert fetches(through(proxy), proxy)


def test_one_that_does_not_reach_the_outside_until_it_does(box, squids, through):
    proxy = f"http://{squids['alone']}:3128"
    said = through(proxy)
    assert said.ids("proxy", "downloads") == ["proxy-upstream"]
    assert "ERR_CONNECT_FAIL" in said.problem("proxy-upstream")["error"]
    assert "curl -sI http://cvmfs-s1bnl" in said.problem("proxy-upstream")["cure"]
    forget = "grep -v opensciencegrid /etc/hosts | grep -v cern.ch > /tmp/hosts; cat /tmp/hosts > /etc/hosts"
    box.engine.run("exec", squids["alone"], "sh", "-c", forget)
    squid.allow(box, squids["alone"], "")
    assert fetches(through(proxy), proxy)


def test_a_web_server_that_is_no_proxy(pool, squids, through):
    assert through(f"http://{pool.name}-world:8000").ids("proxy", "downloads") == ["proxy-not-one"]


def test_a_collector_that_is_no_proxy(pool, through):
    """It closes a connection that brings HTTP, or waits for more."""
    (id,) = through(f"http://{pool.host}:9618").ids("proxy", "downloads")
    assert id in ("proxy-not-one", "proxy-silent")
