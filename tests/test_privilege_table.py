"""The table of privileges, on what was captured in real containers (captures/apptainer); Kubernetes' text is written
from its documentation, for none could be captured.
"""

import os
from dataclasses import replace

import pytest

import apptainer_captured
from fakes import GOOD, image_root, machine, put
from ospool_ep.containers.surroundings import Surroundings
from ospool_ep.cvmfs.record import MOUNTED
from ospool_ep.delegation import Delegation
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.rows import Row as Gpu
from ospool_ep.gpus.seen import Device
from ospool_ep.preflight import preflight
from ospool_ep.privileges import facts, ladder, levels
from ospool_ep.privileges.facts import Facts, Status
from ospool_ep.problem import warning
from ospool_ep.runtime import Runtime

SECCOMP, MASKS = "--security-opt seccomp=unconfined", "--security-opt systempaths=unconfined"
# allowPrivilegeEscalation: false, capabilities dropped, seccompProfile RuntimeDefault
POD = """Name:\tpython3
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t1
"""
DEFAULT_SET, NO_FIRST = 0xA80425FB, ("user-namespaces", "mounts")


def seen(tmp_path, name, engine="docker"):
    """As the selftest would see the container that was captured."""
    capture = apptainer_captured.load(name)
    laid = capture.lay(image_root(tmp_path))
    found = facts.look(laid, preflight(laid, GOOD, "0123abcd"))
    # How /dev/fuse answers cannot be laid down in files
    return replace(found, runtime=Runtime(engine), around=replace(found.around, fuse=capture.fuse))


def rows(found):
    return {row.name: row for row in ladder.judge(found)}


def states(found):
    return {name: row.state for name, row in rows(found).items()}


# What a container's first four rows are, whether all system calls, no-new-privileges, and its level
CAPTURED = {
    ("default", "docker"): ("no no no no", "no", "no", "default"),
    ("default-fuse", "docker"): ("no no no yes", "no", "no", "default"),
    ("minimum", "docker"): ("yes yes no yes", "partly", "yes", "minimum"),
    ("minimum-systempaths", "docker"): ("yes yes no yes", "partly", "yes", "minimum"),
    ("recommended", "docker"): ("yes yes yes yes", "yes", "yes", "recommended"),
    ("without-systempaths", "docker"): ("yes yes no yes", "yes", "yes", "minimum"),
    ("without-seccomp", "docker"): ("no no no yes", "no", "yes", "default"),
    ("without-fuse", "docker"): ("yes yes yes no", "yes", "yes", "recommended"),
    ("without-no-new-privileges", "docker"): ("yes yes yes yes", "yes", "no", "recommended"),
    ("fuse-0600", "docker"): ("yes yes yes no", "yes", "yes", "recommended"),
    ("fuse-forbidden", "docker"): ("yes yes yes no", "yes", "yes", "recommended"),
    ("privileged-fuse", "docker"): ("yes yes yes yes", "yes", "no", "privileged"),
    ("privileged", "docker"): ("yes yes yes no", "yes", "no", "privileged"),
    ("docker-28-recommended", "docker"): ("yes yes yes yes", "yes", "yes", "recommended"),
    ("docker-28-default", "docker"): ("no no no no", "no", "no", "default"),
    ("podman-default", "podman"): ("yes yes no no", "partly", "no", "minimum"),
    ("podman-fuse", "podman"): ("yes yes no yes", "partly", "no", "minimum"),
    ("podman-recommended", "podman"): ("yes yes yes yes", "yes", "yes", "recommended"),
    ("podman-privileged-fuse", "podman"): ("yes yes yes yes", "yes", "no", "privileged"),
    ("max-user-namespaces-0", "docker"): ("no no no yes", "yes", "yes", "default"),
    ("max-pid-namespaces-0", "docker"): ("yes yes no yes", "yes", "yes", "recommended"),
    ("apparmor-no-userns", "docker"): ("no no no yes", "yes", "yes", "default"),
    ("apparmor-no-mount", "docker"): ("unknown no unknown yes", "yes", "yes", "default"),
    ("scratch-noexec", "docker"): ("unknown unknown unknown yes", "yes", "yes", "recommended"),
}


@pytest.mark.parametrize(("name", "engine"), CAPTURED)
def test_real_containers(tmp_path, name, engine):
    first, calls, privileges, level = CAPTURED[name, engine]
    found = seen(tmp_path, name, engine)
    told = states(found)
    assert [told[one] for one in (*NO_FIRST, "pid-namespaces", "fuse")] == first.split()
    assert (told["seccomp"], told["no-new-privileges"]) == (calls, privileges)
    assert levels.decide(found, ladder.judge(found)).name == level


@pytest.mark.parametrize(
    ("name", "engine", "row", "flag"),
    [
        ("default", "docker", "user-namespaces", SECCOMP),
        ("default", "docker", "mounts", SECCOMP),
        ("default", "docker", "pid-namespaces", f"{MASKS} {SECCOMP}"),
        ("default", "docker", "fuse", "--device /dev/fuse"),
        ("without-systempaths", "docker", "pid-namespaces", MASKS),
        ("minimum-systempaths", "docker", "pid-namespaces", SECCOMP),
        ("fuse-0600", "docker", "fuse", "host: chmod 0666 /dev/fuse"),
        ("fuse-not-a-device", "docker", "fuse", "host: modprobe fuse\n--device /dev/fuse"),
        ("podman-fuse", "podman", "pid-namespaces", "--security-opt unmask=ALL"),
        ("max-pid-namespaces-0", "docker", "pid-namespaces", "host: sysctl -w user.max_pid_namespaces=65536"),
        ("max-user-namespaces-0", "docker", "mounts", "host: sysctl -w user.max_user_namespaces=65536"),
        ("apparmor-no-userns", "docker", "user-namespaces", "--security-opt apparmor=unconfined"),
        ("apparmor-no-userns", "docker", "apparmor", "--security-opt apparmor=unconfined"),
        ("proc-over-mounted", "docker", "pid-namespaces", "-e SINGULARITY_DISABLE_PID_NAMESPACES=true"),
        ("default", "Kubernetes", "user-namespaces", "securityContext.seccompProfile.type: Unconfined"),
        ("default", "Kubernetes", "fuse", "a device plugin that grants /dev/fuse"),
        ("default", "Kubernetes", "no-new-privileges", "securityContext.allowPrivilegeEscalation: false"),
        ("without-fuse", "Apptainer", "fuse", "--bind /dev/fuse"),
        ("default", "", "pid-namespaces", f"docker or podman: {MASKS}\ndocker or podman: {SECCOMP}"),
    ],
)
def test_the_one_thing_to_add(tmp_path, name, engine, row, flag):
    assert rows(seen(tmp_path, name, engine))[row].flag == flag


def test_what_is_there_costs_nothing(tmp_path):
    for name in ("recommended", "default", "privileged-fuse"):
        for row in ladder.judge(seen(tmp_path / name, name)):
            assert bool(row.costs) == (row.state != "yes"), row
            assert not (row.state == "yes" and row.flag), row


@pytest.mark.parametrize(
    ("name", "next", "add", "lacks"),
    [
        ("default", "minimum",
         "--security-opt seccomp=/path/to/ospool-ep.json --security-opt no-new-privileges --device /dev/fuse", ""),
        ("minimum", "recommended", f"{SECCOMP} {MASKS}", ""),
        ("podman-fuse", "recommended", f"{SECCOMP} {MASKS}", "--security-opt no-new-privileges"),
        ("without-systempaths", "recommended", MASKS, ""),
        ("without-fuse", "privileged", "", "--device /dev/fuse"),
        ("recommended", "privileged", "", ""),
        ("privileged-fuse", "", "", ""),
    ],
)  # fmt: skip
def test_what_the_next_level_takes(tmp_path, name, next, add, lacks):
    found = seen(tmp_path, name)
    level = levels.decide(found, ladder.judge(found))
    assert (level.next, level.add, level.lacks) == (next, add, lacks)


def test_a_pod(tmp_path):
    found = Facts(Runtime("Kubernetes"), facts.status(POD), around=Surroundings(seccomp=True, fuse="missing"))
    assert found.status == Status(0, 0, True, 2)
    assert rows(found)["capabilities"].found == "effective: none; bounding: none"
    level = levels.decide(found, ladder.judge(found))
    assert level.add == (
        "securityContext.seccompProfile: {type: Localhost, localhostProfile: ospool-ep-flat.json}\n"
        "a device plugin that grants /dev/fuse"
    )
    assert "    securityContext.seccompProfile" in ladder.text(found, 100)


def test_a_kernel_that_says_nothing(tmp_path):
    assert facts.status("") == Status()
    told = states(Facts())
    assert (told["seccomp"], told["capabilities"], told["no-new-privileges"]) == ("unknown",) * 3


def test_capabilities_by_name():
    found = Facts(status=Status(DEFAULT_SET, DEFAULT_SET, False, 2))
    row = rows(found)["capabilities"]
    assert row.state == "partly"
    assert row.found.startswith("effective: CHOWN DAC_OVERRIDE KILL SETGID SETUID NET_RAW SYS_CHROOT MKNOD and 6 more;")
    everything = replace(found, status=Status((1 << 41) - 1, (1 << 41) - 1, False, 0))
    assert rows(everything)["capabilities"].state == "yes"
    assert levels.decide(everything, ()).name == "privileged"
    # In cvmfsexec's user namespace every process has all of them, and none that counts
    inside = replace(everything, nested=True)
    assert (rows(inside)["capabilities"].state, levels.decide(inside, ()).name) == ("unknown", "recommended")


@pytest.mark.parametrize(
    ("files", "profile"),
    [
        ({}, ""),
        ({"current": "docker-default (enforce)\n"}, "docker-default (enforce)"),
        ({"apparmor/current": "x (complain)\n", "current": "ignored (enforce)"}, "x (complain)"),
        ({"current": "unconfined\n"}, "unconfined"),
        # SELinux has the same file
        ({"current": "system_u:system_r:container_t:s0:c1,c2\x00"}, ""),
    ],
)
def test_apparmor(tmp_path, files, profile):
    root = image_root(tmp_path)
    for name, text in files.items():
        put(root, f"/proc/self/attr/{name}", text)
    laid = machine(root)
    found = facts.look(laid, preflight(laid, GOOD, "0123abcd"))
    assert found.apparmor == profile
    assert rows(found)["apparmor"].state == ("partly" if profile.endswith("(enforce)") else "yes")


def test_cgroups_of_jobs():
    assert rows(Facts(delegation=Delegation("/sys/fs/cgroup")))["cgroups"].state == "yes"
    why = "/sys/fs/cgroup is read-only"
    in_docker, in_podman, in_pod = (
        rows(Facts(Runtime(engine), delegation=Delegation(None, why)))["cgroups"]
        for engine in ("docker", "podman", "Kubernetes")
    )
    assert why in in_docker.found
    assert in_docker.flag == "--security-opt writable-cgroups=true"
    assert in_podman.flag == "--runtime runc --security-opt unmask=ALL"
    assert in_pod.flag == ""
    assert rows(Facts(delegation=Delegation(None, "cgroup version 1")))["cgroups"].flag.startswith("host: cgroup v")


def test_gpus():
    good, lost = Gpu(Device(0, "GPU-1", "A100")), Gpu(Device(1, "GPU-2", "A100"), "gpu-lost", "it has gone")
    problem = warning("gpu-lost", "f", "w", "docker run --gpus all   (podman: --device nvidia.com/gpu=all)")

    def told(*table, note="", problems=()):
        found = Facts(Runtime("podman"), gpus=Gpus(table, note=note), gpus_text=note, gpu_problems=problems)
        return rows(found)["devices"]

    assert (told().state, told().found, told().flag) == ("no", "none here", "")
    assert told(note="none given").flag == "--device nvidia.com/gpu=all"
    assert told(good).state == "yes"
    assert (told(good, lost, problems=(problem,)).state, told(lost).state) == ("partly", "no")
    assert told(good, lost, problems=(problem,)).flag == "--device nvidia.com/gpu=all"


def test_where_the_site_wants_no_pid_namespaces(tmp_path):
    row = rows(replace(seen(tmp_path, "recommended"), pid_namespaces=False, pid_wanted=False))["pid-namespaces"]
    assert (row.state, row.flag) == ("no", "leave SINGULARITY_DISABLE_PID_NAMESPACES out")


def test_binds_of_the_site_that_break_containers_are_no_lack_of_privileges(root):
    plan = preflight(machine(root), GOOD, "0123abcd")
    broken = warning("bind-breaks", "f", "w", "c")
    lines = (*plan.lines, replace(plan.lines[0], problems=(broken,)))
    found = facts.look(machine(root), replace(plan, state=replace(plan.state, containers=0), lines=lines))
    assert found.containers


def test_a_cvmfs_of_our_own_is_known_from_the_plan(root):
    plan = preflight(machine(root), GOOD, "0123abcd")
    assert not facts.look(machine(root), plan).nested
    mounted = replace(plan.cvmfs, state=replace(plan.cvmfs.state, source=MOUNTED))
    assert facts.look(machine(root), replace(plan, cvmfs=mounted)).nested


def test_the_root_directory(root):
    (root / "usr").mkdir(exist_ok=True)
    found = facts.look(machine(root), preflight(machine(root), GOOD, "0123abcd"))
    assert found.read_only == bool(os.statvfs(root).f_flag & os.ST_RDONLY)
    assert states(replace(found, read_only=True))["read-only-root"] == "yes"


@pytest.mark.parametrize("width", [60, 80, 100, 140])
@pytest.mark.parametrize("name", ["default", "fuse-0600", "podman-fuse"])
def test_the_table_keeps_within_the_terminal(tmp_path, width, name):
    text = ladder.text(seen(tmp_path, name), width)
    assert max(map(len, text.splitlines())) <= width
    assert text.startswith("What this container (docker) may do: level ")


def test_what_is_pasted_from_a_narrow_terminal_is_one_command(tmp_path):
    text = ladder.text(seen(tmp_path, "default"), 70)
    command = text[text.index("add: --read-only") :].split("\n\n")[0].replace("\\\n", "")
    assert " ".join(command.split()) == (
        "add: --read-only --tmpfs /tmp:exec,mode=1777 --tmpfs /run:exec,mode=1777 --tmpfs /var/tmp:exec,mode=1777"
    )


def test_for_programs(tmp_path):
    found = ladder.rows(seen(tmp_path, "default"))
    assert all(list(row) == ["name", "state", "found", "costs", "flag"] for row in found)
    assert [row["name"] for row in found] == [
        "user-namespaces", "mounts", "pid-namespaces", "fuse", "cgroups", "devices", "seccomp", "apparmor",
        "capabilities", "no-new-privileges", "read-only-root",
    ]  # fmt: skip
    assert {row["state"] for row in found} == {"yes", "no"}
