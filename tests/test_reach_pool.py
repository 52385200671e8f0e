"""Names, ports and firewalls between the pilot and its pool."""

import socket
import threading

import pytest

from fakes import ids, said
from ospool_ep.problem import Exit
from ospool_ep.reach import addresses, connect, pool_problems, resolve
from ospool_ep.reach.addresses import CCB, COLLECTOR, Server
from ospool_ep.reach.connect import Reached
from ospool_ep.reach.resolve import Name
from reach_fakes import closed, full, listening, pool

BOTH = (COLLECTOR, CCB)


@pytest.mark.parametrize(
    ("name", "host", "port", "literal"),
    [
        ("cm.example.org", "cm.example.org", 9618, False),
        ("cm.example.org:9620", "cm.example.org", 9620, False),
        ("cm.example.org?sock=collector3", "cm.example.org", 9618, False),
        ("cm.example.org:9618?sock=collector9623", "cm.example.org", 9618, False),
        ("192.0.2.7:1", "192.0.2.7", 1, True),
        ("[2001:db8::1]:9620", "2001:db8::1", 9620, True),
        ("[2001:db8::1]", "2001:db8::1", 9618, True),
    ],
)
def test_htcondors_names(name, host, port, literal):
    (server,) = addresses.servers(pool([name]))
    assert (server.host, server.port, server.literal, server.name) == (host, port, literal, name)
    assert server.roles == BOTH


def test_an_address_is_written_so_that_it_can_be_pasted():
    assert [str(one) for one in addresses.servers(pool(["[::1]:7", "cm:8"]))] == ["[::1]:7", "cm:8"]


def test_a_place_that_serves_as_both_is_asked_once():
    found = addresses.servers(pool(["a?sock=c1", "b?sock=c1"], ["b:9618", "b:9700"]))
    assert [(str(one), one.roles) for one in found] == [
        ("a:9618", (COLLECTOR,)), ("b:9618", BOTH), ("b:9700", (CCB,)),
    ]  # fmt: skip


def test_real_names_are_resolved():
    (name,) = resolve.look(("localhost",), 5)
    assert {"127.0.0.1", "::1"} & set(name.addresses)
    assert not name.trouble


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), resolve.UNKNOWN),
        (socket.gaierror(socket.EAI_NODATA, "No address associated with hostname"), resolve.UNKNOWN),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"), resolve.SILENT),
        (socket.gaierror(socket.EAI_FAIL, "Non-recoverable failure in name resolution"), resolve.SILENT),
        (UnicodeError("label empty or too long"), resolve.UNKNOWN),
    ],
)
def test_what_a_name_server_says(error, trouble):
    def ask(host):
        raise error

    (name,) = resolve.look(("cm",), 5, ask)
    assert (name.trouble, name.addresses) == (trouble, ())
    assert name.raw


def test_a_name_that_hangs_keeps_no_other_one_waiting():
    go = threading.Event()

    def ask(host):
        return (go.wait(60) and "") or ("192.0.2.1",) if host == "slow" else ("192.0.2.2",)

    slow, quick = resolve.look(("slow", "quick"), 0.2, ask)
    go.set()
    assert (slow.trouble, slow.raw) == (resolve.SILENT, "no answer within 0.2 s")
    assert quick.addresses == ("192.0.2.2",)


def test_a_label_that_no_name_can_have_is_no_crash():
    assert resolve.look(("a..b",), 5)[0].trouble


def reach(*ports, **names):
    """Every port of this machine as a collector."""
    servers = tuple(Server("here", port, BOTH, f"here:{port}") for port in ports)
    return connect.look(servers, (Name("here", **{"addresses": ("127.0.0.1",), **names}),), 0.4)


def test_listening_refusing_silent_at_once():
    with listening() as good, full() as silent:
        found = reach(good, closed(), silent)
    assert [one.trouble for one in found] == ["", connect.REFUSED, connect.SILENT]
    assert found[1].raw == "127.0.0.1: Connection refused"


def test_one_address_that_works_is_enough():
    with listening() as port:
        (found,) = reach(port, addresses=("127.0.0.9", "::1", "127.0.0.1"))
    assert found == Reached(found.server)


def test_an_address_that_no_way_leads_to():
    (found,) = reach(1, addresses=("255.255.255.255",))
    assert found.trouble == connect.NO_ROUTE
    assert "255.255.255.255: " in found.raw


def test_a_host_without_an_address_is_not_tried():
    (found,) = reach(1, addresses=())
    assert found.trouble == connect.UNNAMED
    assert pool_problems.of_servers((found,)) == ()


A, B = Server("a", 9618, (COLLECTOR,), "a"), Server("b", 9618, (COLLECTOR,), "b")
C = Server("c", 9620, (CCB,), "c:9620")


def test_no_name_server_for_anything():
    problems = pool_problems.of_names(
        (A, C), (Name("a", trouble="silent", raw="x"), Name("c", trouble="silent", raw="x"))
    )
    assert ids(problems) == ["pool-dns"]
    assert problems[0].exit_code == Exit.UNFIT
    assert "docker or podman: --dns ADDRESS" in problems[0].cure
    assert "no name server answers for a, c" in said(problems)
    assert problems[0].raw == "x"


@pytest.mark.parametrize(
    ("bad", "fatal", "why"),
    [
        ({A}, False, "another one serves"),
        ({A, B}, True, "be seen by nobody"),
        ({C}, True, "CCB server"),
        ({A, C}, True, "CCB server"),
    ],
)
def test_half_of_the_collectors_is_a_warning_and_all_of_them_a_failure(bad, fatal, why):
    names = tuple(
        Name(one.host, trouble=resolve.UNKNOWN) if one in bad else Name(one.host, ("192.0.2.1",)) for one in (A, B, C)
    )
    reached = tuple(Reached(one, connect.REFUSED if one in bad else "") for one in (A, B, C))
    for problems in (pool_problems.of_names((A, B, C), names), pool_problems.of_servers(reached)):
        assert [problem.warning for problem in problems] == [not fatal]
        assert problems[0].exit_code == (Exit.UNFIT if fatal else Exit.OK)
        assert why in problems[0].why


def test_nobody_is_left_where_one_has_no_name_and_the_other_is_silent():
    problems = pool_problems.of_servers((Reached(A, connect.UNNAMED), Reached(B, connect.SILENT), Reached(C)))
    assert ids(problems) == ["pool-silent"]
    assert not problems[0].warning


def test_every_cause_has_its_own_cure():
    problems = pool_problems.of_servers(
        (Reached(A, connect.REFUSED), Reached(B, connect.SILENT), Reached(C, connect.NO_ROUTE))
    )
    assert ids(problems) == ["pool-refused", "pool-silent", "pool-no-route"]
    refused, silent, no_route = problems
    assert "nobody listens at a:9618 (collector)" in refused.found
    assert "correct POOL or CONDOR_HOST" in refused.cure
    assert silent.cure == "allow outbound TCP from this machine to b port 9618"
    assert "c:9620 (CCB server)" in no_route.found
    assert "c port 9620" in no_route.cure


def test_all_is_well():
    assert pool_problems.of_servers((Reached(A), Reached(C))) == ()
    assert pool_problems.of_names((A, C), (Name("a", ("192.0.2.1",)), Name("c", ("192.0.2.1",)))) == ()
