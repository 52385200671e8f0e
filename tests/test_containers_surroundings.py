"""Facts about this container; the captures have most of them."""

import pytest

from fakes import machine, put
from ospool_ep.containers import surroundings
from ospool_ep.containers.surroundings import Surroundings


def test_on_an_empty_machine_everything_is_unknown_and_nothing_crashes(tmp_path):
    assert surroundings.look(machine(tmp_path)) == Surroundings(fuse="missing")


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("docker-default (enforce)\n", "docker-default (enforce)"),
        ("docker-default (complain)\n", ""),
        ("unconfined\n", ""),
        ("unconfined (enforce)\n", ""),
        ("x (enforce)\x00", "x (enforce)"),
        # SELinux has the same file.
        ("system_u:system_r:container_t:s0:c1,c2\x00", ""),
        ("", ""),
    ],
)
def test_only_a_profile_that_is_enforced_explains_anything(tmp_path, text, profile):
    put(tmp_path, "/proc/self/attr/current", text)
    assert surroundings.look(machine(tmp_path)).apparmor == profile


@pytest.mark.parametrize(("text", "limit"), [("0\n", 0), ("96365\n", 96365), ("", None), ("x\n", None), ("-1\n", None)])
def test_limits_of_the_kernel(tmp_path, text, limit):
    for kind in ("user", "pid", "mnt", "ipc"):
        put(tmp_path, f"/proc/sys/user/max_{kind}_namespaces", text)
    seen = surroundings.look(machine(tmp_path))
    assert {seen.user_namespaces, seen.pid_namespaces, seen.mount_namespaces, seen.ipc_namespaces} == {limit}


@pytest.mark.parametrize(
    ("status", "seccomp", "privileges"), [("0", False, False), ("2", True, False), ("1", False, True)]
)
def test_filters_and_privileges(tmp_path, status, seccomp, privileges):
    text = f"Name:\tx\nNoNewPrivs:\t{int(privileges)}\nSeccomp:\t{status}\nSeccomp_filters:\t2\n"
    put(tmp_path, "/proc/self/status", text)
    seen = surroundings.look(machine(tmp_path))
    assert (seen.seccomp, seen.no_new_privileges) == (seccomp, privileges)


@pytest.mark.parametrize(
    ("points", "masked"),
    [((), False), (("/proc/sys",), True), (("/proc/acpi", "/proc/driver/nvidia"), True),
     (("/proc/driver/nvidia",), False), (("/proc/meminfo",), False), (("/proc/sysrq",), False)],
)  # fmt: skip
def test_the_engines_masks_are_told_from_what_others_mount(tmp_path, points, masked):
    rows = "".join(f"31 24 0:27 / {point} ro - tmpfs tmpfs ro\n" for point in ("/proc", "/sys", *points))
    put(tmp_path, "/proc/self/mountinfo", rows)
    seen = surroundings.look(machine(tmp_path))
    assert seen.over_proc == points
    assert seen.masked_proc is masked


def test_how_fuse_answers(nobodys):
    look = surroundings.look
    assert look(machine(nobodys)).fuse == "missing"
    device = put(nobodys, "/dev/fuse", "")
    assert look(machine(nobodys)).fuse == "usable"
    device.chmod(0o400)
    assert look(machine(nobodys)).fuse == "unreadable"
    device.unlink()
    device.mkdir()
    assert look(machine(nobodys)).fuse == "a directory"
