"""An image registry in a container: images for jobs where the world's registries cannot be reached."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poolbox import image as images
from poolbox.engine import Engine, EngineError
from poolbox.pool import INSIDE, LABEL
from poolbox.progress import Steps

TAG = "ospool-ep:test-registry"
HOST = "registry.example.org"
HTTP_PORT = 5000
HTTPS_PORT = 5443
LOGIN_PORT = 5001  # http too, and every request without a login is answered with 401
CA = "/registry/ca.pem"
REQUEST = re.compile(r'"((?:GET|HEAD) \S+) HTTP/')  # in the access log; what fills the registry does neither

# One store, three servers. The CA is as old as the container, and nobody else has its key.
BOOT = f"""\
set -e
mkdir -p /registry/data
cd /registry
new="req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2"
openssl $new -keyout ca.key -out ca.pem -subj /CN=test-ca \\
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
openssl $new -CA ca.pem -CAkey ca.key -keyout host.key -out host.pem -subj /CN=registry \\
    -addext basicConstraints=critical,CA:FALSE -addext "subjectAltName=$ALT_NAMES" 2>/dev/null
serve() {{
    cat > "$1.yml" <<END
version: 0.1
storage: {{filesystem: {{rootdirectory: /registry/data}}}}
$2
END
    docker-registry serve "$1.yml" &
}}
serve https 'http: {{addr: ":{HTTPS_PORT}", tls: {{certificate: /registry/host.pem, key: /registry/host.key}}}}'
serve login 'http: {{addr: ":{LOGIN_PORT}"}}
auth: {{htpasswd: {{realm: registry, path: /registry/nobody}}}}'
serve http 'http: {{addr: ":{HTTP_PORT}"}}'
wait
"""


class RegistryError(Exception):
    """The registry did not start; the text is for a person."""


@dataclass(frozen=True)
class Registry:
    """A running registry with its images; `ca` is a file on this host, `digests` are by image name (NAME:1)."""

    engine: Engine
    container: str
    host: str
    ca: Path
    digests: Mapping[str, str]

    @property
    def http(self) -> str:
        """host:port that speaks plain http."""
        return f"{self.host}:{HTTP_PORT}"

    @property
    def https(self) -> str:
        """host:port that speaks https with a certificate of `ca`."""
        return f"{self.host}:{HTTPS_PORT}"

    @property
    def login(self) -> str:
        """host:port that speaks plain http and wants a login that nobody has."""
        return f"{self.host}:{LOGIN_PORT}"

    def requests(self) -> list[str]:
        """What clients asked for so far, oldest first: `GET /v2/group/tiny/manifests/1`."""
        said = self.engine.run("logs", self.container).stdout
        return REQUEST.findall(said)


def build(engine: Engine, steps: Steps) -> str:
    """The registry's image, on top of the pilot's; a second when nothing changed."""
    return images.build_with(engine, steps, INSIDE / "registry.Dockerfile", TAG)


@contextmanager
def registry(engine: Engine, image: str, name: str, network: str, host: str = HOST) -> Iterator[Registry]:
    """A registry in `network` under the names `name` and `host`, with its images; removed after the body.

    `image` is what build() gave. Raises RegistryError with the log, or EngineError.
    """
    engine.run("rm", "-f", "-v", name, check=False)
    try:
        with tempfile.TemporaryDirectory(prefix="ospool-ep-registry.") as directory:
            _start(engine, image, name, network, host)
            digests = _fill(engine, name)
            ca = Path(directory) / "ca.pem"
            ca.write_text(engine.run("exec", name, "cat", CA).stdout)
            ca.parent.chmod(0o755)  # the pilot's user reads it through a bind mount
            yield Registry(engine, name, host, ca, digests)
    finally:
        engine.run("rm", "-f", "-v", name, check=False)


def _start(engine: Engine, image: str, name: str, network: str, host: str) -> None:
    # The label of a pool whose network this is: whatever removes that pool removes the registry
    where = ("--name", name, "--network", network, "--network-alias", host, "--label", f"{LABEL}={network}")
    settings = ("-e", f"ALT_NAMES=DNS:{host},DNS:{name}")
    engine.run("run", "-d", *where, "--user", "root", *settings, "--entrypoint", "sh", image, "-c", BOOT)


def _fill(engine: Engine, name: str) -> dict[str, str]:
    script = (INSIDE / "fill_registry.py").read_text(encoding="utf-8")
    ports = [str(port) for port in (HTTP_PORT, HTTPS_PORT, LOGIN_PORT)]
    try:
        done = engine.run("exec", "-i", name, "python3", "-", *ports, input=script)
    except EngineError as error:
        said = engine.run("logs", "--tail", "20", name, check=False)
        raise RegistryError(f"the registry did not start:\n{error}\n{said.stdout}{said.stderr}") from None
    digests: dict[str, str] = json.loads(done.stdout)
    return digests
