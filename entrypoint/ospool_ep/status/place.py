"""Where a running pilot has its files, and who it is: read from its own configuration."""

from dataclasses import dataclass

from ospool_ep.machine import Machine
from ospool_ep.status.process import Process

_NAMES = ("LOG", "STARTD_NAME", "SEC_TOKEN_DIRECTORY", "COLLECTOR_HOST")
_TIMEOUT_S = 2.0


class Unknown(Exception):
    """The text says why it cannot be known."""


@dataclass(frozen=True)
class Place:
    """`booted`: when its configuration was written (epoch); `name` and `collectors` as HTCondor has them."""

    config: str
    home: str
    booted: int
    log: str
    name: str
    tokens: str
    collectors: tuple[str, ...]

    @property
    def environment(self) -> dict[str, str]:
        """For HTCondor's programs that ask in its name."""
        return {"CONDOR_CONFIG": self.config}


def read(machine: Machine, pilot: Process) -> Place:
    """Raises Unknown."""
    try:
        rows = machine.text(f"/proc/{pilot.pid}/environ").split("\0")
        environ = dict(row.split("=", 1) for row in rows if "=" in row)
        config = environ["CONDOR_CONFIG"]
        booted = int(machine.path(config).stat().st_mtime)
    except (OSError, KeyError) as error:
        raise Unknown(f"its configuration cannot be found: {error}") from error
    asked = machine.run(("condor_config_val", *_NAMES), _TIMEOUT_S, {"CONDOR_CONFIG": config})
    values = asked.stdout.splitlines()
    if asked.status != 0 or len(values) != len(_NAMES):
        raise Unknown(f"its configuration cannot be read: {asked.stderr.strip()}")
    log, name, tokens, collectors = values
    hosts = tuple(filter(None, (host.strip() for host in collectors.split(","))))
    return Place(config, environ.get("HOME", ""), booted, log, name, tokens, hosts)
