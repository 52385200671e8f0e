"""Pilots started as an administrator would: with the options of the documentation's `docker run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from poolbox.engine import Engine, EngineError
from poolbox.pool import LABEL, Pool

TOKEN_MOUNT = "/etc/condor/tokens-orig.d/flock.opensciencegrid.org"

# The documented command, less what cannot be here: --pull=always (there is no registry), -it (nobody sits at
# it; -d instead), --rm (a dead pilot's log and exit status are wanted), and CVMFSEXEC_REPOS (its servers).
USER = ("--user", "osg")
SECURITY = {
    "docker": ("seccomp=unconfined", "systempaths=unconfined", "no-new-privileges"),
    "podman": ("seccomp=unconfined", "unmask=ALL", "no-new-privileges"),
}
DEVICES = ("--device", "/dev/fuse")
RESOURCE = "demo-ep"


@dataclass(frozen=True)
class Process:
    """A process in a pilot's container; `rss_mb` is resident memory."""

    pid: int
    name: str
    rss_mb: float


def settings(pool: Pool, env: Mapping[str, str | None]) -> dict[str, str]:
    """The documentation's variables for this pool; `env` overrides them, a None leaves one out."""
    ours = {
        "POOL": pool.host,
        "GLIDEIN_Site": "DEMO",
        "GLIDEIN_ResourceName": RESOURCE,
        "GLIDEIN_Start_Extra": "True",
        "OSG_SQUID_LOCATION": "",
    }
    return {name: value for name, value in {**ours, **env}.items() if value is not None}


def start(
    pool: Pool,
    token_file: Path | None,
    scratch: Path | None = None,
    *,
    env: Mapping[str, str | None] | None = None,
    options: Sequence[str] = (),
    command: Sequence[str] = (),
    name: str | None = None,
    user: Sequence[str] = USER,
    security: bool = True,
    devices: Sequence[str] = DEVICES,
) -> str:
    """Start a pilot in the pool's network; returns the container's name (default POOL-pilot).

    `scratch` is mounted on /pilot, `token_file` where the documentation says; None leaves the mount out.
    `options` come last before the image, `command` after it. `security=False` leaves the --security-opt out.
    """
    container = name or f"{pool.name}-pilot"
    where = ("--name", container, "--network", pool.name, "--label", f"{LABEL}={pool.name}")
    opts = [f"--security-opt={opt}" for opt in SECURITY[pool.engine.name]] if security else []
    mounts: list[str] = []
    if token_file is not None:
        mounts += ["-v", f"{token_file}:{TOKEN_MOUNT}"]
    if scratch is not None:
        mounts += ["-v", f"{scratch}:/pilot"]
    variables = [word for key, value in settings(pool, env or {}).items() for word in ("-e", f"{key}={value}")]
    pool.engine.run(*("run", "-d", *where, *user, *opts, *devices, *mounts, *variables, *options, pool.image, *command))
    return container


def logs(engine: Engine, container: str, lines: int | None = None) -> str:
    """What the pilot printed, stdout and stderr (the last `lines` of each)."""
    tail = () if lines is None else ("--tail", str(lines))
    said = engine.run("logs", *tail, container, check=False)
    return said.stdout + said.stderr


def stop(engine: Engine, container: str, grace_s: int = 10) -> int:
    """`docker stop` with the usual 10 s before SIGKILL; returns the exit status."""
    engine.run("stop", "-t", str(grace_s), container, timeout=grace_s + 60)
    return wait(engine, container)


def wait(engine: Engine, container: str, timeout_s: float = 60) -> int:
    """Wait until the pilot ends by itself; its exit status. EngineError after `timeout_s`."""
    return int(engine.run("wait", container, timeout=timeout_s).stdout.strip())


def running(engine: Engine, container: str) -> bool:
    """Whether the container exists and runs."""
    try:
        return engine.run("inspect", "-f", "{{.State.Running}}", container).stdout.strip() == "true"
    except EngineError:
        return False


def remove(engine: Engine, container: str) -> None:
    """Remove the container at once, with SIGKILL if it runs (its ads then stay in the collector)."""
    engine.run("rm", "-f", "-v", container, check=False)


# Only what the shell itself can do: a command would be a process in the list.
PROCESSES = """\
for p in /proc/[0-9]*; do
    [ "${p#/proc/}" = "$$" ] && continue
    while read -r key value unit; do
        case $key in Name:) name=$value ;; VmRSS:) rss=$value ;; esac
    done 2>/dev/null < "$p/status" && echo "${p#/proc/} ${rss:-0} $name"
    rss=
done
"""


def processes(engine: Engine, container: str) -> list[Process]:
    """What runs in the pilot's container now, less the shell that looks."""
    said = engine.run("exec", container, "sh", "-c", PROCESSES).stdout
    rows = [line.split(maxsplit=2) for line in said.splitlines()]
    return [Process(int(pid), name, int(rss_kb) / 1024) for pid, rss_kb, name in rows]
