"""The container engine: find the one that answers, or start a dockerd of our own and stop it again."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

EX_UNAVAILABLE = 69  # what a script exits with on EngineError
ANSWER_TIMEOUT_S = 5
SERVER_QUESTION = {
    "docker": ("version", "--format", "{{.Server.Version}}"),
    "podman": ("info", "--format", "{{.Version.Version}}"),
}


class EngineError(Exception):
    """No engine can be had, or an engine's command failed; the text is for a person."""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers."""

    name: str
    argv: tuple[str, ...]

    def run(
        self, *args: str, check: bool = True, timeout: float = 600, input: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker ARGS` with stdout and stderr captured (docker's own text, undecodable bytes replaced).

        Raises EngineError with the command and its last lines when it fails (and check) or takes over `timeout` s.
        """
        command = [*self.argv, *args]
        try:
            done = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                input=input,
            )
        except subprocess.TimeoutExpired:
            raise EngineError(f"no answer within {timeout:.0f} s: {shlex.join(command)}") from None
        except OSError as error:
            raise EngineError(f"cannot run {command[0]}: {error.strerror}") from None
        if check and done.returncode != 0:
            raise EngineError(_failure(command, done))
        return done


def find() -> Engine | None:
    """The engine that ENGINE (docker or podman) names, else the first that answers; None where none answers.

    Raises EngineError when ENGINE has another value or names podman and that does not answer.
    """
    wanted = os.environ.get("ENGINE", "").strip()
    if wanted and wanted not in SERVER_QUESTION:
        raise EngineError(f"ENGINE={wanted} is not known: use ENGINE=docker or ENGINE=podman")
    for name in [wanted] if wanted else SERVER_QUESTION:
        if _answers(name):
            return Engine(name=name, argv=(name,))
    return None


@contextmanager
def engine(keep: bool = False) -> Iterator[Engine]:
    """An engine that answers: one that was there, else our own dockerd, stopped at the end unless `keep`.

    Raises EngineError with one sentence on what to install or start where there can be none.
    """
    from poolbox import dockerd  # it needs Engine and EngineError from here

    found = find()
    if found is not None:
        yield found
        return
    wanted = os.environ.get("ENGINE", "").strip()
    if not dockerd.may_start() or wanted == "podman":
        raise EngineError(_nothing_answers(wanted))
    dockerd.start()
    try:
        yield Engine(name="docker", argv=("docker",))
    finally:
        if not keep:
            dockerd.stop()


def stop_ours() -> bool:
    """Stop the dockerd that an earlier run started and kept; False if there is none. Never another one."""
    from poolbox import dockerd

    return dockerd.stop()


def _answers(name: str) -> bool:
    return shutil.which(name) is not None and _ask(name) is None


def _ask(name: str) -> str | None:
    """None when the engine's server answers, else what its client said."""
    try:
        Engine(name=name, argv=(name,)).run(*SERVER_QUESTION[name], timeout=ANSWER_TIMEOUT_S)
    except EngineError as error:
        return str(error)
    return None


def _nothing_answers(wanted: str) -> str:
    """One sentence on what to do, and below it what the clients that are installed said."""
    names = [wanted] if wanted else list(SERVER_QUESTION)
    packages = " or ".join(_package(name) for name in names)
    text = f"No container engine answers{f' (ENGINE={wanted})' if wanted else ''}: install and start {packages}"
    text += ", or run this as root on Debian, which does both." if wanted != "podman" else "."
    said = [reply for name in names if shutil.which(name) and (reply := _ask(name))]
    return "\n    ".join([text, *said])


def _package(name: str) -> str:
    return "docker.io" if name == "docker" else name


def _failure(command: list[str], done: subprocess.CompletedProcess[str]) -> str:
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
    return "\n    ".join([f"exit status {done.returncode}: {shlex.join(command)}", *said])
