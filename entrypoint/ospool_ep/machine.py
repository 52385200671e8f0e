"""The one door to the machine: files through a root path, commands through one `run` with a time-out."""

import contextlib
import os
import pwd
import signal
import stat
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

# Enough for every program we call; nothing of the administrator's environment reaches a child by accident.
PLAIN_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}


# The exit status of a command that was killed at its time-out; that of timeout(1).
TIMED_OUT = 124
# How long a killed program may take to go.
_LAST_WORDS_S = 1.0


@dataclass(frozen=True)
class Result:
    """How a command ended: its exit status (TIMED_OUT for a time-out, 127 for no such program) and its output."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Entry:
    """One name in a directory. `kind` is file, directory, other or missing (a dangling link)."""

    name: str
    kind: str


@dataclass(frozen=True)
class Machine:
    """Paths below `root` (another one in tests) and facts about the process that we are."""

    root: Path = Path("/")
    uid: int = field(default_factory=os.geteuid)
    gid: int = field(default_factory=os.getegid)
    pid: int = field(default_factory=os.getpid)
    hostname: str = field(default_factory=lambda: os.uname().nodename)
    now: int = field(default_factory=lambda: int(time.time()))
    # File descriptors that every program we start gets, and hands on: locks that it shares with us.
    inherited: tuple[int, ...] = ()

    def path(self, path: str) -> Path:
        """The real path of an absolute path of the container."""
        return self.root / path.lstrip("/")

    def list(self, path: str) -> tuple[Entry, ...]:
        """Names in a directory, sorted; empty when it does not exist. Raises OSError when it cannot be read."""
        directory = self.path(path)
        if not directory.exists():
            return ()
        return tuple(Entry(name, _kind(directory / name)) for name in sorted(os.listdir(directory)))

    def directories(self, path: str) -> tuple[str, ...]:
        """Names of the directories in a directory; empty where it cannot be read."""
        try:
            with os.scandir(self.path(path)) as entries:
                return tuple(sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False)))
        except OSError:
            return ()

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """At most `limit` bytes of a file. Raises OSError."""
        with self.path(path).open("rb") as file:
            return file.read(limit)

    def text(self, path: str) -> str:
        """A small file of the kernel's as text, whatever bytes are in it. Raises OSError."""
        return self.read(path).decode("utf-8", "replace")

    def run(self, argv: tuple[str, ...], timeout: float, env: dict[str, str] | None = None) -> Result:
        """Run a program to its end, or kill its whole session at the time-out (seconds)."""
        return run(argv, timeout, env, self.inherited)

    def user_name(self) -> str | None:
        """The passwd name of our uid, None when there is no entry (`docker run --user 12345`)."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return None


def _kind(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        return "missing" if path.is_symlink() else "other"
    if stat.S_ISREG(mode):
        return "file"
    return "directory" if stat.S_ISDIR(mode) else "other"


def run(
    argv: tuple[str, ...], timeout: float, env: dict[str, str] | None = None, inherited: tuple[int, ...] = ()
) -> Result:
    """Run a program in a session of its own, so that a time-out also ends what it started.

    What a dead mount holds cannot be killed: it is left behind, never waited for.
    """
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=PLAIN_ENVIRONMENT | (env or {}),
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=inherited,
        )
    except OSError as error:
        return Result(127, "", str(error))
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        stdout, stderr = _end(process)
        return Result(TIMED_OUT, stdout, f"{stderr}\nno answer within {timeout:g} s")
    return Result(process.returncode, stdout, stderr)


def _end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Kill the whole session: Apptainer's FUSE processes have process groups of their own."""
    for pid in (process.pid, *_session(process.pid)):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    try:
        return process.communicate(timeout=_LAST_WORDS_S)
    except subprocess.TimeoutExpired as late:  # it cannot be killed: what it has said so far counts
        return _text(late.stdout), _text(late.stderr)


def _text(said: str | bytes | None) -> str:
    """The exception has bytes, whatever was asked for."""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said or ""


def _session(leader: int) -> list[int]:
    """The other processes of a session."""
    found = []
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit() and os.getsid(int(name)) == leader:
                found.append(int(name))
    return found
