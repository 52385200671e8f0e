"""No byte of a secret in anything that a person, a log or the collector sees, wherever it was put."""

import base64

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from fakes import EXTRA, GOOD, NOW, PASSWORDS, TOKENS, image_root, jwt, log_to_text, machine, put
from ospool_ep import boot, condor_config, handover, instance, pilot, preflight, program
from ospool_ep.report import show
from ospool_ep.settings import TABLE

SIGNATURES = st.binary(min_size=32, max_size=32).map(lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("="))
WHERE = [row.name for row in TABLE]
AROUND = ["{}", '"{}"', "x {} y", "{}\n", "a == {}", "A={}", "('{}'"]


def everything(root, environ):
    """All that leaves the program before and at the exec, the tokens' private copies excepted."""
    from ospool_ep.settings import secrets_of

    log, stream = log_to_text(secrets=secrets_of(environ))
    plan = preflight.preflight(machine(root), environ, "0123abcd")
    show(plan.lines, log)
    place = instance.plan(machine(root), "/pilot", plan.names.instance)
    try:
        config = condor_config.render(pilot.describe(plan, place, None, False))
    except ValueError:
        config = ""
    inherited = handover.environment(plan.settings, place.config, place.home)
    return stream.getvalue(), config, repr(inherited), repr(plan)


def leaks(texts, signature):
    """Pieces of eight characters that got out."""
    pieces = {signature[start : start + 8] for start in range(len(signature) - 7)}
    return [piece for piece in pieces for text in texts if piece in text]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return image_root(tmp_path_factory.mktemp("root"))


QUICK = options(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(signature=SIGNATURES, where=st.sampled_from(WHERE), around=st.sampled_from(AROUND))
def test_a_token_in_any_variable(healthy, signature, where, around):
    environ = GOOD | {where: around.format(jwt(signature=signature))}
    assert leaks(everything(healthy, environ), signature) == []


@QUICK
@given(signature=SIGNATURES, line=st.sampled_from(["{}", "Rack = {}", 'Rack = "{}"', "{} = 1", "Rack = 1 {}", "# {}"]))
def test_a_token_in_the_attributes_file(healthy, signature, line):
    file = put(healthy, EXTRA, line.format(jwt(signature=signature)) + "\n")
    try:
        assert leaks(everything(healthy, GOOD), signature) == []
    finally:
        file.unlink()


@QUICK
@given(signature=SIGNATURES, claims=st.sampled_from([{}, {"exp": 5}, {"iat": NOW * 2}, {"iss": "x"}, {"sub": None}]))
def test_a_token_in_its_place_good_or_bad(tmp_path_factory, signature, claims):
    root = image_root(tmp_path_factory.mktemp("root"))
    put(root, f"{TOKENS}/flock", jwt(signature=signature, **claims))
    put(root, f"{PASSWORDS}/POOL", signature)
    assert leaks(everything(root, GOOD), signature) == []


@QUICK
@given(signature=SIGNATURES, cut=st.integers(1, 60))
def test_a_token_that_was_cut_or_mangled(tmp_path_factory, signature, cut):
    root = image_root(tmp_path_factory.mktemp("root"))
    put(root, f"{TOKENS}/a", jwt(signature=signature)[cut:])
    put(root, f"{TOKENS}/b", jwt(signature=signature).replace(".", "\n"))
    assert leaks(everything(root, GOOD | {"TOKEN": jwt(signature=signature)[cut:]}), signature) == []


@QUICK
@given(signature=SIGNATURES)
def test_the_declared_token_is_redacted_even_where_only_its_signature_was_pasted(healthy, signature):
    environ = GOOD | {"TOKEN": jwt(signature=signature), "NUM_CPUS": signature, "POOL": f"{signature}/"}
    text, *_ = everything(healthy, environ)
    assert signature not in text


def test_the_refused_boot_of_a_misplaced_token_says_where_it_was(healthy, capsys):
    environ = GOOD | {"GLIDEIN_ResourceName": jwt()}

    def start(log):
        return boot.boot(machine(healthy), environ, log, 0.0)

    assert program.run(start, environ, "BOOT") == 78
    said = capsys.readouterr().out
    assert "GLIDEIN_ResourceName holds a token" in said
    assert "replaced by a new one" in said
