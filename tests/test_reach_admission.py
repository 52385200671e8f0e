"""Whether the pool lets the pilot in: what condor_ping says, and where the token is while it is asked."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

import ping_captured as captured
from fakes import CannedMachine, ids, image_root, said
from ospool_ep.machine import Result
from ospool_ep.problem import Exit
from ospool_ep.reach import admission, ping
from ospool_ep.reach.addresses import COLLECTOR, Server
from ospool_ep.reach.answer import Answer, Kind, read
from ospool_ep.reach.ping import Heard
from ospool_ep.tokens import Credentials, Password
from reach_fakes import GOOD, TOKEN, known

CM = Server("cm", 9618, (COLLECTOR,), "cm?sock=collector3")
OTHER = Server("other", 9618, (COLLECTOR,), "other")


@pytest.mark.parametrize(
    ("result", "kind", "who"),
    [
        (captured.ACCEPTED, Kind.ACCEPTED, "pilot@pool.test"),
        (captured.DENIED, Kind.DENIED, "other@pool.test"),
        (captured.KEY, Kind.KEY, "OTHER"),
        (captured.SIGNATURE, Kind.SIGNATURE, ""),
        (captured.FOREIGN, Kind.FOREIGN, "elsewhere.example.org"),
        (captured.EXPIRED, Kind.REFUSED, ""),
        (captured.SSH, Kind.STRANGER, ""),
        (captured.NO_SUCH_SOCK, Kind.STRANGER, ""),
        (captured.HANGS, Kind.SILENT, ""),
        (captured.MISSING, Kind.UNCLEAR, ""),
        (Result(0, "", ""), Kind.UNCLEAR, ""),
        (Result(0, "\xff\x00 ADVERTISE_STARTD", "\n" * 9), Kind.UNCLEAR, ""),
    ],
)
def test_the_captured_answers(result, kind, who):
    answer = read(result)
    assert (answer.kind, answer.who) == (kind, who)
    assert bool(answer.raw) == (kind is not Kind.ACCEPTED and bool((result.stderr + result.stdout).strip()))


def test_the_pools_clock_and_name():
    answer = read(captured.ACCEPTED)
    assert (answer.clock, answer.pool) == (captured.CLOCK, "pool.test")
    assert read(captured.FOREIGN).pool == "pool.test"
    assert read(captured.FOREIGN).clock is None


def test_the_raw_error_is_the_lines_that_tell_each_once():
    assert read(captured.KEY).raw.splitlines()[0] == (
        "Ignoring token as it was signed with key OTHER (not known to the server)."
    )
    assert "11/28/26" not in read(captured.KEY).raw


def test_one_command_of_two():
    half = captured.ACCEPTED.stdout.replace("ALLOW pilot@pool.test\n\n", "").splitlines()
    table = "\n".join([half[0], half[1], half[2].replace("ALLOW pilot@pool.test", "FAIL FAIL")])
    answer = read(Result(1, table, captured.DENIED.stderr))
    assert (answer.kind, answer.denied) == (Kind.DENIED, ("ADVERTISE_MASTER",))
    (problem,) = admission.judge([heard(answer)])
    assert problem.warning
    assert "(ADVERTISE_MASTER)" in problem.found


def heard(answer, server=CM):
    return Heard(server, answer if isinstance(answer, Answer) else read(answer), 0, 0)


@pytest.mark.parametrize(
    ("result", "id", "code", "words"),
    [
        (
            captured.DENIED,
            "token-not-authorised",
            Exit.PERMISSION,
            "other@pool.test is known at cm:9618, other:9618, but",
        ),
        (captured.KEY, "token-unknown-key", Exit.PERMISSION, "the key OTHER"),
        (captured.SIGNATURE, "token-signature", Exit.PERMISSION, "the signing key of that name is another one"),
        (captured.FOREIGN, "token-other-pool", Exit.PERMISSION, "no token of elsewhere.example.org is accepted"),
        (captured.EXPIRED, "token-refused", Exit.PERMISSION, "revoked, or has expired by the pool's clock"),
        (captured.SSH, "pool-stranger", Exit.UNFIT, "no collector"),
        (captured.HANGS, "pool-hangs", Exit.UNFIT, "but not answered"),
        (captured.MISSING, "token-unclear", Exit.PERMISSION, "do not understand why"),
    ],
)
def test_every_cause_has_its_own_words(result, id, code, words):
    problems = admission.judge([heard(result), heard(result, OTHER)])
    assert ids(problems) == [id]
    assert (problems[0].warning, problems[0].exit_code) == (False, code)
    assert words in said(problems)
    assert problems[0].cure
    assert "other:9618" in problems[0].found
    (spared,) = admission.judge([heard(captured.ACCEPTED), heard(result)])
    assert (spared.warning, spared.exit_code) == (True, Exit.OK)


def test_every_way_not_to_be_let_in_is_told():
    for kind in set(Kind) - {Kind.ACCEPTED}:
        assert len(admission.judge([heard(Answer(kind))])) == 1


def test_accepted():
    assert admission.judge([heard(captured.ACCEPTED)]) == ()
    assert admission.summary([heard(captured.ACCEPTED)]) == "as pilot@pool.test"
    half = admission.summary([heard(captured.ACCEPTED), heard(captured.KEY)])
    assert half == "as pilot@pool.test, by 1 of 2 collectors"


@dataclass(frozen=True)
class Watching(CannedMachine):
    """Notes what condor_ping would find: environment, and files below the directory of its configuration."""

    seen: list = field(default_factory=list)

    def run(self, argv, timeout, env=None):
        home = Path(env["CONDOR_CONFIG"]).parent
        files = {str(path.relative_to(home)): path for path in home.rglob("*") if path.is_file()}
        self.seen.append((argv, env, home, oct(home.stat().st_mode)[-3:], {n: p.read_text() for n, p in files.items()}))
        modes = {oct(path.stat().st_mode)[-3:] for name, path in files.items() if ".d/" in name}
        assert modes == {"600"}
        return captured.ACCEPTED


def watching(root):
    return Watching(root=image_root(root), uid=1000, gid=1000)


def test_the_token_is_in_a_private_directory_that_is_gone_afterwards(tmp_path):
    machine = watching(tmp_path)
    credentials = Credentials(GOOD.tokens, (Password("POOL", b"key"),))
    (said,) = ping.look(machine, known(["cm?sock=collector3"]), credentials, [CM], 8)
    assert (said.server, said.answer.kind) == (CM, Kind.ACCEPTED)
    argv, env, home, mode, files = machine.seen[0]
    assert argv[:4] == ("condor_ping", "-debug", "-pool", "cm?sock=collector3")
    assert argv[-2:] == ("ADVERTISE_STARTD", "ADVERTISE_MASTER")
    assert (home.parent, mode) == (tmp_path / "run/ospool-ep", "700")
    assert files["tokens.d/00-flock"] == TOKEN.text + "\n"
    assert files["passwords.d/POOL"] == "key"
    config = files["condor_config"]
    assert f"SEC_TOKEN_DIRECTORY = {home}/tokens.d\n" in config
    assert "SEC_CLIENT_AUTHENTICATION_METHODS = IDTOKENS, PASSWORD\n" in config
    assert "TOOL_DEBUG = D_SECURITY\n" in config
    assert TOKEN.text not in config + repr(env) + repr(argv)
    assert not home.exists()
    assert list((tmp_path / "pilot").iterdir()) == []


def test_a_pilots_tidying_knows_its_name(tmp_path):
    """Where the test was killed, the next pilot removes what it has left."""
    from ospool_ep import instance

    machine = watching(tmp_path)
    ping.look(machine, known(["cm"]), GOOD, [CM], 8)
    assert instance._NAME.fullmatch(machine.seen[0][2].name)


@pytest.mark.parametrize(
    "gone", [("run/ospool-ep",), ("run/ospool-ep", "dev/shm"), ("run/ospool-ep", "dev/shm", "pilot")]
)
def test_another_place_serves_where_one_is_not_there(tmp_path, gone):
    machine = watching(tmp_path)
    (tmp_path / "tmp").mkdir()
    for name in gone:
        (tmp_path / name).rmdir()
    ping.look(machine, known(["cm"]), GOOD, [CM], 8)
    left = ("run/ospool-ep", "dev/shm", "pilot", "tmp")[len(gone)]
    assert machine.seen[0][2].parent == tmp_path / left
    assert list((tmp_path / left).iterdir()) == []


def test_nowhere_to_put_it(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        ping.look(Watching(root=tmp_path), known(["cm"]), GOOD, [CM], 8)
