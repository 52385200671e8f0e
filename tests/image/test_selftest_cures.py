"""For everything that can be missing: does the selftest name it, and does what it prints as the cure cure it?

The cures are pasted by a program (pasting.py), as a person would paste them, and the selftest runs again.
"""

from concurrent.futures import ThreadPoolExecutor

import pasting
import pytest

from poolbox import pilot

# A person who starts with nothing follows what is printed so often at most
ROUNDS = 3


@pytest.fixture(scope="module")
def recommended(box, pool, token_file):
    """The options of the seed, each under a name, for the pool on this machine."""
    security = [("--security-opt", option) for option in pilot.SECURITY[box.engine.name]]
    return {
        **{value.partition("=")[0]: (option, value) for option, value in security},
        "network": ("--network", pool.name),
        "user": ("--user", "1000"),
        "fuse": ("--device", "/dev/fuse"),
        "token": ("-v", f"{token_file}:{pilot.TOKEN_MOUNT}"),
        "scratch": ("-v", f"{box.scratch()}:/pilot"),
        "site": ("-e", "GLIDEIN_Site=Lab"),
        "resource": ("-e", "GLIDEIN_ResourceName=Lab"),
        "pool": ("-e", f"POOL={pool.name}-cm"),
    }


@pytest.fixture(scope="module")
def fill(recommended):
    """What a person writes in the place of the examples in cures."""
    place = {name: recommended[name][1].partition(":")[0] for name in ("token", "scratch")}
    return pasting.fillings(place["scratch"], place["token"])


def flat(options):
    return [word for pair in options.values() for word in pair]


@pytest.fixture(scope="module")
def whole(box, recommended):
    """What is said of all of them together."""
    return pasting.selftest(box, flat(recommended))


def test_with_the_recommended_options_nothing_is_wrong(whole):
    assert (whole.code, whole.document["would_start"]) == (0, True)
    assert pasting.names(whole) == ([], [])


# What is taken away, and what is then named; the other options cost nothing to leave out on this machine
MISSED = {
    "seccomp": "apptainer",
    "systempaths": "apptainer-pid-namespaces",
    "fuse": "apptainer-sif",
    "token": "token-missing",
    "site": "setting-missing",
    "resource": "setting-missing",
}
# What is added, and what is then named
ADDED = {
    ("--pids-limit", "40"): "processes-few",
    ("--ulimit", "nofile=200:200"): "files-few",
    ("--user", "0"): "user-root",
    ("-e", "GLIDEIN_Start_Extra=x y"): "start-extra-syntax",
    ("-e", "NUM_CPUS=abc"): "setting-invalid",
    ("--shm-size", "1m"): "shm-small",
}


def changed(recommended, what):
    """The options without one of them, or with one more."""
    if isinstance(what, tuple):
        return [*flat(recommended), *what]
    return flat({name: pair for name, pair in recommended.items() if name != what})


@pytest.fixture(scope="module")
def answers(box, recommended, fill):
    """Of each change: what is said, and what is said after the cures were pasted. Two at a time."""

    def ask(what):
        options = changed(recommended, what)
        said = pasting.selftest(box, options)
        return said, pasting.selftest(box, pasting.applied(options, said.cures, fill))

    with ThreadPoolExecutor(2) as several:
        yield {what: several.submit(ask, what) for what in (*MISSED, *ADDED)}


@pytest.mark.parametrize("what", [*MISSED, *ADDED], ids=str)
def test_what_is_wrong_is_named_and_its_cure_cures_it(answers, whole, what):
    said, again = answers[what].result()
    failures, warnings = pasting.names(said)
    assert (MISSED | ADDED)[what] in (*failures, *warnings)
    assert (said.code == 0) == (not failures)
    assert (again.code, pasting.names(again)) == (whole.code, pasting.names(whole))


def test_who_begins_with_nothing_and_pastes_what_is_printed_arrives(box, recommended, fill):
    """But for the network and the pool, which nobody can guess."""
    options = flat({name: recommended[name] for name in ("network", "pool")})
    said = pasting.selftest(box, options)
    assert said.code != 0
    for _ in range(ROUNDS):
        options = pasting.applied(options, said.cures, fill)
        said = pasting.selftest(box, options)
    assert pasting.names(said) == ([], [])


def test_without_any_option_everything_that_is_missing_is_named_the_most_important_first(box):
    said = pasting.selftest(box, ["--network", "none"])
    failures, warnings = pasting.names(said)
    assert failures[:2] == ["setting-missing", "setting-missing"]
    assert {"token-missing", "network-missing"} <= set(failures)
    assert "apptainer" in warnings
