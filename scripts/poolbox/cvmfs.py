"""A host's /cvmfs as an administrator has it: a shared mount, and below it a FUSE mount for each repository.

squashfuse, out of the pilot's image, stands in for the CernVM-FS client: its mounts have that client's xattrs.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from poolbox.engine import Engine
from poolbox.pool import INSIDE, LABEL

CONFIG = "config-osg.opensciencegrid.org"
OASIS = "oasis.opensciencegrid.org"
SINGULARITY = "singularity.opensciencegrid.org"
# Below SINGULARITY: the image's own tiny one, where an OSPool job looks for its default
IMAGE = "htc/rocky:9"
FILE = "hello"
# What the servers need; the device cgroup of an engine gives /dev/fuse
_MOUNTS = (
    "--cap-add=SYS_ADMIN", "--user=0", "--device=/dev/fuse", "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
)  # fmt: skip
# What it needs to mount on the host; a machine may lack SYS_RESOURCE
_HOST = ("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--pid=host", *_MOUNTS)
_SHARE = 'mount --bind "$1" "$1" && mount --make-private "$1" && mount --make-shared "$1"'
# Children first; -c: a dead mount cannot be asked for its name
_UNSHARE = """\
while place=$(awk -v top="$1" '$5 == top || index($5, top "/") == 1 {last = $5} END {print last}' /proc/self/mountinfo)
    [ -n "$place" ]
do umount -l -c "$place" || exit 1; done
"""


@dataclass(frozen=True)
class Host:
    """`path` is the host's /cvmfs, to be mounted into pilots; its servers run in a container."""

    engine: Engine
    container: str
    path: Path

    def serve(self, repository: str, attributes: Mapping[str, str] | None = None, *options: str) -> None:
        """Mount a repository, also again; `options` are mksquashfs's."""
        xattrs = {"fqrn": repository, "revision": "1", "nioerr": "0", "timestamp_last_ioerr": "0", **(attributes or {})}
        pseudo = [word for name, value in xattrs.items() for word in ("-p", f"/ x user.{name}={value}")]
        script = (INSIDE / "serve_repository.sh").read_text(encoding="utf-8")
        self.run("sh", "-c", script, "sh", str(self.path), repository, *pseudo, *options)

    def signal(self, repository: str, name: str) -> None:
        """Send a signal to a repository's server: STOP makes the mount hang, KILL leaves a dead one."""
        self.run("sh", "-c", 'kill "-$1" "$(cat "/run/$2.pid")"', "sh", name, repository)

    def unmount(self, repository: str) -> None:
        """Take a mount away from the host, and so from all that share it."""
        self.run("umount", "-l", "-c", f"{self.path}/{repository}")

    def run(self, *command: str) -> str:
        """Run a command beside the servers."""
        return self.engine.run("exec", self.container, *command).stdout


@contextmanager
def host(engine: Engine, image: str, name: str) -> Iterator[Host]:
    """A host's /cvmfs without repositories, for the length of the body. Its place is always the same: a run finds
    what a killed one left."""
    made = Host(engine, f"{name}-cvmfs", Path(tempfile.gettempdir()) / f"{name}.{os.getuid()}.cvmfs")
    _remove(made, image)
    made.path.mkdir(mode=0o755)
    try:
        _on_the_host(engine, image, _SHARE, made.path)
        where = ("--name", made.container, "--label", f"{LABEL}={name}", "-v", f"{made.path}:{made.path}:rshared")
        engine.run("run", "-d", "--init", *_MOUNTS, *where, "--entrypoint", "sleep", image, "infinity")
        yield made
    finally:
        _remove(made, image)


def _remove(made: Host, image: str) -> None:
    """The servers first: whoever waits for one that hangs is free then."""
    made.engine.run("rm", "-f", made.container, check=False)
    if os.path.lexists(made.path):
        _on_the_host(made.engine, image, _UNSHARE, made.path)
        _on_the_host(made.engine, image, 'rm -r "$1"', made.path)


def _on_the_host(engine: Engine, image: str, script: str, place: Path) -> None:
    """Run a script as root in this process's mount namespace, which is the engine's."""
    enter = ("--entrypoint", "nsenter", image, "-t", str(os.getpid()), "-m", "--")
    engine.run("run", "--rm", *_HOST, *enter, "sh", "-c", script, "sh", str(place))
