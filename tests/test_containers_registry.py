"""Names of images, the mirror of Docker Hub, and servers that answer or do not."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ospool_ep.containers import reachable, registry
from ospool_ep.containers.registry import address, host_of, mirrored
from servers import saying, serving

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("", False)),
        ("mirror", ("mirror", False)),
        ("mirror.example.org:5000", ("mirror.example.org:5000", False)),
        ("https://mirror/docker-hub/", ("mirror/docker-hub", False)),
        ("http://10.0.0.1:5000", ("10.0.0.1:5000", True)),
        ("http://m/a/b", ("m/a/b", True)),
    ],
)
def test_the_mirrors_address(text, expected):
    assert address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "docker://m",
        "ftp://m",
        "m:port",
        "m:99999",
        "m:123456",
        "m//x",
        "m?x",
        "-m",
        "user@m",
        "m m",
        "http://",
        "m/a:1",
    ],
)
def test_what_is_no_address(text):
    with pytest.raises(ValueError, match="is not the address of a registry"):
        address(text)


# Measured: what Apptainer takes for Docker Hub.
@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("tiny", "library/tiny"),
        ("tiny:1", "library/tiny:1"),
        (f"tiny@{DIGEST}", f"library/tiny@{DIGEST}"),
        ("library/tiny:1", "library/tiny:1"),
        ("user/x:1", "user/x:1"),
        ("nosuch/a/b", "nosuch/a/b"),
        ("docker.io/x", "library/x"),
        ("docker.io/library/x", "library/x"),
        ("docker.io/user/x", "user/x"),
        ("index.docker.io/x", "library/x"),
        ("index.docker.io/user/x:2", "user/x:2"),
        ("registry-1.docker.io/library/x", "library/x"),
        ("registry.hub.docker.com/user/x", "user/x"),
    ],
)
@pytest.mark.parametrize("mirror", ["m:5000", "m.org/path"])
def test_every_spelling_of_docker_hub_goes_to_the_mirror(image, name, mirror):
    assert mirrored(f"docker://{image}", mirror) == f"docker://{mirror}/{name}"
    assert host_of(f"docker://{image}") == registry.DOCKER_HUB


@pytest.mark.parametrize(
    ("image", "host"),
    [
        ("quay.io/a/b", "quay.io"),
        ("hub.opensciencegrid.org/htc/rocky:9", "hub.opensciencegrid.org"),
        ("localhost/x", "localhost"),
        ("server:5000/x", "server:5000"),
    ],
)
def test_other_registries_are_asked_themselves(image, host):
    assert mirrored(f"docker://{image}", "m:5000") == f"docker://{image}"
    assert host_of(f"docker://{image}") == host


@pytest.mark.parametrize(
    "image", ["oras://x/y", "library://a", "/images/x.sif", "x.sif", "docker.io/x", "./docker://x"]
)
def test_what_is_no_docker_image_stays_as_it_is(image):
    assert mirrored(image, "m:5000") == image


@given(st.text())
def test_without_a_mirror_nothing_changes(text):
    assert mirrored(f"docker://{text}", "") == f"docker://{text}"


@given(st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5}){0,2}(:[0-9])?", fullmatch=True))
def test_what_went_to_the_mirror_stays_there(image):
    once = mirrored(f"docker://{image}", "m:5000")
    assert once.startswith("docker://m:5000/")
    assert mirrored(once, "m:5000") == once


@pytest.mark.parametrize("status", [200, 401, 404])
def test_any_answer_of_a_registry_will_do(status):
    with serving(status) as (host, seen):
        assert reachable.failure(host, plain_http=True) == ""
        assert reachable.failure(f"{host}/path/of/mirror", plain_http=True) == ""
    assert seen == ["/v2/", "/v2/"]


@pytest.mark.parametrize("status", [500, 503])
def test_one_that_is_out_of_order_is_none(status):
    with serving(status) as (host, _):
        assert reachable.failure(host, plain_http=True) == f"http://{host}/v2/ answers {status}"


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        host = f"127.0.0.1:{server.getsockname()[1]}"
    assert "does not answer: Connection refused" in reachable.failure(host, plain_http=True)
    assert "does not answer: Connection refused" in reachable.failure(host)


def test_a_name_that_does_not_exist():
    assert "does not answer" in reachable.failure("no-such-host.invalid")


@pytest.mark.parametrize("plain", [True, False])
def test_a_silent_server_is_not_waited_for(plain):
    with saying(b"") as host:
        assert "does not answer" in reachable.failure(host, plain_http=plain, patience_s=0.2)


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.9\r\n", b"\x15\x03\x01\x00\x02\x02\x0a", b"HTTP/1.1 x y\r\n\r\n"])
@pytest.mark.parametrize("plain", [True, False])
def test_a_server_of_another_kind_is_none(text, plain):
    with saying(text) as host:
        assert "does not answer" in reachable.failure(host, plain_http=plain, patience_s=0.5)


def test_plain_http_is_not_taken_for_tls():
    with serving(200) as (host, _):
        assert "does not answer" in reachable.failure(host)
