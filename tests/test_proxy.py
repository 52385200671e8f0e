import socket

import pytest

from fakes import ids, said
from ospool_ep import proxy, values


def test_no_proxy_no_question():
    assert proxy.failure("") == ""
    assert proxy.judge("", "") == ()


def test_one_that_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert proxy.failure(address) == ""
        assert proxy.judge(address, "") == ()


def test_one_that_does_not_is_a_warning_with_its_address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    error = proxy.failure(address)
    assert error == "Connection refused"
    problems = proxy.judge(address, error)
    assert ids(problems) == ["proxy"]
    assert problems[0].warning
    assert f"OSG_SQUID_LOCATION={address}: Connection refused" in said(problems)
    assert "start the squid" in problems[0].cure


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        ("no answer", "allow TCP from this machine to the proxy"),
        ("timed out", "allow TCP from this machine to the proxy"),
        ("Name or service not known", "correct the host"),
        ("Temporary failure in name resolution", "correct the host"),
        ("No route to host", "or leave it out"),
    ],
)
def test_the_cure_goes_by_the_cause(error, cure):
    assert cure in proxy.judge("http://squid:3128", error)[0].cure


def test_a_name_that_does_not_exist():
    assert proxy.failure("http://no-such-host.invalid:3128")


@pytest.mark.parametrize("text", ["host", "host:3128", "http://host:3128/", "10.0.0.1:1", "[::1]:3128", "host:65535"])
def test_whatever_the_setting_lets_through_is_no_crash(text):
    assert isinstance(proxy.failure(values.proxy(text).replace("host", "127.0.0.1")), str)


@pytest.mark.parametrize("text", ["host:65536", "host:99999", "host:", "host:0"])
def test_a_port_that_does_not_exist_is_refused_or_no_crash(text):
    try:
        address = values.proxy(text)
    except ValueError:
        return
    assert isinstance(proxy.failure(address.replace("host", "127.0.0.1")), str)
