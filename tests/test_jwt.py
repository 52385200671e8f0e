import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import NOW, jwt, part
from ospool_ep.jwt import decode, inside


def test_what_a_token_says_about_itself():
    token = decode("here", jwt(nbf=NOW - 5))
    assert (token.source, token.issuer, token.subject) == ("here", "flock.opensciencegrid.org", "pilot@lab")
    assert (token.starts, token.expires) == (NOW - 5, NOW + 30 * 86400)


def test_a_token_may_never_expire_and_times_may_be_reals():
    token = decode("x", jwt(exp=None, iat=NOW + 0.5))
    assert token.expires is None
    assert token.starts == NOW


def test_the_text_of_a_token_is_not_in_its_repr():
    text = jwt()
    assert text.rpartition(".")[2] not in repr(decode("x", text))


def spelled(payload):
    """A token with a payload in exactly these bytes."""
    return f"{part({'alg': 'HS256'})}.{part(payload)}.sig"


BODY = part({"iss": "a", "sub": "b"})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "a.b.c",
        "..",
        f"{part({'alg': 'HS256'})}.{BODY}",
        f"{part({'alg': 'HS256'})}.{BODY}.",
        f"{part({'alg': 'HS256'})}.{BODY}.x.y",
        f"{part({})}.{BODY}.sig",
        f"{part(['alg'])}.{BODY}.sig",
        f"{part({'alg': 5})}.{BODY}.sig",
        jwt(iss=None),
        jwt(sub=None),
        jwt(sub=7),
        jwt(exp="soon"),
        jwt(exp=True),
        jwt(exp=[]),
        spelled(b'{"iss":"a","sub":"b","exp":1e999}'),
        spelled(b'{"iss":"a","sub":"b","exp":NaN}'),
        spelled(b'[' * 100000),
        jwt()[5:],
        "é" + jwt(),
        jwt().replace(".", " . "),
    ],
)  # fmt: skip
def test_what_is_not_a_jwt_with_issuer_and_subject(text):
    assert decode("x", text) is None


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_nothing_brings_the_decoder_down(header, payload):
    decode("x", f"{part(header)}.{part(payload)}.sig")


@given(st.text())
def test_no_text_brings_the_decoder_down(text):
    decode("x", text)


def test_a_token_is_recognised_inside_other_text():
    assert inside(f'"{jwt()}"')
    assert inside(f"TARGET.x == {jwt()}")
    assert not inside("TARGET.RequestMemory < 8000 && Machine.eyJ")


@pytest.mark.parametrize("tail", [" garbage", '" garbage', "=", ".x", "!"])
def test_a_good_token_with_something_behind_it_is_none(tail):
    assert decode("test", jwt() + tail) is None


def test_a_token_that_was_cut_in_its_signature_is_none():
    assert decode("test", jwt()[:-20]) is None
