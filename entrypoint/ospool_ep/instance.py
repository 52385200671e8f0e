"""This start's own directories, and what dead pilots have left on a volume that outlived them."""

import fcntl
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ospool_ep import private
from ospool_ep.containers import record
from ospool_ep.cvmfs import record as cvmfs_record
from ospool_ep.gpus import found as gpus_found
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, Refused

_DIRECTORIES = ("execute", "log", "lock", "run", "spool")
_NAME = re.compile(r"ep-[0-9a-f]{8}")
_TIDY_SECONDS = 10.0
# A live pilot's shared port daemon rewrites its ad every few minutes.
_SILENCE_S = 24 * 3600


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
    def containers(self) -> Path:
        """What front and retest of job containers know, and the cache of images."""
        return self.home / record.DIRECTORY

    @property
    def cvmfs(self) -> Path:
        """What the renewal of CVMFS knows: not where jobs may fill the disk."""
        return self.private / cvmfs_record.DIRECTORY

    @property
    def gpus(self) -> Path:
        """What the renewal of GPUs knows, and links to the driver's libraries."""
        return self.private / gpus_found.DIRECTORY

    @property
    def config(self) -> Path:
        """CONDOR_CONFIG."""
        return self.private / "condor_config"


def new_name() -> str:
    """Eight random hex digits: what tells this start from every other one."""
    return os.urandom(4).hex()


def plan(machine: Machine, scratch: str, name: str) -> Instance:
    """Where everything will be; nothing is created."""
    parent = private.parent(machine)
    home = machine.path(scratch) / name
    return Instance(home, parent / name if parent else home / "private")


def create(machine: Machine, instance: Instance) -> None:
    """Make the directories and mark them as in use. Raises Refused."""
    try:
        for name in _DIRECTORIES:
            (instance.home / name).mkdir(parents=True)
        # HTCondor insists on a traversable EXECUTE whatever the umask of the runtime is.
        for path in (instance.home, instance.home / "execute"):
            path.chmod(0o755)
        private.hold(machine, instance.home)
        private.create(machine, instance.private)
    except OSError as error:
        raise Refused(not_created(error)) from error


def remove(instance: Instance) -> None:
    """Undo `create`: no token stays behind a start that failed."""
    for path in (instance.private, instance.home):
        shutil.rmtree(path, ignore_errors=True)


def leftovers(machine: Machine, scratch: str) -> tuple[Path, ...]:
    """Directories of pilots that no longer run."""
    found = []
    for parent in (scratch, *private.PARENTS):
        try:
            names = [entry.name for entry in machine.list(parent) if entry.kind == "directory"]
        except OSError:
            continue
        paths = (machine.path(parent) / name for name in names if _NAME.fullmatch(name))
        found += [path for path in paths if _dead(path, machine)]
    return tuple(found)


def _dead(directory: Path, machine: Machine) -> bool:
    """Nobody holds its lock; for another host's pilot (a shared volume without locks) also no sign of life for long."""
    mark = directory / private.MARK
    try:
        if mark.exists():
            with mark.open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if file.read().decode("ascii", "replace") == private.kernel(machine):
                    return True
        signs = (mark if mark.exists() else directory, directory / "lock" / "shared_port_ad")
        return machine.now - max(sign.stat().st_mtime for sign in signs if sign.exists()) > _SILENCE_S
    except OSError:
        # Locked, being made at this moment, or another uid's: none of them ours to remove.
        return False


def tidy(machine: Machine, homes: tuple[Path, ...]) -> str:
    """Remove leftovers, for a bounded time; what is not finished is left to the next start."""
    if not homes:
        return ""
    result = machine.run(("rm", "-rf", "--one-file-system", *map(str, homes)), _TIDY_SECONDS)
    done = "removed" if result.status == 0 else "began to remove"
    return f"{done} what earlier pilots left behind: {', '.join(map(str, homes))}"


def not_created(error: OSError) -> Problem:
    """There is no room for the pilot's own files."""
    found = f"cannot create this pilot's directories: {error.strerror}: {error.filename}"
    cure = (
        "free space (and inodes: df -i) on the scratch volume, or mount another: docker run -v /worker-temp-dir:/pilot"
    )
    return Problem("scratch-create", found, "jobs run there", cure, Exit.UNFIT, raw=str(error))
