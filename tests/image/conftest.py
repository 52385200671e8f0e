"""The image ring: the built image against a real pool, on whatever engine there is."""

import functools
import os
from contextlib import contextmanager
from pathlib import Path

import lanes
import pytest
import runs
import uml

from poolbox import image as images
from poolbox import pilot, workdir
from poolbox import pool as pools
from poolbox import registry as registries
from poolbox.engine import EngineError, engine
from poolbox.progress import Steps

NAME = runs.NAME
BOX = f"{NAME}-box"


# The longest first: the ring's parts take whole files
LONGEST = ("test_cvmfs_bound_life.py", "test_cvmfsexec_life.py", "test_retest.py", "test_privileges.py")


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.name not in LONGEST)
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.image)


def pytest_configure(config):
    config.addinivalue_line("markers", "lane(name): runs beside the other lanes of its module, see lanes.py")


def pytest_pyfunc_call(pyfuncitem):
    return lanes.wait(pyfuncitem) or None


@pytest.fixture(autouse=True)
def in_lanes(request):
    """Tests of a module that run side by side."""
    if lanes.due(request.node):
        boots = functools.partial(booting, *map(request.getfixturevalue, ("box", "pool", "token_file")))
        lanes.begin(request, {"boot": boots})


@pytest.fixture(scope="session")
def host_engine():
    """An engine: one that runs, else our own dockerd. Without one the ring is skipped, but not where it must run."""
    try:
        with engine() as found:
            yield found
    except EngineError as error:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"CI=true, and no container engine: {error}", pytrace=False)
        pytest.skip(f"no container engine: {error}")


@pytest.fixture(scope="session")
def image(host_engine):
    """The tag of the image, built from this checkout."""
    return images.build(host_engine, Steps())


@pytest.fixture(scope="session")
def box(host_engine, image, tmp_path_factory):
    """Runs containers of the image; everything it starts is removed at the end, and what a killed run left before."""
    pools.stop(host_engine, BOX)
    # HTCondor's programs wait minutes for a DNS that does not answer: no `--network none`
    host_engine.run("network", "create", "--internal", "--label", f"{pools.LABEL}={BOX}", BOX)
    workdir.create(host_engine, image, BOX)
    print(workdir.open_fuse(workdir.path(BOX)))
    yield runs.Box(host_engine, image, BOX, tmp_path_factory.mktemp("files"))
    pools.stop(host_engine, BOX)
    workdir.remove(host_engine, image, BOX)


@pytest.fixture(scope="session")
def machine_v2(box):
    """Runs a script of uml/ in User-mode Linux: a machine whose cgroups are of version 2."""
    uml.build(box.engine)
    return functools.partial(uml.boot, box)


@pytest.fixture(scope="session")
def pool(request, box):
    """A real central manager and access point."""
    with pools.pool(box.engine, box.image, NAME) as running:
        if any("doomed" in item.fixturenames for item in request.session.items):
            _start_doomed(box, running)  # it takes two minutes to die: let it do so while others run
        yield running


@pytest.fixture(scope="session")
def registry(box, pool):
    """A real registry with small images, in the pool's network."""
    tag = registries.build(box.engine, Steps())
    with registries.registry(box.engine, tag, f"{pool.name}-registry", pool.name) as running:
        yield running


def _start_doomed(box, pool):
    startd = box.file("#!/bin/sh\nexit 1\n", mode=0o755)
    pilot.start(
        pool, box.token_file(pools.issue_token(pool)), box.scratch(), env={"GLIDEIN_Site": "doomed"},
        options=("-v", f"{startd}:/usr/sbin/condor_startd:ro"), name=f"{pool.name}-doomed",
    )  # fmt: skip


@pytest.fixture(scope="session")
def doomed(pool):
    """A pilot whose condor_startd has been replaced by a program that fails."""
    return f"{pool.name}-doomed"


@pytest.fixture
def boot(box, pool, token_file):
    """Boots pilots for one test: boot(site, env=..., ...) waits for the slot; all are removed at the end."""
    with booting(box, pool, token_file) as start:
        yield start


@contextmanager
def booting(box, pool, token_file):
    """What the fixture `boot` does."""
    started = []

    def start(site, *, env=None, token=token_file, scratch=None, slot=True, **how):
        name = f"{pool.name}-{site}"
        pilot.remove(box.engine, name)
        started.append(name)
        variables = {"GLIDEIN_Site": site, "GLIDEIN_ResourceName": site, **(env or {})}
        pilot.start(pool, token, scratch or box.scratch(), env=variables, name=name, **how)
        if not slot:
            return runs.Booted(name, {})
        return runs.booted(pool, f'regexp("@{site}[.]", Name)', name, 60)

    try:
        yield start
    finally:
        for name in started:
            pilot.remove(box.engine, name)


@pytest.fixture(scope="session")
def token(pool):
    """A real token, as text."""
    return pools.issue_token(pool)


@pytest.fixture(scope="session")
def token_file(box, token):
    """The same in a file, as an administrator should keep it."""
    return box.token_file(token)


@pytest.fixture(scope="session")
def good(box, pool, token_file):
    """A pilot with the documented options and many settings; tests only look at it and send it jobs."""
    attributes = box.file(runs.EXTRA_ATTRIBUTES)
    container = pilot.start(
        pool, token_file, box.scratch(), env=runs.GOOD,
        options=("-v", f"{attributes}:/etc/osg/extra-attributes.cfg:ro"), name=f"{NAME}-good",
    )  # fmt: skip
    return runs.booted(pool, f'GLIDEIN_Site == "{runs.GOOD["GLIDEIN_Site"]}"', container)
