"""Every way in which a token can be wrong, each with its own answer; and no byte of one on the screen."""

import time

import pytest
import runs

from poolbox import pilot
from poolbox import pool as pools

NOW = int(time.time())


def refused(box, id, words, **run):
    ended = box.run(**run)
    assert (ended.code, ended.refusals) == (77, [id])
    assert words in " ".join(ended.out.split())
    assert "type:" in ended.out
    return ended


def test_none(box):
    ended = refused(box, "token-missing", "/etc/condor/tokens-orig.d is empty and TOKEN is not set", token=None)
    assert "-v /path/to/token:/etc/condor/tokens-orig.d/flock.opensciencegrid.org" in " ".join(ended.out.split())


def test_the_hosts_path_does_not_exist(box):
    """Docker then makes a directory on the host and mounts that."""
    refused(
        box, "token-directory", "is a directory, not a file: most likely the path on the host", token=box.new_path()
    )


def test_unreadable_for_this_uid(box):
    mine_alone = box.file(runs.fake_token(), uid=0, mode=0o600)
    ended = refused(box, "token-unreadable", "cannot be read by uid 12345", token=mine_alone, user=("--user", "12345"))
    assert "Permission denied" in ended.out
    assert "chown 12345:0" in ended.out


@pytest.mark.parametrize(
    ("id", "words", "text"),
    [
        ("token-empty", "is empty", ""),
        ("token-empty", "is empty", " \n\n"),
        ("token-not-jwt", "this line has 1", "garbage"),
        ("token-not-jwt", "begins like a PEM", "-----BEGIN CERTIFICATE-----"),
        ("token-not-jwt", "begins like an HTML", "<html><body>Sign in</body></html>"),
        ("token-not-jwt", "its parts do not decode", "eyJhbGciOiJ.eyJpc3M.not"),
        ("token-expired", "expired 41 days", runs.fake_token(iat=NOW - 9**8, exp=NOW - 41 * 86400)),
        ("token-not-yet-valid", "2 h", runs.fake_token(iat=NOW + 9000, exp=NOW + 99999)),
        ("token-not-yet-valid", "set the host's clock", runs.fake_token(nbf=NOW + 9000, exp=NOW + 99999)),
    ],
    ids=["empty", "blank", "garbage", "pem", "html", "cut", "expired", "issued later", "not before"],
)
def test_bad_content(box, id, words, text):
    ended = refused(box, id, words, token=box.file(text, mode=0o600))
    if runs.signature(text):
        assert not runs.contains_piece_of(text, ended.out + ended.err)


def test_a_real_token_that_has_expired(box, pool):
    token = pools.issue_token(pool, lifetime_s=0)
    ended = refused(box, "token-expired", f"the token of pilot@{pool.domain} expired", token=box.token_file(token))
    assert "this machine's clock says 2" in ended.out
    assert not runs.contains_piece_of(token, ended.out + ended.err)


def test_the_variable_is_judged_like_a_file(box):
    token = runs.fake_token(exp=NOW - 86400, iat=1)
    ended = refused(box, "token-expired", "the variable TOKEN: the token of nobody@", env={"TOKEN": token}, token=None)
    assert not runs.contains_piece_of(token, ended.out + ended.err)


@pytest.mark.parametrize(
    "name", ["GLIDEIN_Site", "GLIDEIN_Start_Extra", "NUM_CPUS", "EXTRA_JOB_ENV", "POOL", "GLIDEIN_TOKEN"]
)
def test_a_token_in_the_wrong_place_is_not_shown(box, name):
    token = runs.fake_token()
    ended = box.run({name: token}, command=("--print-config",) if name in ("GLIDEIN_Site", "GLIDEIN_TOKEN") else ())
    assert not runs.contains_piece_of(token, ended.out + ended.err)


def test_an_issuer_that_is_not_the_pools_is_a_warning(box):
    ended = box.run({"POOL": "prod-ospool"}, ("--entrypoint", "ospool-selftest"))
    assert (ended.code, ended.warnings) == (0, ["token-issuer"])
    assert "issued by cm.example.org, but the pool trusts flock.opensciencegrid.org" in " ".join(ended.out.split())


def test_an_expired_token_beside_a_good_one_is_a_warning(box):
    old = box.token_file(runs.fake_token(iat=1, exp=NOW - 86400))
    options = ("-v", f"{old}:/etc/condor/tokens-orig.d/a-old", "--entrypoint", "ospool-selftest")
    ended = box.run(options=options)
    assert (ended.code, ended.warnings) == (0, ["token-expired"])
    assert "it is not used: another token is valid" in " ".join(ended.out.split())


def test_kubernetes_links_and_editors_leftovers_are_no_tokens(box):
    """A projected secret: ..data links to a dated directory, the token links through it."""
    volume = box.new_path()
    (volume / "..2026").mkdir(parents=True)
    (volume / "..2026/token").write_text(runs.fake_token())
    (volume / "..data").symlink_to("..2026")
    (volume / "token").symlink_to("..data/token")
    (volume / "token~").write_text("old")
    options = ("-v", f"{volume}:/etc/condor/tokens-orig.d:ro", "--entrypoint", "ospool-selftest")
    ended = box.run(options=options, token=None)
    assert (ended.code, ended.warnings) == (0, [])


def test_a_link_to_nowhere(box):
    volume = box.new_path()
    volume.mkdir()
    (volume / "token").symlink_to("/home/admin/token")
    mount = ("-v", f"{volume}:/etc/condor/tokens-orig.d:ro")
    refused(box, "token-dangling", "is a link to something that is not in the container", options=mount, token=None)


def test_a_token_the_pool_does_not_accept_is_told_in_the_log(box, pool):
    """The pool says no when it is asked; the daemons' own log reaches the administrator."""
    stranger = box.token_file(pools.issue_token(pool, identity="stranger"))
    container = pilot.start(
        pool, stranger, box.scratch(), env={"GLIDEIN_Site": "stranger"}, name=f"{box.name}-stranger"
    )
    try:
        end = time.monotonic() + 60
        while f"stranger@{pool.domain}" not in pools.log(pool, "Collector"):
            assert time.monotonic() < end, "the pool never refused the stranger"
            time.sleep(0.5)
        assert "STARTD" in pilot.logs(box.engine, container)
    finally:
        pilot.remove(box.engine, container)
