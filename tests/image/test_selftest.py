"""`ospool-selftest` has no second opinion: the boot's ids, the boot's exit code; and it starts nothing."""

import time

import pytest
import runs

GOOD = "good"
CASES = {
    GOOD: ({}, (), ""),
    "settings": ({"NUM_CPUS": "abc", "GLIDEIN_Site": None, "GLIDEIN_Start_Extra": "x y"}, (), ""),
    "no token": ({}, (), None),
    "expired": ({}, (), "expired"),
    "warnings": ({"GLIDEIN_Sitee": "x", "_CONDOR_X": "y"}, (), ""),
    "noexec": ({}, ("--tmpfs", "/pilot:noexec,mode=1777,size=5g"), ""),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_answer_as_the_boot(box, case):
    env, options, token = CASES[case]
    if token == "expired":
        token = box.token_file(runs.fake_token(iat=1, exp=int(time.time()) - 9999))
    tested = box.run(env, (*options, "--entrypoint", "ospool-selftest"), token=token)
    # A good pilot would not end: --print-config makes the same checks and ends
    command = ("--print-config",) if tested.code == 0 else ()
    booted = box.run(env, options, command, token=token)
    assert (tested.code, tested.refusals, tested.warnings) == (booted.code, booted.refusals, booted.warnings)
    assert (tested.code == 0) == (case in (GOOD, "warnings"))
    assert ("a pilot would start with these options" in tested.out) == (tested.code == 0)


def test_it_starts_nothing(box):
    scratch = box.scratch()
    ended = box.run(options=("-v", f"{scratch}:/pilot", "--entrypoint", "ospool-selftest"))
    assert ended.code == 0
    assert list(scratch.iterdir()) == []


def test_an_argument_is_refused(box):
    ended = box.run(options=("--entrypoint", "ospool-selftest"), command=("--fix",))
    assert (ended.code, ended.refusals) == (78, ["argument"])
