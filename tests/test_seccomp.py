"""The seccomp profiles in image/seccomp: what is in them, and the script that makes them."""

import json
import os
import subprocess
import sys

import pytest

from poolbox import image, seccomp

SCRIPT = image.REPO / "scripts/renew-seccomp"
ADDED = {"names": ["mount", "pivot_root", "setns", "umount2", "unshare"], "action": "SCMP_ACT_ALLOW"}
TINY = {"defaultAction": "SCMP_ACT_ERRNO", "archMap": [], "syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}


def shipped(name):
    return json.loads((seccomp.DIRECTORY / name).read_text(encoding="utf-8"))


def renew(*arguments, given=b""):
    """Run the script; exit status, standard output, standard error."""
    done = subprocess.run([sys.executable, SCRIPT, *arguments], input=given, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def tiny(**changes):
    return json.dumps({**TINY, **changes}).encode()


def with_section(**section):
    return tiny(syscalls=[*TINY["syscalls"], section])


def applying(section):
    """Whether a section of a profile is in the flat one made from it."""
    return section["names"] in [part["names"] for part in seccomp.flat({**TINY, "syscalls": [section]})["syscalls"]]


def test_the_shipped_files_are_what_the_script_makes():
    made = seccomp.texts(shipped(seccomp.DEFAULT))
    assert {name: (seccomp.DIRECTORY / name).read_text(encoding="utf-8") for name in seccomp.FILES} == made


def test_there_are_no_other_profiles():
    assert {path.name for path in seccomp.DIRECTORY.glob("*.json")} == set(seccomp.FILES)


def test_ours_is_the_default_and_exactly_one_section_at_its_end():
    default = shipped(seccomp.DEFAULT)
    assert shipped(seccomp.OURS) == {**default, "syscalls": [*default["syscalls"], ADDED]}


def test_the_default_allows_none_of_the_five_to_everybody():
    assert not seccomp.allowed(shipped(seccomp.DEFAULT)) & set(seccomp.CALLS)


def test_the_flat_profile_has_no_conditions_that_containerd_would_overlook():
    flat = shipped(seccomp.FLAT)
    assert set(flat) == {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"}
    assert {field for part in flat["syscalls"] for field in part} <= {"names", "action", "errnoRet", "args"}
    assert flat["architectures"][0] == "SCMP_ARCH_X86_64"


def test_the_flat_profile_allows_what_ours_allows_to_everybody():
    assert seccomp.allowed(shipped(seccomp.OURS)) <= seccomp.allowed(shipped(seccomp.FLAT))


@pytest.mark.parametrize("call", ["bpf", "perf_event_open", "mbind", "fsopen", "clone", "reboot", "io_uring_setup"])
def test_the_flat_profile_does_not_allow_what_needs_a_capability(call):
    assert call not in seccomp.allowed(shipped(seccomp.FLAT))


@pytest.mark.parametrize(
    ("conditions", "applies"),
    [
        ({}, True),
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"caps": ["CAP_SYS_ADMIN"]}}, False),
        ({"includes": {"caps": ["CAP_SYS_CHROOT"]}}, True),
        ({"excludes": {"caps": ["CAP_SYS_ADMIN"]}}, True),
        ({"includes": {"arches": ["amd64", "x32"]}}, True),
        ({"includes": {"arches": ["s390x"]}}, False),
        ({"excludes": {"arches": ["s390", "s390x"]}}, True),
        ({"includes": {"arches": ["arm64"], "caps": ["CAP_BPF"]}}, False),
    ],
)
def test_a_section_is_in_the_flat_profile_where_its_conditions_hold_for_a_pilot(conditions, applies):
    assert applying({"names": ["swapcontext"], "action": "SCMP_ACT_ALLOW", **conditions}) == applies


def test_the_script_makes_all_files_and_a_second_run_changes_nothing(tmp_path):
    default = seccomp.DIRECTORY / seccomp.DEFAULT
    status, first, _ = renew(default, "--into", tmp_path)
    assert (status, first.count("renewed")) == (0, len(seccomp.FILES))
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    status, second, _ = renew(tmp_path / seccomp.DEFAULT, "--into", tmp_path)
    assert (status, second.count("unchanged")) == (0, len(seccomp.FILES))
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before
    assert {name: text.decode() for name, (text, _) in before.items()} == seccomp.texts(shipped(seccomp.DEFAULT))


def test_without_a_file_the_script_finds_the_shipped_ones_as_they_must_be():
    status, out, err = renew()
    assert (status, out.count("unchanged"), err) == (0, len(seccomp.FILES), "")


def test_a_profile_can_come_through_a_pipe(tmp_path):
    assert renew("-", "--into", tmp_path, given=tiny())[0] == 0
    assert json.loads((tmp_path / seccomp.OURS).read_text())["syscalls"] == [*TINY["syscalls"], ADDED]


def test_what_the_default_already_allows_is_told_and_not_added_again(tmp_path):
    given = with_section(names=["unshare", "setns"], action="SCMP_ACT_ALLOW")
    status, out, _ = renew("-", "--into", tmp_path, given=given)
    assert (status, out.splitlines()[0]) == (0, "the default allows setns, unshare already: left out of what is added")
    added = json.loads((tmp_path / seccomp.OURS).read_text())["syscalls"][-1]
    assert added == {**ADDED, "names": ["mount", "pivot_root", "umount2"]}


WRONG = {
    "is empty": b" \n",
    "is longer than 1000000 bytes": b" " * 1_000_001,
    "is not JSON: Expecting value in line 1, column 1": b"<html>",
    "is not JSON: Expecting ',' delimiter in line 2, column 1": b'{"defaultAction": "SCMP_ACT_ERRNO"\n"x": 1}',
    "is not JSON: 'utf-8' codec can't decode": b"\xff\xfe{",
    "is not JSON: maximum recursion depth": b"[" * 200_000,
    "is not JSON: NaN in it": b"[NaN]",
    "it is a JSON list, not an object": b"[]",
    "it has no defaultAction": b'{"auths": {}}',
    "which forbids nothing": tiny(defaultAction="SCMP_ACT_ALLOW"),
    "it has no archMap": json.dumps({"defaultAction": "SCMP_ACT_ERRNO", "architectures": []}).encode(),
    "it has no list of syscalls": tiny(syscalls={}),
    "section 1 of syscalls is not an object": tiny(syscalls=["read"]),
    "section 2 of syscalls has no list of names": with_section(names="read", action="SCMP_ACT_ALLOW"),
    "section 2 of syscalls has no action": with_section(names=["read"]),
    "section 2 of syscalls has includes that": with_section(names=["a"], action="A", includes={"caps": "CAP_X"}),
    "section 2 of syscalls has excludes that": with_section(names=["a"], action="A", excludes=["amd64"]),
    "already allows mount, pivot_root, setns, umount2, unshare": with_section(**ADDED),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_no_default_profile_is_refused_in_words_of_one_line(words):
    with pytest.raises(seccomp.ProfileError) as refused:
        seccomp.parse(WRONG[words])
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_script_says_what_is_wrong_and_what_to_type_and_writes_nothing(tmp_path):
    status, out, err = renew("-", "--into", tmp_path, given=b"<html>")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("renew-seccomp: standard input is not JSON: Expecting value in line 1, column 1; give")
    assert err.endswith("scripts/renew-seccomp FILE (image/seccomp/README.md says where it is)\n")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_there_is_named(tmp_path):
    status, _, err = renew(tmp_path / "missing.json")
    assert (status, err.count("\n")) == (1, 1)
    assert f"{tmp_path}/missing.json cannot be read: No such file or directory" in err


def test_a_file_without_an_end_is_not_read_to_the_end():
    assert "is longer than 1000000 bytes" in renew("/dev/zero")[2]


def test_a_directory_is_named(tmp_path):
    status, _, err = renew(tmp_path)
    assert (status, err.count("\n")) == (1, 1)
    assert f"{tmp_path} cannot be read: Is a directory" in err


def test_a_directory_that_cannot_be_written_to_is_named(tmp_path):
    status, _, err = renew("--into", tmp_path / "missing")
    assert (status, err.count("\n")) == (1, 1)
    assert f"cannot write into {tmp_path}/missing: No such file or directory" in err


def test_the_files_can_be_read_by_everybody_whatever_the_umask(tmp_path):
    was = os.umask(0o077)
    try:
        renew("--into", tmp_path)
    finally:
        os.umask(was)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}
