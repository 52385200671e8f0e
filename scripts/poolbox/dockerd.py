"""A Docker daemon of our own, for root on a Debian machine where no engine answers."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from poolbox.engine import ANSWER_TIMEOUT_S, Engine, EngineError

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
SOCKET = "/var/run/docker.sock"  # the clients' default, so that a kept engine serves plain `docker` commands
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# ospool-ep: packages installed now start no service\nexit 101\n"


def directory() -> Path:
    """Where our dockerd keeps its data, log and pid file; setting OSPOOL_EP_ENGINE_DIR."""
    return Path(os.environ.get("OSPOOL_EP_ENGINE_DIR") or "/var/lib/ospool-ep/engine")


def may_start() -> bool:
    """True for root where dockerd is, or where apt can install it."""
    return os.geteuid() == 0 and (_dockerd() is not None or shutil.which("apt-get") is not None)


def start() -> None:
    """Install docker.io if need be, start dockerd, wait until it answers.

    Ask may_start() first. Raises EngineError: apt failed, or dockerd did not answer (with its log's last lines).
    """
    if _dockerd() is None or shutil.which("docker") is None:
        apt_install("docker.io", "iptables")
    home = directory()
    home.mkdir(parents=True, exist_ok=True, mode=0o711)
    print(f"starting a Docker daemon of our own: data and log in {home}", file=sys.stderr)
    if _running_pid() is None:  # a dockerd that was killed leaves its pid to whoever gets that number next
        (home / "dockerd.pid").unlink(missing_ok=True)
    with (home / "dockerd.log").open("wb") as log:
        process = subprocess.Popen(_command(home), stdout=log, stderr=log, start_new_session=True)
    try:
        _wait_for(process)
    except BaseException:
        _end(process.pid)
        raise


def stop() -> bool:
    """SIGTERM to the dockerd whose pid file lies in our directory, and wait; False when it does not run."""
    pid = _running_pid()
    if pid is None:
        return False
    _end(pid)
    return True


def apt_install(*packages: str) -> None:
    """apt-get install without letting a package start its own daemon. Raises EngineError."""
    print(f"installing {' '.join(packages)} (apt-get)", file=sys.stderr)
    install = ("install", "-y", "--no-install-recommends", *packages)
    with _no_autostart():
        if not any(Path("/var/lib/apt/lists").glob("*_Packages*")):
            _apt("update")
        try:
            _apt(*install)
        except EngineError:
            _apt("update")  # lists that are there but old name versions that the mirror has dropped
            _apt(*install)


def _dockerd() -> str | None:
    return shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def _command(home: Path) -> list[str]:
    return [
        _dockerd() or "dockerd",
        f"--data-root={home / 'data'}",
        f"--exec-root={home / 'exec'}",
        f"--pidfile={home / 'dockerd.pid'}",
        f"--host=unix://{SOCKET}",
    ]


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    asked = Engine(name="docker", argv=("docker", "-H", f"unix://{SOCKET}"))
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.3)
        if not Path(SOCKET).exists():
            continue
        if asked.run("version", check=False, timeout=ANSWER_TIMEOUT_S).returncode == 0:
            return
    log = directory() / "dockerd.log"
    lines = log.read_text(errors="replace").splitlines()[-15:]
    ended = "ended" if process.poll() is not None else f"did not answer within {START_TIMEOUT_S} s"
    raise EngineError("\n    ".join([f"our dockerd {ended}; the end of {log}:", *lines]))


def _running_pid() -> int | None:
    """The pid in our pid file, if that process is a dockerd with our data directory (pids are reused)."""
    try:
        pid = int((directory() / "dockerd.pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (OSError, ValueError):
        return None
    return pid if f"--data-root={directory() / 'data'}" in command else None


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        if not _alive(pid):
            _unmount(directory() / "exec" / "netns" / "default")
            return
        time.sleep(0.1)
    raise EngineError(f"dockerd (pid {pid}) did not stop within {STOP_TIMEOUT_S} s of SIGTERM; see {directory()}")


def _unmount(path: Path) -> None:
    """What dockerd leaves mounted when it ends: its directory could not be removed."""
    if path.exists() and os.path.ismount(path):
        subprocess.run(["umount", str(path)], check=False, capture_output=True)


def _alive(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass  # started by an earlier run: not our child
    return Path(f"/proc/{pid}").exists()


@contextmanager
def _no_autostart() -> Iterator[None]:
    """Debian's invoke-rc.d asks policy-rc.d; an administrator's own one is left as it is."""
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text(POLICY_TEXT)
        POLICY.chmod(POLICY.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)


def _apt(*args: str) -> None:
    command = ["apt-get", "-q", *args]
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, check=False, env=env, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-15:]
        raise EngineError("\n    ".join([f"{' '.join(command)} failed:", *said]))
