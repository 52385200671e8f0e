"""What the tests of the image need: containers that are refused, files to mount, tokens that are nobody's."""

import base64
import itertools
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poolbox import pilot, slots, workdir
from poolbox import pool as pools
from poolbox.engine import Engine

# A name of its own lets a ring run beside others on one engine; scripts/test runs parts
NAME = os.environ.get("OSPOOL_EP_TEST_NAME", "ospool-ep-test") + os.environ.get("PYTEST_XDIST_WORKER", "")
# Something that listens: whether it is a proxy is for others to find out
SQUID = f"http://{NAME}-cm:9618"
PROJECT = '+ProjectName = "P"'
GOOD = {
    "GLIDEIN_Site": "Test-Site",
    "GLIDEIN_ResourceName": "Test_Resource 1",
    "OSG_SQUID_LOCATION": SQUID,
    "OSG_INSTITUTION_ID": "https://osg-htc.org/iid/test",
    "GLIDEIN_Start_Extra": "TARGET.RequestMemory <= 4000",
    "ACCEPT_JOBS_FOR_HOURS": "100",
    "RETIREMENT_HOURS": "10",
    "ACCEPT_IDLE_MINUTES": "45",
    "EXTRA_JOB_ENV": "COLOR=blue WORDS='two words'",
}
# Attribute, what the file says: the ad must say the same, letter by letter.
EXTRAS = {
    "SiteRack": '"R 12 / left"',
    "SiteCost": "42",
    "SiteDollar": r'"$(LOG) $ENV(HOME) c:\dir\ \"quoted\" # no comment"',
    "SiteUnicode": '"Zürich ✓"',
    "SiteExpression": '(Cpus > 1) && stringListMember("a","a,b")',
}
EXTRA_ATTRIBUTES = "# ours\n\n" + "".join(f"{name} = {text}\n" for name, text in EXTRAS.items())

_IDS = re.compile(r"^ {2}(REFUSED|warning): (\S+)$", re.MULTILINE)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Booted:
    """A pilot that runs: its container and its slot's ad as text."""

    container: str
    ad: dict[str, str]


@dataclass(frozen=True)
class Ended:
    """A container that has ended: exit status and what a person saw."""

    code: int
    out: str
    err: str

    @property
    def refusals(self) -> list[str]:
        """Ids of fatal problems, in order."""
        return [id for kind, id in _IDS.findall(self.out + self.err) if kind == "REFUSED"]

    @property
    def warnings(self) -> list[str]:
        """Ids of warnings, in order."""
        return [id for kind, id in _IDS.findall(self.out + self.err) if kind == "warning"]


@dataclass(frozen=True)
class Box:
    """Starts containers of one image; `files` is a directory of the host."""

    engine: Engine
    image: str
    name: str
    files: Path

    def new_path(self) -> Path:
        """A path on the host that does not exist yet."""
        return self.files / f"{next(_numbers)}"

    def file(self, text: str | bytes, uid: int = 1000, mode: int = 0o644) -> Path:
        """A file on the host, to be mounted."""
        path = self.new_path()
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        workdir.give(self.engine, self.image, path, uid)
        return path

    def token_file(self, token: str, uid: int = 1000) -> Path:
        """A token as an administrator should keep it: 0600, owned by the pilot's uid."""
        return workdir.write_token(self.engine, self.image, self.new_path(), token, uid)

    def scratch(self, uid: int = 1000) -> Path:
        """An empty directory of the host for /pilot."""
        return workdir.new_scratch(self.engine, self.image, self.new_path(), uid)

    def run(
        self,
        env: Mapping[str, str | None] | None = None,
        options: Sequence[str] = (),
        command: Sequence[str] = (),
        *,
        token: str | Path | None = "",
        user: Sequence[str] = pilot.USER,
        timeout_s: float = 30,
    ) -> Ended:
        """Run a container with the documented options to its end; its network leads nowhere.

        `token`: "" mounts one that looks right and is nobody's, None mounts none.
        """
        token = self.token_file(fake_token()) if token == "" else token
        command = (*command, "--offline") if "ospool-selftest" in options else command
        mounts = [] if token is None else ["-v", f"{token}:{pilot.TOKEN_MOUNT}"]
        settings = {"GLIDEIN_Site": "S", "GLIDEIN_ResourceName": "R", "POOL": "cm.example.org", **(env or {})}
        variables = [
            word for name, value in settings.items() if value is not None for word in ("-e", f"{name}={value}")
        ]
        security = [f"--security-opt={option}" for option in pilot.SECURITY[self.engine.name]]
        label = f"{pools.LABEL}={self.name}"
        done = self.engine.run(
            *("run", "--rm", "--network", self.name, "--label", label, *user, *security, *pilot.DEVICES),
            *(*mounts, *variables, *options, self.image, *command), check=False, timeout=timeout_s,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout, done.stderr)

    def inside(self, container: str, *command: str, user: str | None = None, check: bool = True) -> str:
        """Standard output of a command in a running container."""
        options = () if user is None else ("-u", user)
        return self.engine.run("exec", *options, container, *command, check=check).stdout


def fake_token(**claims: object) -> str:
    """A JWT that decodes; its signature says what it is. A claim of None is left out."""
    now = int(time.time())
    payload = {"iss": "cm.example.org", "sub": "nobody@cm.example.org", "iat": now - 60, "exp": now + 86400, **claims}
    payload = {name: value for name, value in payload.items() if value is not None}
    header = {"alg": "HS256", "kid": "POOL", "typ": "JWT"}
    return ".".join([_base64(json.dumps(header)), _base64(json.dumps(payload)), _base64("not a signature, a test")])


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def signature(token: str) -> str:
    """The part of a token that nobody else may see."""
    return token.rpartition(".")[2]


def contains_piece_of(token: str, text: str) -> bool:
    """Whether any 8 characters in a row of the token's signature are in the text."""
    secret = signature(token)
    return any(secret[i : i + 8] in text for i in range(len(secret) - 7))


def description(requirements: str, *more: str, executable: str = "run.sh") -> str:
    """A small job's submit description; `more` are further lines, its ProjectName among them where it has one."""
    lines = (
        f"executable = {executable}",
        "should_transfer_files = YES",
        "when_to_transfer_output = ON_EXIT",
        "request_cpus = 1",
        "request_memory = 64MB",
        "request_disk = 32MB",
        f"requirements = {requirements}",
        *more,
        "queue",
    )
    return "\n".join(lines) + "\n"


def at_site(site: str) -> str:
    """Requirements of a job that runs in the pilots of one site only."""
    return f'TARGET.GLIDEIN_Site == "{site}"'


def booted(pool, constraint: str, container: str, timeout_s: float = 60) -> Booted:
    """A started pilot, when its slot is in the collector; where none comes, its log says why."""
    try:
        return Booted(container, slots.wait_for_slot(pool, constraint, timeout_s, unless_ended=container))
    except pools.PoolError as error:
        raise AssertionError(f"{error}\n{pilot.logs(pool.engine, container, 60)}") from None


@contextmanager
def together(box, pool, token_file, pilots: Mapping[str, tuple[Mapping[str, str], Sequence[str]]]):
    """Pilots that boot at the same time, for a module; `pilots`: site to variables and options. Removed at the end."""
    names = {site: f"{pool.name}-{site}" for site in pilots}
    try:
        for site, (env, options) in pilots.items():
            pilot.remove(box.engine, names[site])
            named = {"GLIDEIN_Site": site, "GLIDEIN_ResourceName": site, **env}
            pilot.start(pool, token_file, box.scratch(), env=named, options=options, name=names[site])
        yield {site: booted(pool, f'GLIDEIN_Site == "{site}"', name) for site, name in names.items()}
    finally:
        for name in names.values():
            pilot.remove(box.engine, name)
