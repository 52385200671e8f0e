"""A pool in a box: central manager and access point in one container, in a network of its own."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poolbox import condor
from poolbox.engine import Engine, EngineError

DEFAULT_NAME = "ospool-ep-demo"
LABEL = "ospool-ep.pool"
SUBMIT_DIR = f"{condor.POOL_DIR}/submit"
CONFIG = "/etc/ospool-pool.conf"
INSIDE = Path(__file__).parent / "inside"

# Runs as root: HTCondor then drops to its user condor, and users prove who they are through the file system.
BOOT = f"""\
set -e
mkdir -p {condor.POOL_DIR}
cd {condor.POOL_DIR}
install -d -o condor log run lock spool execute
install -d -o osg submit
install -d -m 0700 /etc/condor/passwords.d
printf '%s' "$POOL_CONFIG" > {CONFIG}
unset POOL_CONFIG
exec condor_master -f
"""

READY = """\
for i in $(seq 200); do
    condor_status -schedd -af Name 2>/dev/null | grep -q . &&
        condor_status -negotiator -af Name 2>/dev/null | grep -q . && exit 0
    sleep 0.1
done
exit 1
"""


class PoolError(Exception):
    """The pool did not do what was asked; the text is for a person."""


@dataclass(frozen=True)
class Pool:
    """A running pool; everything that belongs to it carries the label LABEL=name."""

    engine: Engine
    image: str
    name: str

    @property
    def host(self) -> str:
        """The central manager's container and host name: what a pilot gets as POOL."""
        return f"{self.name}-cm"

    @property
    def domain(self) -> str:
        """The trust domain: issuer of the tokens, and what follows the @ of every identity."""
        return f"{self.name}.test"

    def exec(
        self,
        *argv: str,
        user: str = "root",
        check: bool = True,
        timeout: float = 60,
        input: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the central manager's container; EngineError when it fails and `check`."""
        return self.engine.run("exec", "-i", "-u", user, self.host, *argv, check=check, timeout=timeout, input=input)

    def python(self, script: str, *args: str, user: str = "root", timeout: float) -> subprocess.CompletedProcess[str]:
        """Run inside/SCRIPT in the central manager's container; never raises for its exit status."""
        text = (INSIDE / script).read_text(encoding="utf-8")
        return self.exec("python3", "-", *args, user=user, check=False, timeout=timeout, input=text)


def start(engine: Engine, image: str, name: str = DEFAULT_NAME) -> Pool:
    """Remove what an earlier pool of this name left, then start one; it answers when this returns.

    Raises PoolError with the end of the master's log, or EngineError.
    """
    stop(engine, name)
    pool = Pool(engine, image, name)
    label = f"{LABEL}={name}"
    engine.run("network", "create", "--label", label, name)
    where = ("--name", pool.host, "--hostname", pool.host, "--network", name, "--label", label)
    config = condor.central_manager(pool.host, pool.domain)
    settings = ("-e", f"CONDOR_CONFIG={CONFIG}", "-e", f"POOL_CONFIG={config}")
    engine.run("run", "-d", *where, "--user", "root", *settings, "--entrypoint", "sh", image, "-c", BOOT)
    if pool.exec("sh", "-c", READY, check=False).returncode != 0:
        said = engine.run("logs", pool.host, check=False)
        raise PoolError(f"the pool did not start:\n{said.stdout}{said.stderr}{log(pool, 'Master', 15)}")
    return pool


def stop(engine: Engine, name: str = DEFAULT_NAME) -> bool:
    """Remove the pool's containers (pilots too) and its network; False if there was nothing. Never raises."""
    label = f"label={LABEL}={name}"
    try:
        containers = engine.run("ps", "-aq", "--filter", label).stdout.split()
        networks = engine.run("network", "ls", "-q", "--filter", label).stdout.split()
        if containers:
            engine.run("rm", "-f", "-v", *containers, check=False)
        if networks:
            engine.run("network", "rm", *networks, check=False)
    except EngineError:
        return False
    return bool(containers or networks)


@contextmanager
def pool(engine: Engine, image: str, name: str = DEFAULT_NAME, keep: bool = False) -> Iterator[Pool]:
    """A pool for the length of the body; removed at the end, also after a failed start, unless `keep`."""
    try:
        yield start(engine, image, name)
    finally:
        if not keep:
            stop(engine, name)


def issue_token(pool: Pool, identity: str = "pilot", lifetime_s: int | None = None) -> str:
    """A new IDTOKEN for identity@domain, as text. `lifetime_s` below 1: one that has already expired."""
    # condor_token_create takes a lifetime of 0 or less for "never expires": let one of a second run out.
    lifetime = () if lifetime_s is None else ("-lifetime", str(max(lifetime_s, 1)))
    made = pool.exec("condor_token_create", "-identity", f"{identity}@{pool.domain}", *lifetime)
    if lifetime_s is not None and lifetime_s < 1:
        time.sleep(2.1)
    return made.stdout.strip()


def log(pool: Pool, daemon: str, lines: int | None = None) -> str:
    """The log of Master, Collector, Negotiator, Sched or Shadow (its last `lines`); empty if there is none.

    Lines about queries are left out: our own waiting makes most of the collector's.
    """
    text = pool.exec("cat", f"{condor.POOL_DIR}/log/{daemon}Log", check=False).stdout
    kept = [line for line in text.splitlines(keepends=True) if " Got QUERY_" not in line and "Query info" not in line]
    return "".join(kept if lines is None else kept[-lines:])
