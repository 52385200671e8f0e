import os
import stat

import pytest

from fakes import DAY, NOW, PASSWORDS, TOKENS, TRUST_DOMAIN, ids, jwt, machine, put, said
from ospool_ep import token_problems, tokens
from ospool_ep.problem import Exit, exit_code

SIGNATURE = jwt().rpartition(".")[2]


def collect(root, variable="", issuer=TRUST_DOMAIN, **changes):
    return tokens.collect(machine(root, **changes), variable, issuer)


def test_a_good_token(tmp_path):
    put(tmp_path, f"{TOKENS}/flock", jwt() + "\n")
    credentials, problems = collect(tmp_path)
    assert problems == ()
    assert [token.text for token in credentials.tokens] == [jwt()]
    summary = tokens.summary(credentials, NOW)
    assert "pilot@lab from flock.opensciencegrid.org, expires 2026-" in summary
    assert "(in 30 days)" in summary


def test_none_at_all(tmp_path):
    credentials, problems = collect(tmp_path)
    assert credentials == tokens.Credentials()
    assert ids(problems) == ["token-missing"]
    assert TOKENS in problems[0].found
    assert "TOKEN is not set" in problems[0].found
    assert f":{TOKENS}/" in problems[0].cure
    assert exit_code(problems) == Exit.PERMISSION


def test_an_empty_mount_is_none_at_all(tmp_path):
    (tmp_path / TOKENS[1:]).mkdir(parents=True)
    assert ids(collect(tmp_path)[1]) == ["token-missing"]


def test_a_directory_means_that_the_hosts_path_does_not_exist(tmp_path):
    (tmp_path / f"{TOKENS}/flock"[1:]).mkdir(parents=True)
    _, problems = collect(tmp_path)
    assert ids(problems) == ["token-directory"]
    assert "the path on the host, left of the colon in -v, does not exist" in problems[0].found
    assert "ls -l" in problems[0].cure
    assert exit_code(problems) == Exit.PERMISSION


def test_a_file_that_this_uid_may_not_read(nobodys):
    put(nobodys, f"{TOKENS}/flock", jwt()).chmod(0)
    credentials, problems = collect(nobodys, uid=12345, gid=7)
    assert credentials.tokens == ()
    assert ids(problems) == ["token-unreadable"]
    assert "cannot be read by uid 12345, gid 7" in problems[0].found
    assert "chown 12345:7" in problems[0].cure
    assert "Permission denied" in problems[0].raw
    assert exit_code(problems) == Exit.PERMISSION


def test_a_mount_that_this_uid_may_not_list(nobodys):
    put(nobodys, f"{TOKENS}/flock", jwt()).parent.chmod(0)
    _, problems = collect(nobodys)
    assert ids(problems) == ["token-unreadable"]
    assert TOKENS in problems[0].found


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file(tmp_path, content):
    put(tmp_path, f"{TOKENS}/flock", content)
    _, problems = collect(tmp_path)
    assert ids(problems) == ["token-empty"]
    assert f"{TOKENS}/flock is empty" in problems[0].found


def test_a_file_of_comments_is_not_called_an_empty_directory(tmp_path):
    put(tmp_path, f"{TOKENS}/flock", "# put the token here\n")
    _, problems = collect(tmp_path)
    assert ids(problems) == ["token-empty"]
    assert "nothing but comments" in problems[0].found


@pytest.mark.parametrize(
    ("content", "looks"),
    [
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "PEM"),
        ("<html>Not found</html>", "HTML"),
        ('{"access_token": "abc"}', "JSON"),
        ("just-a-word", "three parts separated by dots, this line has 1"),
        (jwt()[:-40].rpartition(".")[0], "this line has 1"),
        ("a.b.c", "do not decode"),
        (jwt(sub=None), "issuer and subject are missing"),
        ("\x7fELF\x00\x01", "three parts"),
    ],
)
def test_what_is_not_a_token_is_said_by_its_looks_and_never_quoted(tmp_path, content, looks):
    put(tmp_path, f"{TOKENS}/flock", content)
    _, problems = collect(tmp_path)
    assert set(ids(problems)) == {"token-not-jwt"}
    assert looks in problems[0].found
    for word in ("MIIB", "access_token", "just-a-word", "Not found"):
        assert word not in said(problems)
    assert exit_code(problems) == Exit.PERMISSION


def test_an_expired_token_says_since_when_and_what_the_clock_is(tmp_path):
    put(tmp_path, f"{TOKENS}/flock", jwt(exp=NOW - 41 * DAY - 3 * 3600))
    _, problems = collect(tmp_path)
    assert ids(problems) == ["token-expired"]
    assert "expired 41 days 3 h ago" in problems[0].found
    assert "pilot@lab" in problems[0].found
    assert "this machine's clock says 2026-11-1" in problems[0].why
    assert exit_code(problems) == Exit.PERMISSION


@pytest.mark.parametrize("claims", [{"iat": NOW + 7200}, {"nbf": NOW + 7200}])
def test_a_token_from_the_future_says_how_far_the_clock_is_behind(tmp_path, claims):
    put(tmp_path, f"{TOKENS}/flock", jwt(**claims))
    _, problems = collect(tmp_path)
    assert ids(problems) == ["token-not-yet-valid"]
    assert "2 h earlier" in problems[0].why
    assert "clock" in problems[0].cure
    assert exit_code(problems) == Exit.PERMISSION


def test_a_minute_of_clock_difference_is_tolerated_as_htcondor_does(tmp_path):
    put(tmp_path, f"{TOKENS}/a", jwt(iat=NOW + 60))
    assert collect(tmp_path)[1] == ()
    put(tmp_path, f"{TOKENS}/a", jwt(iat=NOW + 61))
    assert ids(collect(tmp_path)[1]) == ["token-not-yet-valid"]


@pytest.mark.parametrize(("left", "expected"), [(0, ["token-expired"]), (1, [])])
def test_the_last_second(tmp_path, left, expected):
    put(tmp_path, f"{TOKENS}/a", jwt(exp=NOW + left))
    assert ids(collect(tmp_path)[1]) == expected


def test_an_absurd_time_is_a_message_and_no_crash(tmp_path):
    put(tmp_path, f"{TOKENS}/a", jwt(iat=10**30, exp=None))
    _, problems = collect(tmp_path)
    assert ids(problems) == ["token-not-yet-valid"]
    assert "s after 1970" in problems[0].found


def test_another_pools_token_is_a_warning(tmp_path):
    put(tmp_path, f"{TOKENS}/a", jwt(iss="cm.elsewhere.org"))
    credentials, problems = collect(tmp_path)
    assert len(credentials.tokens) == 1
    assert ids(problems) == ["token-issuer"]
    assert problems[0].warning
    assert "issued by cm.elsewhere.org" in problems[0].found
    assert TRUST_DOMAIN in problems[0].found


def test_where_the_pools_issuer_is_unknown_nothing_is_compared(tmp_path):
    put(tmp_path, f"{TOKENS}/a", jwt(iss="cm.elsewhere.org"))
    assert collect(tmp_path, issuer=None)[1] == ()


def test_of_several_tokens_the_one_that_lasts_longest_comes_first_and_dead_ones_are_not_handed_on(tmp_path):
    put(tmp_path, f"{TOKENS}/a", jwt(sub="short", exp=NOW + 10))
    put(tmp_path, f"{TOKENS}/b", jwt(sub="dead", exp=NOW - 10))
    put(tmp_path, f"{TOKENS}/c", jwt(sub="long", exp=NOW + 1000) + "\n" + jwt(sub="ever", exp=None))
    credentials, problems = collect(tmp_path)
    assert [token.subject for token in credentials.tokens] == ["ever", "long", "short"]
    assert ids(problems) == ["token-expired"]
    assert problems[0].warning
    assert "not used: another token is valid" in problems[0].why


def test_comments_quotes_and_carriage_returns_around_tokens(tmp_path):
    put(tmp_path, f"{TOKENS}/a", f"# my token\r\n\r\n\"{jwt(sub='one')}\"\r\n'{jwt(sub='two')}' \n")
    credentials, problems = collect(tmp_path)
    assert problems == ()
    assert {token.subject for token in credentials.tokens} == {"one", "two"}


@pytest.mark.parametrize("around", ['"{}"', "'{}'", "{}\r\n", "  {}  ", "# comment\n{}"])
def test_the_variable_with_what_env_files_leave_around_it(tmp_path, around):
    credentials, problems = collect(tmp_path, around.format(jwt()))
    assert problems == ()
    assert credentials.tokens[0].source == "the variable TOKEN"
    assert credentials.tokens[0].text == jwt()


def test_a_bad_variable_is_told_beside_a_good_file(tmp_path):
    put(tmp_path, f"{TOKENS}/a", jwt())
    _, problems = collect(tmp_path, "hunter2-hunter2")
    assert ids(problems) == ["token-not-jwt"]
    assert "the variable TOKEN" in problems[0].found
    assert "hunter2" not in said(problems)


def test_a_kubernetes_secret_is_read_once(tmp_path):
    put(tmp_path, f"{TOKENS}/..2026_11_21/flock", jwt())
    mount = tmp_path / TOKENS[1:]
    (mount / "..data").symlink_to("..2026_11_21")
    (mount / "flock").symlink_to("..data/flock")
    credentials, problems = collect(tmp_path)
    assert problems == ()
    assert [token.source for token in credentials.tokens] == [f"{TOKENS}/flock"]


def test_a_link_to_nowhere(tmp_path):
    mount = tmp_path / TOKENS[1:]
    mount.mkdir(parents=True)
    (mount / "flock").symlink_to("/not/mounted/flock")
    _, problems = collect(tmp_path)
    assert ids(problems) == ["token-dangling"]
    assert "not in the container" in problems[0].found


@pytest.mark.parametrize("name", [".hidden", "flock~", "#flock#", "flock.rpmsave", ".flock.swp", "flock.bak"])
def test_files_that_htcondor_would_skip_are_skipped(tmp_path, name):
    put(tmp_path, f"{TOKENS}/{name}", "rubbish")
    assert ids(collect(tmp_path)[1]) == ["token-missing"]


def test_a_fifo_does_not_hang_the_boot(tmp_path):
    mount = tmp_path / TOKENS[1:]
    mount.mkdir(parents=True)
    os.mkfifo(mount / "flock")
    assert ids(collect(tmp_path)[1]) == ["token-empty"]


def test_every_bad_file_is_told_at_once(tmp_path):
    put(tmp_path, f"{TOKENS}/a", "")
    put(tmp_path, f"{TOKENS}/b", "rubbish")
    put(tmp_path, f"{TOKENS}/c", jwt(exp=1))
    (tmp_path / f"{TOKENS}/d"[1:]).mkdir()
    assert sorted(ids(collect(tmp_path)[1])) == ["token-directory", "token-empty", "token-expired", "token-not-jwt"]


def test_a_pool_password_alone_is_enough(tmp_path):
    put(tmp_path, f"{PASSWORDS}/POOL", b"\x00\xffpw")
    credentials, problems = collect(tmp_path)
    assert problems == ()
    assert credentials.passwords[0].content == b"\x00\xffpw"
    assert tokens.summary(credentials, NOW) == "pool password POOL"
    assert "pw" not in repr(credentials).replace("passwords", "")


def test_an_empty_password_is_told(tmp_path):
    put(tmp_path, f"{PASSWORDS}/POOL", b"")
    assert ids(collect(tmp_path)[1]) == ["token-empty"]


def test_no_token_in_the_repr_of_what_was_collected(tmp_path):
    put(tmp_path, f"{TOKENS}/a", jwt())
    assert SIGNATURE not in repr(collect(tmp_path))


def test_copies_are_private_and_in_order_whatever_the_umask(tmp_path):
    put(tmp_path, f"{TOKENS}/z", jwt(sub="long"))
    put(tmp_path, f"{TOKENS}/a b", jwt(sub="short", exp=NOW + 5))
    put(tmp_path, f"{PASSWORDS}/POOL", b"\x00pw\xff")
    credentials, _ = collect(tmp_path, jwt(sub="variable", exp=None))
    before = os.umask(0)
    try:
        tokens.install(credentials, tmp_path / "t", tmp_path / "p")
    finally:
        os.umask(before)
    assert sorted(os.listdir(tmp_path / "t")) == ["00-the-variable-TOKEN", "01-z", "02-a-b"]
    assert (tmp_path / "t/01-z").read_text() == jwt(sub="long") + "\n"
    assert (tmp_path / "p/POOL").read_bytes() == b"\x00pw\xff"
    for path in (tmp_path / "t", tmp_path / "p", *(tmp_path / "t").iterdir(), tmp_path / "p/POOL"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (40, "40 s"), (61, "1 min 1 s"), (7200, "2 h"), (86400, "1 day"), (41 * DAY + 11000, "41 days 3 h")],
)
def test_durations_have_two_units(seconds, text):
    assert token_problems.duration(seconds) == text
