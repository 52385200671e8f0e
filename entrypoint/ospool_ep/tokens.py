"""Tokens and pool passwords: find every one, say what is wrong with it, copy the good ones.

Nothing here puts a byte of a secret into a message: file names, issuer, subject and times only.
"""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from ospool_ep import jwt
from ospool_ep import token_problems as say
from ospool_ep.jwt import Token
from ospool_ep.machine import Entry, Machine
from ospool_ep.problem import Problem

TOKENS_MOUNT = "/etc/condor/tokens-orig.d"
PASSWORDS_MOUNT = "/etc/condor/passwords-orig.d"
# HTCondor's own leeway for clocks is a minute.
_LEEWAY_S = 60
# Names that HTCondor, editors and Kubernetes' own links (..data) mean to be skipped (htcondor.md 8.3).
_IGNORED = re.compile(r"\..*|.*~|#.*|.*\.(rpmsave|rpmnew|swp|bak)")
_BIGGEST = 1 << 20


@dataclass(frozen=True)
class Password:
    """A pool password or signing key, copied as it is."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class Credentials:
    """What will be copied: usable tokens, the one that lasts longest first, and passwords."""

    tokens: tuple[Token, ...] = ()
    passwords: tuple[Password, ...] = ()


def collect(machine: Machine, variable: str, issuer: str | None) -> tuple[Credentials, tuple[Problem, ...]]:
    """Read both mounts and the TOKEN variable; `issuer` is what the pool trusts, None when unknown."""
    files, problems = _files(machine, TOKENS_MOUNT)
    keys, key_problems = _files(machine, PASSWORDS_MOUNT)
    texts = [("the variable TOKEN", line) for line in _lines(variable)]
    texts += [(path, line) for path, content in files for line in _rows(content)]
    problems += [say.only_comments(path) for path, content in files if not _rows(content)]
    decoded = [(source, text, jwt.decode(source, text)) for source, text in texts]
    tokens = [token for _, _, token in decoded if token]
    usable, late = _in_time(tokens, machine.now)
    problems += key_problems + [say.not_a_token(source, text) for source, text, token in decoded if not token] + late
    passwords = tuple(Password(path.rpartition("/")[2], content) for path, content in keys)
    if not texts and not passwords and not problems:
        problems.append(say.none_there(TOKENS_MOUNT))
    problems += [say.foreign(token, issuer) for token in usable if issuer and token.issuer != issuer]
    return Credentials(usable, passwords), tuple(problems)


def _files(machine: Machine, directory: str) -> tuple[list[tuple[str, bytes]], list[Problem]]:
    """Path and content of every readable, non-empty file of a mount, wherever Kubernetes' links lead."""
    try:
        entries = machine.list(directory)
    except OSError as error:
        return [], [say.unreadable(directory, machine.uid, machine.gid, error)]
    read = [_content(machine, f"{directory}/{entry.name}", entry) for entry in entries if _wanted(entry)]
    return [item for item in read if not isinstance(item, Problem)], [p for p in read if isinstance(p, Problem)]


def _wanted(entry: Entry) -> bool:
    return not _IGNORED.fullmatch(entry.name)


def _content(machine: Machine, path: str, entry: Entry) -> tuple[str, bytes] | Problem:
    if entry.kind == "directory":
        return say.directory(path)
    if entry.kind == "missing":
        return say.dangling(path)
    try:
        content = machine.read(path, _BIGGEST) if entry.kind == "file" else b""
    except OSError as error:
        return say.unreadable(path, machine.uid, machine.gid, error)
    return (path, content) if content.strip() else say.empty(path)


def _rows(content: bytes) -> list[str]:
    return _lines(content.decode("ascii", "replace"))


def _lines(text: str) -> list[str]:
    """A token file may hold comments and several tokens; env files and YAML leave quotes around one."""
    rows = (row.strip().strip("\"'").strip() for row in text.splitlines())
    return [row for row in rows if row and not row.startswith("#")]


def _in_time(tokens: list[Token], now: int) -> tuple[tuple[Token, ...], list[Problem]]:
    """HTCondor sends the first token of a trust domain, expired or not: hand it the usable ones only."""
    early = [token for token in tokens if token.starts > now + _LEEWAY_S]
    expired = [token for token in tokens if token.expires is not None and token.expires <= now]
    usable = [token for token in tokens if token not in early and token not in expired]
    usable.sort(key=lambda token: (token.expires is not None, -(token.expires or 0)))
    spare = bool(usable)
    problems = [say.early(token, now, spare) for token in early] + [say.expired(t, now, spare) for t in expired]
    return tuple(usable), problems


def summary(credentials: Credentials, now: int) -> str:
    """One line for people: who vouches for us and for how long."""
    parts = [f"{token.subject} from {token.issuer}, {_lasts(token, now)}" for token in credentials.tokens]
    parts += [f"pool password {password.name}" for password in credentials.passwords]
    return "; ".join(parts)


def _lasts(token: Token, now: int) -> str:
    if token.expires is None:
        return "does not expire"
    return f"expires {say.clock(token.expires)} (in {say.duration(token.expires - now)})"


def install(credentials: Credentials, tokens_directory: Path, passwords_directory: Path) -> None:
    """Copy to private directories, 0700 and 0600: HTCondor refuses anything that others can read."""
    for directory in (tokens_directory, passwords_directory):
        directory.mkdir(mode=0o700, parents=True)
    for number, token in enumerate(credentials.tokens):
        name = re.sub(r"[^A-Za-z0-9._-]", "-", token.source.rpartition("/")[2])
        _write(tokens_directory / f"{number:02}-{name}", token.text.encode() + b"\n")
    for password in credentials.passwords:
        _write(passwords_directory / password.name, password.content)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
