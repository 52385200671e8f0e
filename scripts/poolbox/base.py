"""The base image that the Dockerfile names: pulled, or made from this host's own Debian mirror."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from poolbox import dockerd
from poolbox.engine import Engine, EngineError
from poolbox.hostconfig import HostConfig
from poolbox.progress import Steps

SUITE = "forky"
IMAGE = f"debian:{SUITE}-slim"
PULL_TIMEOUT_S = 300  # the engine itself gives up sooner where no registry answers
# The image remembers nothing of this host: the build brings apt settings and takes them away, the engine gives a
# container its names
FORGET = 'cd "$1/etc" && rm -rf apt/sources.list apt/sources.list.d/* apt/apt.conf.d/99mmdebstrap resolv.conf hostname'


def ensure(engine: Engine, steps: Steps, host: HostConfig) -> None:
    """Have the base image; raises EngineError when it can neither be pulled nor made."""
    if engine.run("image", "inspect", IMAGE, check=False).returncode == 0:
        return
    with steps.step(f"pull {IMAGE}") as note:
        refusal = _pull(engine)
        if refusal is not None:
            note("no registry answers")
    if refusal is None:
        return
    if not host.sources or os.geteuid() != 0:
        raise EngineError(f"{IMAGE} cannot be pulled, and only root on Debian can make it.\n    {refusal}")
    with steps.step(f"make {IMAGE} with mmdebstrap from this host's mirror"):
        _make(engine, host)


def _name(engine: Engine) -> str:
    """How the engine calls what the Dockerfile names: podman does not assume a registry."""
    return IMAGE if engine.name == "docker" else f"docker.io/library/{IMAGE}"


def _pull(engine: Engine) -> str | None:
    """None when it worked, else what the engine said."""
    try:
        engine.run("pull", _name(engine), timeout=PULL_TIMEOUT_S)
    except EngineError as error:
        return str(error)
    return None


def _make(engine: Engine, host: HostConfig) -> None:
    if shutil.which("mmdebstrap") is None:
        dockerd.apt_install("mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="ospool-ep-base.") as name:
        root = Path(name)
        root.chmod(0o755)
        (root / "apt.conf").write_text(host.apt_conf.replace("/setup/host/", f"{root}/"))
        (root / "ca.pem").write_text(host.ca)
        (root / "sources.list").write_text(host.sources)
        tar = root / "base.tar"
        _mmdebstrap(root, tar)
        engine.run("import", "--change", 'CMD ["bash"]', str(tar), _name(engine))


def _mmdebstrap(root: Path, tar: Path) -> None:
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", f"--aptopt={root / 'apt.conf'}"]
    command += [f"--customize-hook={FORGET}", SUITE, str(tar), str(root / "sources.list")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, errors="replace", timeout=1200)
    if done.returncode != 0:
        raise EngineError("\n    ".join(["mmdebstrap failed:", *done.stderr.splitlines()[-15:]]))
