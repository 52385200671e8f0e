"""This start's own directories, and what dead pilots have left on a volume that outlived them."""

import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, Refused

# Not on the scratch volume where possible: that is often a directory of the host, and a token on it
# would survive a pilot that was killed. The first is in the image, the second in every container.
PRIVATE_PARENTS = ("/run/ospool-ep", "/dev/shm")
_DIRECTORIES = ("execute", "log", "lock", "run", "spool")
_NAME = re.compile(r"ep-[0-9a-f]{8}")
_TIDY_SECONDS = 10.0


@dataclass(frozen=True)
class Instance:
    """Real paths: `home` on the scratch volume, `private` (0700) for tokens and configuration."""

    home: Path
    private: Path

    @property
    def tokens(self) -> Path:
        """SEC_TOKEN_DIRECTORY."""
        return self.private / "tokens.d"

    @property
    def passwords(self) -> Path:
        """SEC_PASSWORD_DIRECTORY."""
        return self.private / "passwords.d"

    @property
    def config(self) -> Path:
        """CONDOR_CONFIG."""
        return self.private / "condor_config"


def new_name() -> str:
    """Eight random hex digits: what tells this start from every other one."""
    return os.urandom(4).hex()


def plan(machine: Machine, scratch: str, name: str) -> Instance:
    """Where everything will be; nothing is created."""
    parents = (machine.path(parent) for parent in PRIVATE_PARENTS)
    parent = next((path for path in parents if path.is_dir() and os.access(path, os.W_OK | os.X_OK)), None)
    home = machine.path(scratch) / name
    return Instance(home, parent / name if parent else home / "private")


def create(instance: Instance) -> None:
    """Make the directories and mark them as in use. Raises Refused."""
    try:
        for name in _DIRECTORIES:
            (instance.home / name).mkdir(parents=True)
        # HTCondor insists on a traversable EXECUTE whatever the umask of the runtime is.
        for path in (instance.home, instance.home / "execute"):
            path.chmod(0o755)
        instance.private.mkdir(mode=0o700)
        _hold(instance.home)
    except OSError as error:
        raise Refused(_not_created(error)) from error


def remove(instance: Instance) -> None:
    """Undo `create`: no token stays behind a start that failed."""
    for path in (instance.private, instance.home):
        shutil.rmtree(path, ignore_errors=True)


def _hold(home: Path) -> None:
    """Lock the file that condor_master will lock: POSIX locks belong to the process, so they outlive the exec."""
    descriptor = os.open(_lock(home), os.O_RDWR | os.O_CREAT, 0o644)
    fcntl.lockf(descriptor, fcntl.LOCK_EX)
    os.set_inheritable(descriptor, True)


def _lock(home: Path) -> Path:
    return home / "lock" / "InstanceLock"


def leftovers(machine: Machine, scratch: str) -> tuple[Path, ...]:
    """Directories of pilots that no longer run: nobody holds their lock."""
    try:
        names = [entry.name for entry in machine.list(scratch) if entry.kind == "directory"]
    except OSError:
        return ()
    homes = (machine.path(scratch) / name for name in names if _NAME.fullmatch(name))
    return tuple(home for home in homes if _dead(home))


def _dead(home: Path) -> bool:
    try:
        with _lock(home).open("r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    except OSError:
        # Locked, being made at this moment, or another uid's: none of them ours to remove.
        return False


def tidy(machine: Machine, homes: tuple[Path, ...]) -> str:
    """Remove leftovers, for a bounded time; what is not finished is left to the next start."""
    if not homes:
        return ""
    result = machine.run(("rm", "-rf", "--one-file-system", *map(str, homes)), _TIDY_SECONDS)
    done = "removed" if result.status == 0 else "began to remove"
    return f"{done} what {len(homes)} earlier pilot(s) left behind: {', '.join(home.name for home in homes)}"


def _not_created(error: OSError) -> Problem:
    found = f"cannot create this pilot's directories: {error.strerror}: {error.filename}"
    cure = (
        "free space (and inodes: df -i) on the scratch volume, or mount another: docker run -v /worker-temp-dir:/pilot"
    )
    return Problem("scratch-create", found, "jobs run there", cure, Exit.UNFIT, raw=str(error))
