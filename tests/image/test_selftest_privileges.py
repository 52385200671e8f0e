"""The table of privileges in real containers: its states are right, and what it says to add makes them `yes`."""

import json
import shlex
from concurrent.futures import ThreadPoolExecutor

import levels
import pytest
from selftests import as_root, common

from poolbox import pilot

SECCOMP, MASKS = ("--security-opt", "seccomp=unconfined"), ("--security-opt", "systempaths=unconfined")
PRIVILEGES, FUSE = ("--security-opt", levels.NO_NEW_PRIVILEGES), pilot.DEVICES
RECOMMENDED = (*SECCOMP, *MASKS, *PRIVILEGES, *FUSE)
# Of the first four rows, all system calls and no-new-privileges; the level.
ROWS = ("user-namespaces", "mounts", "pid-namespaces", "fuse", "seccomp", "no-new-privileges")
ALL = "yes yes yes yes yes yes"
CASES = {
    "default": ((), "no no no no no no", "default"),
    "default, root": (("--user", "0"), "no no no no no no", "default"),
    "minimum": ((*levels.LEVELS["minimum"].docker, *FUSE), "yes yes no yes partly yes", "minimum"),
    "recommended": (RECOMMENDED, ALL, "recommended"),
    "privileged": ((*levels.LEVELS["privileged"].docker, *FUSE), "yes yes yes yes yes no", "privileged"),
    "without seccomp": ((*MASKS, *PRIVILEGES, *FUSE), "no no no yes no yes", "default"),
    "without systempaths": ((*SECCOMP, *PRIVILEGES, *FUSE), "yes yes no yes yes yes", "minimum"),
    "without no-new-privileges": ((*SECCOMP, *MASKS, *FUSE), "yes yes yes yes yes no", "recommended"),
    "without fuse": ((*SECCOMP, *MASKS, *PRIVILEGES), "yes yes yes no yes yes", "recommended"),
    "fuse forbidden": (
        (*SECCOMP, *MASKS, *PRIVILEGES, "-v", "/dev/fuse:/dev/fuse"), "yes yes yes no yes yes", "recommended",
    ),
}  # fmt: skip
# Of what is printed for a case: the row's flag alone has to make the row `yes`
CURES = (
    ("default", "user-namespaces"), ("default", "pid-namespaces"), ("default", "fuse"), ("default", "seccomp"),
    ("default", "no-new-privileges"), ("default", "read-only-root"), ("minimum", "pid-namespaces"),
    ("without seccomp", "mounts"), ("without systempaths", "pid-namespaces"), ("without fuse", "fuse"),
    ("fuse forbidden", "fuse"),
)  # fmt: skip


def document(box, options):
    """What ospool-selftest --json says in a container with these options."""
    scratch = ("-v", f"{box.scratch()}:/pilot")
    command = (
        "run",
        *common(box),
        *scratch,
        *options,
        "--entrypoint",
        "ospool-selftest",
        box.image,
        "--json",
        "--offline",
    )
    return json.loads(box.engine.run(*command, check=False).stdout)


def documents(box, options):
    """The same for many, a few at a time."""
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda one: document(box, one), options))


def states(found):
    return {row["name"]: row["state"] for row in found["privileges"]}


@pytest.fixture(scope="module")
def seen(box):
    """Every case, once."""
    return dict(zip(CASES, documents(box, [options for options, _, _ in CASES.values()]), strict=True))


@pytest.fixture(scope="module")
def cured(box, seen):
    """Every cure's case again, with the row's flag added."""

    def again(case, name):
        flag = next(row["flag"] for row in seen[case]["privileges"] if row["name"] == name)
        return (*CASES[case][0], *shlex.split(flag))

    return dict(zip(CURES, documents(box, [again(*one) for one in CURES]), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_states_and_level(seen, case):
    _, expected, level = CASES[case]
    found = states(seen[case])
    assert " ".join(found[name] for name in ROWS) == expected
    assert seen[case]["privilege_level"]["name"] == level
    assert seen[case]["runtime"] == "docker"


@pytest.mark.parametrize("cure", CURES, ids=": ".join)
def test_what_is_printed_makes_it_yes(cured, cure):
    assert states(cured[cure])[cure[1]] == "yes"


@pytest.mark.parametrize(
    ("before", "after"), [("default", "minimum"), ("minimum", "recommended"), ("without systempaths", "recommended")]
)
def test_the_next_level_is_reached_with_what_it_takes(box, seen, before, after):
    level = seen[before]["privilege_level"]
    assert level["next"] == after
    add = level["add"].replace("/path/to/ospool-ep.json", str(levels.PROFILE))
    reached = document(box, (*CASES[before][0], *shlex.split(add)))["privilege_level"]
    assert (reached["name"], reached["lacks"]) == (after, "")


def test_capabilities(seen):
    row = {case: next(row for row in seen[case]["privileges"] if row["name"] == "capabilities") for case in CASES}
    assert row["default"]["found"].startswith("effective: none; bounding: CHOWN ")
    assert "SYS_ADMIN" not in row["recommended"]["found"]
    assert "SYS_ADMIN" in row["privileged"]["found"]
    assert [row[case]["state"] for case in ("default", "default, root", "privileged")] == ["no", "partly", "no"]


def test_fuse_that_others_may_open(box):
    device = levels.fuse(box)["unreadable"]
    options = (*SECCOMP, *MASKS, *PRIVILEGES, *device)
    found = document(box, options)
    flag = next(row["flag"] for row in found["privileges"] if row["name"] == "fuse")
    assert (states(found)["fuse"], flag) == ("no", "host: chmod 0666 /dev/fuse")
    made = device[1].partition(":")[0].rpartition("/")[0]
    as_root(box, "-v", f"{made}:/made", "--entrypoint", "chmod", command=("0666", "/made/fuse"))
    assert states(document(box, options))["fuse"] == "yes"


def test_people_see_the_same(box):
    done = box.engine.run("run", *common(box), *FUSE, "--entrypoint", "ospool-selftest", box.image, check=False)
    assert "What this container (docker) may do: level default (docs/privileges.md)" in done.stdout
    assert "type:  --security-opt seccomp=unconfined" in done.stdout
    assert "docker or podman:" not in done.stdout
    assert "Kubernetes" not in done.stdout


def test_boot_and_selftest_word_their_cures_alike(box):
    cures = [
        {row.strip() for row in box.run(options=options, command=command).out.splitlines() if "type: " in row}
        for options, command in (((), ()), (("--entrypoint", "ospool-selftest"), ()))
        for options in [("-e", "GLIDEIN_Site=", "-e", "NUM_CPUS=x", *options)]
    ]
    assert cures[0] == cures[1]
    assert any("GLIDEIN_Site" in row for row in cures[0])


def test_apptainer_is_told_from_the_engine_around_it(box):
    """The image's Python, seen from an Apptainer that was started in docker."""
    code = (
        "import os; from ospool_ep import runtime, settings; from ospool_ep.machine import Machine; "
        "print(runtime.look(Machine(), settings.runtime_marks(os.environ)).text, runtime.look(Machine(), {}).text)"
    )
    libraries = ("-B", "/usr", "-B", "/usr/lib:/lib", "-B", "/usr/lib64:/lib64")
    inside = ("-s", "exec", "-c", *libraries, "/usr/share/ospool-ep/tiny", "/usr/bin/python3", "-c", code)
    done = box.engine.run("run", *common(box), *RECOMMENDED, "--entrypoint", "apptainer", box.image, *inside)
    assert done.stdout.split() == ["Apptainer", "Apptainer"]
