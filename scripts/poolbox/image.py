"""Build the pilot's image from this checkout."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from poolbox import base, hostconfig
from poolbox.engine import Engine, EngineError
from poolbox.progress import Steps

TAG = "ospool-ep:24-release"
SYSTEM_TAG = "ospool-ep:system"  # the build's own stage; its name keeps the engine from dropping the cache
REPO = Path(__file__).resolve().parents[2]
BUILD_TIMEOUT_S = 1800
CREATED = "org.opencontainers.image.created"
LOOK = r"""dpkg-query -W -f '${Package} ${source:Upstream-Version}\n' condor apptainer && echo
[ ! -e /cvmfsexec/NOT_INCLUDED ] || cat /cvmfsexec/NOT_INCLUDED"""
SECRET_URL_PART = re.compile(r"//[^/@]*@")


def build(engine: Engine, steps: Steps, cvmfsexec: str = "auto") -> str:
    """Build the image (a second or two when nothing changed) and return its tag; raises EngineError.

    `cvmfsexec`: true fails where it cannot be fetched, auto says so and goes on, false does not try.
    """
    with _alone():
        return _build_all(engine, steps, {"WITH_CVMFSEXEC": cvmfsexec})


def build_with(
    engine: Engine, steps: Steps, dockerfile: Path, tag: str, *, also: str = "", values: Mapping[str, str] | None = None
) -> str:
    """Build another Dockerfile in the same surroundings, on top of the pilot's image, say; raises EngineError.

    `also`: a second tag; `values`: build arguments.
    """
    before = {name: _identity(engine, name)[0] for name in (tag, also) if name}
    with _alone(), _context(hostconfig.read(base.SUITE)) as context, steps.step(f"build {tag}") as note:
        shutil.copy(dockerfile, context / "image/Dockerfile")
        _build(engine, context, tag, [*(["-t", also] if also else []), *_build_args(values or {})])
        note(f"{size_mb(engine, tag)} MB")
    _drop_replaced(engine, before)
    return tag


def size_mb(engine: Engine, tag: str = TAG) -> int:
    """The image's uncompressed size in MB (10^6 bytes)."""
    return round(int(engine.run("image", "inspect", "--format", "{{.Size}}", tag).stdout) / 1e6)


@contextmanager
def _alone() -> Iterator[None]:
    """Builds of this checkout wait for one another: the second finds the first one's work in the cache."""
    checkout = os.open(REPO, os.O_RDONLY)
    try:
        fcntl.flock(checkout, fcntl.LOCK_EX)
        yield
    finally:
        os.close(checkout)


def _build_all(engine: Engine, steps: Steps, choices: dict[str, str]) -> str:
    before = {tag: _identity(engine, tag)[0] for tag in (TAG, SYSTEM_TAG)}
    host = hostconfig.read(base.SUITE)
    base.ensure(engine, steps, host)
    with _context(host) as context:
        with steps.step("build the system: HTCondor, Apptainer, Python") as note:
            _build(engine, context, SYSTEM_TAG, ["--target", "system", *_build_args(choices)])
            versions, lacks = _look_inside(engine)
            note(", ".join(f"{name} {version}" for name, version in versions.items()))
        if lacks:
            steps.say(f"warning  the image is without cvmfsexec: {lacks}")
        with steps.step(f"build {TAG}") as note:
            _build_final(engine, context, versions, choices)
            note(f"{size_mb(engine)} MB")
    _drop_replaced(engine, before)
    return TAG


def _build_final(engine: Engine, context: Path, versions: dict[str, str], choices: dict[str, str]) -> None:
    """The creation date stays as long as everything else does, so that an unchanged tree gives the same image."""
    values = {**choices, "VERSION": _version(), "REVISION": _revision(), "SOURCE": _source()}
    values |= {"HTCONDOR_VERSION": versions["condor"], "APPTAINER_VERSION": versions["apptainer"]}
    old_id, old_created = _identity(engine)
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    _build(engine, context, TAG, _build_args({**values, "CREATED": old_created or now}))
    trial = _identity(engine)[0]
    if old_created and trial != old_id:
        _build(engine, context, TAG, _build_args({**values, "CREATED": now}))
        engine.run("rmi", trial, check=False)


def _build(engine: Engine, context: Path, tag: str, options: list[str]) -> None:
    # The host's network, because its proxy, mirror or resolver may listen on loopback
    command = ["build", "--network", "host", "-f", str(context / "image/Dockerfile"), "-t", tag, *options]
    command += _build_args(hostconfig.proxies())
    done = engine.run(*command, str(context), check=False, timeout=BUILD_TIMEOUT_S)
    if done.returncode != 0:
        said = [*done.stdout.splitlines()[-25:], *done.stderr.splitlines()[-15:]]
        raise EngineError("\n    ".join([f"{engine.name} build failed:", *said]))


def _build_args(values: Mapping[str, str]) -> list[str]:
    return [word for name, value in values.items() for word in ("--build-arg", f"{name}={value}")]


@contextmanager
def _context(host: hostconfig.HostConfig) -> Iterator[Path]:
    """A copy of what the Dockerfile needs, with the host's settings beside it; never in the checkout itself."""
    with tempfile.TemporaryDirectory(prefix="ospool-ep-build.") as name:
        context = Path(name)
        shutil.copy(REPO / ".dockerignore", context)
        for part in ("image", "entrypoint"):
            shutil.copytree(REPO / part, context / part, ignore=shutil.ignore_patterns("__pycache__"))
        for path in context.rglob("*"):  # the engine's cache sees modes: a umask must not matter
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        host.write(context / "image/setup/host")
        yield context


def _look_inside(engine: Engine) -> tuple[dict[str, str], str]:
    """Upstream versions of what the image is about, as its package database has them; why it lacks cvmfsexec."""
    run = ("run", "--rm", "--network", "none", "--entrypoint", "sh", SYSTEM_TAG, "-c", LOOK)
    found, _, lacks = engine.run(*run).stdout.partition("\n\n")
    rows = [line.split(" ", 1) for line in found.splitlines()]
    return {name: version.split("+")[0] for name, version in rows}, lacks.strip()


def _drop_replaced(engine: Engine, before: dict[str, str]) -> None:
    """Remove the images that lost their tag to this build; the engine keeps one that has another tag or is in use."""
    for tag, old in before.items():
        if old and old != _identity(engine, tag)[0]:
            engine.run("rmi", old, check=False)


def _identity(engine: Engine, tag: str = TAG) -> tuple[str, str]:
    """(id, creation date label) of the image that now has the tag; empty strings without one."""
    done = engine.run("image", "inspect", tag, check=False)
    if done.returncode != 0:
        return "", ""
    image = json.loads(done.stdout)[0]
    return str(image["Id"]), str((image["Config"].get("Labels") or {}).get(CREATED, ""))


def _version() -> str:
    """The program's own word for it; an import would need its dependencies."""
    text = (REPO / "entrypoint/ospool_ep/__init__.py").read_text()
    found = re.search(r'^VERSION = "([^"]+)"$', text, re.MULTILINE)
    return found[1] if found else "unrecorded"


def _revision() -> str:
    commit = _git("rev-parse", "HEAD")
    return commit + ("-dirty" if _git("status", "--porcelain") else "") if commit else "unrecorded"


def _source() -> str:
    """The origin's public address; a path of this machine or a password is nobody's business."""
    url = SECRET_URL_PART.sub("//", _git("remote", "get-url", "origin"))
    return url if url.startswith("https://") else "unrecorded"


def _git(*args: str) -> str:
    try:
        command = ["git", "-C", str(REPO), *args]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
