"""The one directory on the host that a pool needs: token, pilot's scratch, /dev/fuse's old mode."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from poolbox.engine import Engine, EngineError

PILOT_UID = 1000
FUSE = Path("/dev/fuse")
FUSE_NOTE = "fuse-mode"


def path(name: str) -> Path:
    """Where the directory of pool `name` is; always the same, so that a run finds what a killed one left."""
    return Path(tempfile.gettempdir()) / f"{name}.{os.getuid()}.tmp"


def create(engine: Engine, image: str, name: str) -> Path:
    """A new directory, mode 0700, with an empty `scratch` for the pilot's user; an older one is removed."""
    remove(engine, image, name)
    where = path(name)
    where.mkdir(mode=0o700)
    new_scratch(engine, image, where / "scratch")
    return where


def new_scratch(engine: Engine, image: str, where: Path, uid: int = PILOT_UID) -> Path:
    """A new empty directory that belongs to `uid`, to be mounted on /pilot."""
    where.mkdir(mode=0o755)
    give(engine, image, where, uid)
    return where


def write_token(engine: Engine, image: str, where: Path, token: str, uid: int = PILOT_UID) -> Path:
    """Write a token as an administrator should: a file of the pilot's user that nobody else can read."""
    where.unlink(missing_ok=True)
    descriptor = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token + "\n")
    give(engine, image, where, uid)
    return where


def give(engine: Engine, image: str, where: Path, uid: int) -> None:
    """chown; through a container where we are not root (whoever may use the engine may do that)."""
    if os.geteuid() == 0 and engine.name == "docker":
        os.chown(where, uid, uid)
    else:
        _as_container_root(engine, image, where.parent, "chown", f"{uid}:{uid}", f"/host/{where.name}")


def remove(engine: Engine, image: str, name: str) -> None:
    """Give /dev/fuse its mode back and remove the pool's directory, if there are such things.

    Raises EngineError when what is there is not ours: the temporary directory is anybody's to write to.
    """
    where = path(name)
    if not os.path.lexists(where):
        return
    found = where.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise EngineError(f"{where} is not a directory of ours: look at it, and remove it if nobody needs it")
    restore_fuse(where)
    shutil.rmtree(where, ignore_errors=True)
    if where.exists():
        # Files of the pilot's uid in directories of the pilot's uid: not ours to delete when we are not root.
        _as_container_root(engine, image, where, "find", "/host", "-mindepth", "1", "-delete")
        where.rmdir()


def open_fuse(where: Path) -> str:
    """Make /dev/fuse usable for the pilot's uid; returns what it did or what is in the way, if anything."""
    try:
        mode = stat.S_IMODE(FUSE.stat().st_mode)
    except FileNotFoundError:
        return "this host has no /dev/fuse (type: modprobe fuse): the engine will refuse to start the pilot"
    if mode & 0o006 == 0o006:
        return ""
    if os.geteuid() != 0:
        return f"/dev/fuse has mode {mode:04o}: jobs with .sif images cannot run (type: sudo chmod 0666 {FUSE})"
    (where / FUSE_NOTE).write_text(f"{mode:o}", encoding="ascii")
    FUSE.chmod(0o666)
    return f"/dev/fuse had mode {mode:04o}, which keeps uid {PILOT_UID} out: set to 0666 until this run is over"


def restore_fuse(where: Path) -> None:
    """Undo open_fuse, also that of a run that was killed."""
    try:
        mode = int((where / FUSE_NOTE).read_text(encoding="ascii"), 8)
        FUSE.chmod(mode)
        (where / FUSE_NOTE).unlink()
    except (OSError, ValueError):
        return  # nothing was changed, or it is not ours to change


def _as_container_root(engine: Engine, image: str, parent: Path, *command: str) -> None:
    first, *rest = command
    mount = ("-v", f"{parent}:/host")
    try:
        engine.run("run", "--rm", "--user", "root", *mount, "--entrypoint", first, image, *rest)
    except EngineError as error:
        raise EngineError(f"cannot prepare {parent} for the pilot's user: {error}") from None
