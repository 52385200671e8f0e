import io

from hypothesis import given
from hypothesis import strategies as st

from fakes import jwt, log_to_text
from ospool_ep.log import REDACTED, Log, redact

WORDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=8, max_size=40)


def test_a_declared_secret_goes_whole_and_in_pieces():
    secrets = (f'"{jwt()}"\n',)
    header, payload, signature = jwt().split(".")
    for text in (jwt(), header, payload, signature, f"x{payload}.{signature}y"):
        clean = redact(f"before {text} after", secrets)
        assert REDACTED in clean
        assert not any(piece in clean for piece in (header, payload, signature))
        assert clean.startswith("before ")
        assert clean.endswith(" after")


def test_a_token_that_nobody_declared_goes_too():
    assert redact(f"GLIDEIN_Site='{jwt()}' is", ()) == f"GLIDEIN_Site='{REDACTED}' is"
    assert redact(f"cut {jwt()[:60]}...", ()).startswith(f"cut {REDACTED}")


def test_short_words_are_left_alone():
    assert redact("a token of the pool", ("token", "pool", "a.b")) == "a token of the pool"


@given(WORDS, WORDS, st.text(max_size=20))
def test_no_secret_survives_anywhere(first, second, around):
    clean = redact(f"{around}{first}.{second}{around} {second} {first}", (f"{first}.{second}",))
    assert first not in clean.replace(REDACTED, "\0")
    assert second not in clean.replace(REDACTED, "\0")


@given(st.lists(WORDS, min_size=2, max_size=4))
def test_every_line_of_a_secret_of_several_lines_goes(lines):
    clean = redact(" / ".join(lines), ("\r\n".join(lines),)).replace(REDACTED, "\0")
    assert not any(line in clean for line in lines)


def test_the_log_redacts_lines_and_blocks():
    log, stream = log_to_text(secrets=("hunter2hunter2",))
    log.line("a hunter2hunter2")
    log.block("b hunter2hunter2")
    assert "hunter2" not in stream.getvalue()
    assert stream.getvalue().count(REDACTED) == 2


def test_a_broken_standard_output_does_not_stop_the_pilot():
    stream = io.StringIO()
    stream.close()
    Log(stream=stream).line("into the void")
    with open("/dev/full", "w") as full:  # noqa: PTH123
        log = Log(stream=full)
        log.line("x")
        full.close = lambda: None


def test_text_that_the_stream_cannot_encode_does_not_stop_the_pilot():
    Log(stream=io.TextIOWrapper(io.BytesIO(), encoding="ascii")).line("größe")
