"""Fixtures of the pure and the fake-root ring."""

import dataclasses
import os
import shutil
import socket
import tempfile
from pathlib import Path

import hypothesis
import pytest

import fakes
from ospool_ep.containers.record import Record

# A busy machine is slow without being wrong.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture
def root(tmp_path):
    """A temporary root with what the image has: scratch, Apptainer, one good token."""
    return fakes.image_root(tmp_path)


@pytest.fixture
def closed():
    """An address at which nobody listens: the mirror, so that no test asks the world."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def setup(closed):
    """What a pilot's boot wrote down for its job containers; no registry answers."""
    return dataclasses.replace(fakes.SETUP, mirror=closed, plain_http=True)


@pytest.fixture
def found(root, setup):
    """The record of a pilot below the root where everything works."""
    (root / "tmp").mkdir()
    (root / "pilot/ep-1").mkdir()
    made = Record(root / "pilot/ep-1/apptainer")
    made.create(setup, fakes.STATE)
    return made


@pytest.fixture
def nobodys():
    """A directory in which permissions count: where the tests run as root, files are looked at as uid 65534."""
    directory = Path(tempfile.mkdtemp(prefix="ospool-ep-test-"))
    directory.chmod(0o755)
    was = os.geteuid()
    if was == 0:
        os.chown(directory, 65534, 65534)
        os.seteuid(65534)
    try:
        yield directory
    finally:
        os.seteuid(was)
        for path in directory.rglob("*"):
            if not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(directory, ignore_errors=True)
