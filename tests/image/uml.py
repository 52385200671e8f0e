"""A kernel with cgroup version 2 on any host: User-mode Linux boots a container's own root in a second."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from poolbox import image as images
from poolbox.pool import LABEL
from poolbox.progress import Steps

HERE = Path(__file__).parent / "uml"
TAG = "ospool-ep:test-uml"
_KERNEL = ("mem=2000M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "init=/uml/init", "panic=-1",
           "con=null", "con0=null,fd:1", "quiet", "seccomp=auto")  # fmt: skip
_OPTIONS = ("--user", "0", "--network", "none", "--security-opt", "seccomp=unconfined",
            "--tmpfs", "/dev/shm:exec", "--tmpfs", "/tmp:exec")  # fmt: skip
# More than the script's own limit: for the boot, and for powering off.
_MARGIN_S = 30


@dataclass(frozen=True)
class Done:
    """Exit status of a script (124: it took too long), what it printed, and the files it left in /uml."""

    status: int
    out: str
    directory: Path


def build(engine):
    """The image with the kernel in it; a second when nothing changed."""
    return images.build_with(engine, Steps(), HERE / "Dockerfile", TAG)


def boot(box, script, files=None, limit_s=120):
    """Run a script of the directory uml/ as the only work of a machine; `files`: name and text of more in /uml."""
    directory = box.new_path()
    shutil.copytree(HERE, directory)
    (directory / "run").write_text((HERE / script).read_text())
    for name, text in {"limit": str(limit_s), **(files or {})}.items():
        (directory / name).write_text(text)
    label = ("--label", f"{LABEL}={box.name}")
    done = box.engine.run(
        *("run", "--rm", *label, *_OPTIONS, "-v", f"{directory}:/uml", TAG, *_KERNEL),
        check=False, timeout=limit_s + _MARGIN_S,
    )  # fmt: skip
    if not (directory / "status").exists():
        raise AssertionError(f"User-mode Linux did not run the script:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return Done(int((directory / "status").read_text()), (directory / "out").read_text(), directory)
