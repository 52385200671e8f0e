"""Runs ospool-selftest as an administrator would, against the real pool, and reads what it says."""

import json
from dataclasses import dataclass

from poolbox import pilot
from poolbox import pool as pools

VARIABLES = {"GLIDEIN_Site": "S", "GLIDEIN_ResourceName": "R"}


@dataclass(frozen=True)
class Said:
    """The document of --json: exit status, name of a check to what was said of it."""

    code: int
    checks: dict
    text: str

    def problem(self, id):
        """One problem of the whole report."""
        found = [one for check in self.checks.values() for one in check["problems"] if one["id"] == id]
        assert len(found) == 1, self.text
        return found[0]

    def ids(self, *names):
        """Of the problems of these checks."""
        return [one["id"] for name in names for one in self.checks[name]["problems"]]

    def status(self, name):
        return self.checks[name]["status"]


NETWORK = ("dns", "pool", "admission", "clock", "downloads")


def selftest(box, pool, token, env=None, *options, network=None):
    """In the pool's network, or in another one. `token`: a file on this host, or None."""
    settings = VARIABLES | {"POOL": pool.host} | (env or {})
    variables = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
    mount = [] if token is None else ["-v", f"{token}:{pilot.TOKEN_MOUNT}"]
    security = [f"--security-opt={option}" for option in pilot.SECURITY[box.engine.name]]
    where = ("--rm", "--network", network or pool.name, "--label", f"{pools.LABEL}={pool.name}")
    done = box.engine.run(
        *("run", *where, *pilot.USER, *security, *pilot.DEVICES, *mount, *variables, *options),
        *("--entrypoint", "ospool-selftest", box.image, "--json"), check=False, timeout=40,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["exit_status"] == done.returncode
    return Said(done.returncode, {check["name"]: check for check in document["checks"]}, done.stdout + done.stderr)
