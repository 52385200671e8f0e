"""Runs ospool-selftest with chosen privileges, in a container of its own or in one that was tampered with."""

import re
from contextlib import contextmanager

import runs

from poolbox import pilot
from poolbox import pool as pools

UNCONFINED = ("--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined")


def common(box):
    """What every pilot has, and no option of its privileges."""
    settings = ("-e", "GLIDEIN_Site=S", "-e", "GLIDEIN_ResourceName=R", "-e", "POOL=cm.example.org")
    token = ("-v", f"{box.token_file(runs.fake_token())}:{pilot.TOKEN_MOUNT}")
    return ("--rm", "--network", box.name, "--label", f"{pools.LABEL}={box.name}", *pilot.USER, *settings, *token)


def selftest(box, *options):
    """ospool-selftest with these options and no others."""
    done = box.engine.run(
        "run", *common(box), *options, "--entrypoint", "ospool-selftest", box.image, "--offline", check=False
    )
    return runs.Ended(done.returncode, done.stdout, done.stderr)


def problem(ended, id):
    """The four parts of a problem as they are printed, without their line breaks."""
    text = re.search(rf"^  (?:warning|REFUSED): {id}\n((?:    .*\n)+)", ended.out, re.MULTILINE)[1]
    parts = re.split(r"^    (found|why|type|error): ", text, flags=re.MULTILINE)[1:]
    return {name: " ".join(said.split()) for name, said in zip(parts[::2], parts[1::2], strict=True)}


def of_containers(ended):
    """The warnings that speak of job containers."""
    return [id for id in ended.warnings if id.startswith("apptainer")]


@contextmanager
def waiting(box, name, *given):
    """A container with these options that waits for `inside`."""
    container = f"{box.name}-{name}"
    options = ("-d", "--name", container, *common(box), *given, "--entrypoint", "sleep")
    box.engine.run("run", *options, box.image, "300")
    try:
        yield container
    finally:
        pilot.remove(box.engine, container)


def inside(box, container, *options):
    """ospool-selftest in a container that waits."""
    done = box.engine.run("exec", *options, container, "ospool-selftest", "--offline", check=False)
    return runs.Ended(done.returncode, done.stdout, done.stderr)


def mount(box, container, *command):
    """Do it in the container's mount namespace, with capabilities that it does not have."""
    capabilities = ("--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE", *UNCONFINED)
    as_root(box, "--pid", f"container:{container}", *capabilities, "--entrypoint", "nsenter",
            command=("-t", "1", "-m", *command))  # fmt: skip


def as_root(box, *options, command):
    """A command of the image as root, in a container of its own."""
    return box.engine.run("run", "--rm", "--user", "0", "--network", "none", *options, box.image, *command)
