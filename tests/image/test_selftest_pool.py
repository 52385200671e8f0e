"""`ospool-selftest` and a real pool: it lets the pilot in, or says why not; the cure that is printed helps."""

import asked
import pytest
import runs
import squid

from poolbox import pool as pools

# Another key of the pool's host, which its collector does not read; then the same under the name of the pool's own
MAKE = """\
set -e
mkdir -p -m 700 /tmp/keys
head -c 64 /dev/urandom | base64 > /tmp/keys/$1
chmod 600 /tmp/keys/$1
_CONDOR_SEC_PASSWORD_DIRECTORY=/tmp/keys _CONDOR_SEC_TOKEN_POOL_SIGNING_KEY_FILE=/tmp/keys/POOL \\
    condor_token_create -key $1 -identity pilot@$2
"""
ELSEWHERE = "_CONDOR_TRUST_DOMAIN=elsewhere.example.org condor_token_create -identity pilot@elsewhere.example.org"


def text_of(pool, case):
    """A real token that the real pool refuses."""
    makers = {
        "identity": lambda: pools.issue_token(pool, "somebody"),
        "scope": lambda: pool.exec("condor_token_create", "-identity", f"pilot@{pool.domain}", "-authz", "READ").stdout,
        "key": lambda: pool.exec("sh", "-c", MAKE, "sh", "OTHER", pool.domain).stdout,
        "signature": lambda: pool.exec("sh", "-c", MAKE, "sh", "POOL", pool.domain).stdout,
        "domain": lambda: pool.exec("sh", "-c", ELSEWHERE).stdout,
    }
    return makers[case]().strip()


def test_accepted_and_nothing_is_left_or_advertised(box, pool, token_file):
    private = box.scratch()
    said = asked.selftest(box, pool, token_file, None, "-v", f"{private}:/run/ospool-ep")
    assert (said.code, said.ids(*asked.NETWORK)) == (0, [])
    assert said.checks["admission"]["found"] == f"as pilot@{pool.domain}"
    assert said.checks["pool"]["found"].startswith(f"1 of 1 collectors ({pool.host}:9618)")
    assert said.checks["clock"]["found"].endswith("that of the pool")
    assert said.status("downloads") == "not applicable"
    assert list(private.iterdir()) == []
    assert pool.exec("condor_status", "-any", "-constraint", 'GLIDEIN_Site == "S"', "-af", "Name").stdout == ""


def test_the_words_of_the_report(box, pool, token_file):
    said = box.engine.run(
        *("run", "--rm", "--network", pool.name, "-e", "GLIDEIN_Site=S", "-e", "GLIDEIN_ResourceName=R"),
        *("-e", f"POOL={pool.host}", "-v", f"{token_file}:/etc/condor/tokens-orig.d/flock"),
        *("--entrypoint", "ospool-selftest", box.image), check=False,
    )  # fmt: skip
    assert "a pilot would start with these options; the pool lets it in" in said.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--read-only", "--tmpfs", "/pilot:exec,mode=1777"),
        ("--read-only", "--ipc=none", "--tmpfs", "/tmp"),
        ("--user=12345",),
    ],
    ids=["read-only", "no shared memory", "another uid"],
)
def test_wherever_the_token_can_be_kept(box, pool, token, options):
    uid = 12345 if "--user=12345" in options else 1000
    said = asked.selftest(box, pool, box.token_file(token, uid), None, *options)
    assert said.checks["admission"]["found"] == f"as pilot@{pool.domain}"
    assert said.ids(*asked.NETWORK) == []


REFUSED = {
    "identity": ("token-not-authorised", "somebody@"),
    "scope": ("token-not-authorised", "ADVERTISE_STARTD and ADVERTISE_MASTER"),
    "key": ("token-unknown-key", "the key OTHER"),
    "signature": ("token-signature", "is another one at"),
    "domain": ("token-other-pool", "no token of elsewhere.example.org"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_token_that_the_pool_refuses_and_one_that_it_does_not(box, pool, token_file, case):
    id, words = REFUSED[case]
    refused = text_of(pool, case)
    said = asked.selftest(box, pool, box.token_file(refused))
    assert (said.code, said.ids(*asked.NETWORK)) == (77, [id])
    assert words in said.problem(id)["found"]
    assert not runs.contains_piece_of(refused, said.text)
    assert "mount it with\n-v /path/to/token:/etc/condor/tokens-orig.d/NAME" in said.problem(id)["cure"]
    assert asked.selftest(box, pool, token_file).code == 0


def test_one_that_has_expired_is_not_sent(box, pool):
    said = asked.selftest(box, pool, box.token_file(pools.issue_token(pool, lifetime_s=0)))
    assert said.code == 77
    assert said.ids("token") == ["token-expired"]
    assert said.status("admission") == "not applicable"


def test_a_host_that_does_not_exist(box, pool, token_file):
    said = asked.selftest(box, pool, token_file, {"POOL": "no-such-host.invalid"})
    assert said.code == 69
    # The second where no name server of this machine answers either
    assert said.ids(*asked.NETWORK) in (["pool-unknown-host"], ["pool-dns"])
    assert said.status("pool") == said.status("admission") == "not applicable"
    assert asked.selftest(box, pool, token_file, {"POOL": pool.host}).code == 0


def test_a_closed_port(box, pool, token_file):
    said = asked.selftest(box, pool, token_file, {"POOL": f"{pool.host}:77"})
    assert (said.code, said.ids(*asked.NETWORK)) == (69, ["pool-refused"])
    assert "without a port 9618 is meant" in said.problem("pool-refused")["cure"]
    assert asked.selftest(box, pool, token_file, {"POOL": pool.host}).code == 0


def test_one_manager_of_two(box, pool, token_file):
    said = asked.selftest(box, pool, token_file, {"CONDOR_HOST": f"{pool.host}:77 {pool.host}"})
    assert (said.code, said.ids(*asked.NETWORK)) == (0, ["pool-refused"])
    assert said.problem("pool-refused")["severity"] == "warning"
    assert said.checks["admission"]["found"] == f"as pilot@{pool.domain}"


def test_a_server_of_another_kind(box, pool, token_file):
    """A shared port without that collector behind it."""
    said = asked.selftest(box, pool, token_file, {"POOL": f"{pool.host}:9618?sock=collector77"})
    assert (said.code, said.ids(*asked.NETWORK)) == (69, ["pool-stranger"])


@pytest.fixture(scope="module")
def lossy(box, pool):
    """A network name space that loses what is sent to the addresses of `lose`."""
    squid.build(box.engine)
    with squid.container(box, pool.name, "lossy", "exec sleep infinity", "--cap-add", "NET_ADMIN") as name:
        yield name


def address(box, pool):
    """The central manager's."""
    return pool.exec("hostname", "-i").stdout.split()[0]


def lose(box, lossy, *addresses):
    """As a firewall that drops packets: frames to a card that nobody has."""
    for one in addresses:
        command = ("ip", "neigh", "replace", one, "lladdr", "02:00:00:00:de:ad", "nud", "permanent", "dev", "eth0")
        box.engine.run("exec", lossy, *command)


def test_a_firewall_that_drops_and_one_that_does_not(box, pool, token_file, lossy):
    there = address(box, pool)
    network = f"container:{lossy}"
    lose(box, lossy, there)
    said = asked.selftest(box, pool, token_file, {"POOL": there}, network=network)
    assert (said.code, said.ids(*asked.NETWORK)) == (69, ["pool-silent"])
    assert said.problem("pool-silent")["cure"] == f"allow outbound TCP from this machine to {there} port 9618"
    assert said.status("admission") == "not applicable"
    box.engine.run("exec", lossy, "ip", "neigh", "del", there, "dev", "eth0")
    assert asked.selftest(box, pool, token_file, {"POOL": there}, network=network).code == 0


def test_a_name_server_that_is_silent_and_one_that_is_not(box, pool, token_file, lossy):
    nobody = address(box, pool).rpartition(".")[0] + ".251"
    lose(box, lossy, nobody)

    def run(server):
        resolver = box.file(f"nameserver {server}\n")
        return asked.selftest(
            box, pool, token_file, None, "-v", f"{resolver}:/etc/resolv.conf:ro", network=f"container:{lossy}"
        )

    said = run(nobody)
    assert (said.code, said.ids(*asked.NETWORK)) == (69, ["pool-dns"])
    assert "--dns ADDRESS" in said.problem("pool-dns")["cure"]
    # Docker's own, which knows the pool; --dns cannot be had in another container's network
    assert run("127.0.0.11").code == 0
