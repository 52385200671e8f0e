"""Captured machines: the offer that their stated limits allow, worked out by hand from what each capture says it is."""

import re
from dataclasses import dataclass, replace
from fnmatch import fnmatch

import pytest

import captured
from fakes import ids

OUTSIDE = "of a cgroup outside of this container"
UNSEEN = frozenset({"cpu-limit-unseen", "memory-limit-unseen", "processes-limit-unseen"})
ALL = "all of the host"


@dataclass(frozen=True)
class Expected:
    """`by` are the beginnings of what decides: CPUs, memory. Processes: the smallest limit of all cgroups seen."""

    cpus: int
    memory_mb: int
    by: tuple[str, str]
    processes: int | None = None
    problems: frozenset[str] = frozenset()


def own_memory(mb):
    return f"memory limit {mb} MB of this cgroup"


def parents_memory(mb):
    return f"memory limit {mb} MB of the parent cgroup"


# 1.5 CPUs, CPU 1, 600 MB, 300 processes on a host of 2
V1 = Expected(1, 500, ("cpuset 1", own_memory(600)), 300)
# 1.5 CPUs, CPUs 1 and 2, 600 MB, 300 processes on a host of 4
V2 = Expected(1, 500, ("cpu quota 1.5 of this cgroup", own_memory(600)), 300)
# 600 MB with memory.high at 500, 2.5 CPUs, CPUs 0 to 2, 400 processes, all on batch.slice around us
SLICE = Expected(
    2,
    500,
    ("cpu quota 2.5 of the parent cgroup", parents_memory(600)),
    400,
    frozenset({"memory-high", "processes-few"}),
)


def slurm(cpus, memory_mb):
    """The kernel's limits are the same as Slurm's words, which are therefore not told again."""
    return Expected(cpus, memory_mb - 100, (f"cpuset {cpus}", parents_memory(memory_mb)))


# 300 MB are ours of a step's 600, too little to keep 100
HALF = Expected(1, 200, ("affinity mask 1", "SLURM_MEM_PER_CPU 300 MB"), problems=frozenset({"memory-too-little"}))


EXPECTED = {
    # version 1
    "docker-v1-unlimited": Expected(2, 24105, (ALL, ALL)),
    "docker-v1-limited": V1,
    "docker-v1-cgroupns-private": V1,
    "docker-v1-host-cgroupfs": V1,
    "docker-v1-hidden": Expected(2, 24105, (ALL, ALL), problems=UNSEEN),
    # The parent's quota of 1.5 CPUs cannot be seen; its memory shows in memory.stat.
    "docker-v1-parent-limited": Expected(2, 400, (ALL, f"memory limit 500 MB {OUTSIDE}")),
    "docker-v1-parent-limited-host-cgroupfs": Expected(
        1, 400, ("cpu quota 1.5 of the parent cgroup", parents_memory(500))
    ),
    # The whole host is shown, but not where we are in it.
    "docker-v1-parent-limited-cgroupns-private": Expected(2, 24105, (ALL, ALL), problems=UNSEEN),
    "podman-v1-limited": V1,
    "podman-v1-unlimited": Expected(2, 24105, (ALL, ALL), 2048),  # podman's own default
    "kubernetes-v1": Expected(2, 3996, ("cpu quota 2.5 of this cgroup", own_memory(4096))),
    "slurm-batch-v1-mem": slurm(1, 1000),
    "slurm-step-v1-mem": slurm(1, 1000),
    # both
    "hybrid-host": Expected(2, 24105, (ALL, ALL)),
    "hybrid-host-sub": Expected(1, 1948, ("cpuset 1", parents_memory(2048)), 500),
    # The parent's 2 GB and 500 processes are shut; the memory shows in its memory.stat.
    "hybrid-host-unreadable": Expected(
        1, 1948, ("cpu quota 1.2 of this cgroup", f"memory limit 2048 MB {OUTSIDE}"), problems=UNSEEN
    ),
    # version 2
    "docker-v2-unlimited": Expected(4, 5927, (ALL, ALL), 7081),  # systemd's default for a service
    "docker-v2-limited": V2,
    "docker-v2-host-cgroupns": V2,
    # As with version 1: the whole host, but not where we are in it; the mask still tells the CPUs.
    "docker-v2-host-cgroupfs": Expected(2, 5927, ("affinity mask 2", ALL), problems=UNSEEN),
    # What the parent has of memory and quota is nowhere to be seen; its CPUs are.
    "docker-v2-parent-limited": Expected(3, 5927, ("cpuset 3", ALL), 7081),
    "docker-v2-parent-limited-host-cgroupns": SLICE,
    "podman-v2-unlimited": Expected(4, 5927, (ALL, ALL), 2048),
    "podman-v2-limited": V2,
    "podman-v2-unmask-all": V2,
    "podman-v2-host-cgroupns": V2,
    # One level below the container's own.
    "podman-v2-delegate": Expected(1, 500, ("cpu quota 1.5 of the parent cgroup", parents_memory(600)), 300),
    "podman-v2-parent-limited": Expected(3, 5927, ("cpuset 3", ALL), 2048),
    "podman-v2-rootless": V2,
    "podman-v2-rootless-unlimited": Expected(4, 5927, (ALL, ALL), 2048),
    "kubernetes-v2-besteffort": Expected(64, 257000, (ALL, ALL)),
    "kubernetes-v2-burstable": Expected(
        2, 3996, ("cpu quota 2.5 of this cgroup", own_memory(4096)), problems=frozenset({"memory-high"})
    ),
    "kubernetes-v2-guaranteed": Expected(4, 8092, ("cpu quota 4.0 of this cgroup", own_memory(8192))),
    "kubernetes-v2-host-cgroupns": Expected(
        4, 8092, ("cpu quota 4.0 of the parent cgroup", parents_memory(8192)), 1024
    ),
    "lxcfs-v2": V2,  # /proc/meminfo says 600 MB as well
    "lxcfs-system-container": Expected(2, 3996, ("cpu quota 2.0 of the cgroup /", "memory limit 4096 MB"), 4915),
    "systemd-v2-unlimited": Expected(4, 5927, (ALL, ALL), 7081),
    "systemd-v2-service": Expected(
        1, 600, ("cpu quota 1.5 of this cgroup", own_memory(700)), 200, frozenset({"memory-high", "processes-few"})
    ),
    "systemd-v2-slice": SLICE,
    "slurm-batch-v2-mem": slurm(2, 1000),
    "slurm-batch-v2-mem-per-cpu": slurm(2, 800),
    "slurm-batch-v2-two-tasks": slurm(2, 600),
    "slurm-step-v2-mem": slurm(2, 1000),
    "slurm-step-v2-mem-per-cpu": slurm(2, 800),
    # Bound to one CPU each; the kernel's 600 MB are for both together.
    "slurm-step-v2-two-tasks-0": HALF,
    "slurm-step-v2-two-tasks-1": HALF,
    "unlimited-v2-host": Expected(4, 5927, (ALL, ALL)),
}


@pytest.mark.parametrize("name", captured.NAMES)
def test_the_offer_is_what_the_captured_limits_allow(tmp_path, name):
    expected, seen = EXPECTED[name], captured.look(captured.load(name), tmp_path)
    assert (seen.cpus.amount, seen.memory.amount) == (expected.cpus, expected.memory_mb)
    assert seen.cpus.source.startswith(expected.by[0])
    assert seen.memory.source.startswith(expected.by[1])
    assert seen.processes == expected.processes
    assert sorted(ids(seen.problems)) == sorted(expected.problems)


@pytest.mark.parametrize("name", captured.NAMES)
def test_asking_for_more_gets_no_more(tmp_path, name):
    expected = EXPECTED[name]
    seen = captured.look(captured.load(name), tmp_path, NUM_CPUS="65536", MEMORY="1000000")
    assert (seen.cpus.amount, seen.memory.amount) == (expected.cpus, expected.memory_mb)
    told = ids(seen.problems)
    assert told.count("offer-lowered") == (1 if "memory-too-little" in told else 2)


@pytest.mark.parametrize("name", captured.NAMES)
def test_asking_for_less_is_granted(tmp_path, name):
    seen = captured.look(captured.load(name), tmp_path, NUM_CPUS="1", MEMORY="256")
    assert (seen.cpus.amount, seen.memory.amount) == (1, min(256, EXPECTED[name].memory_mb))
    assert "offer-lowered" not in ids(seen.problems)


def test_every_capture_is_expected_and_every_expectation_has_its_capture():
    assert set(EXPECTED) == set(captured.NAMES)


@pytest.mark.parametrize("name", captured.NAMES)
def test_every_capture_says_what_it_is_and_how_it_was_made(name):
    capture = captured.load(name)
    assert capture.what
    assert re.match(r"captured 20\d\d-\d\d-\d\d, kernel \d|written from .*, not captured", capture.how)
    assert capture.files["/proc/self/cgroup"].strip()


@pytest.mark.parametrize("name", captured.NAMES)
def test_the_readme_of_the_captures_says_how_to_make_each_again(name):
    rows = re.findall(r"^\| (`.*?`) \|", (captured.DIRECTORY / "README.md").read_text(), re.MULTILINE)
    patterns = [pattern for row in rows for pattern in re.findall(r"`(.*?)`", row)]
    assert any(fnmatch(name, pattern) for pattern in patterns)


SLURM = [name for name in captured.NAMES if name.startswith("slurm")]


@pytest.mark.parametrize("name", SLURM)
def test_where_the_kernel_does_not_enforce_it_slurms_word_alone_bounds_the_offer(tmp_path, name):
    """A site whose slurm.conf has no task/cgroup: the same environment, no limits in the tree, no binding."""
    capture = captured.load(name)
    free = replace(captured.load("unlimited-v2-host"), env=capture.env)
    seen = captured.look(free, tmp_path)
    tasks = int(capture.env.get("SLURM_STEP_TASKS_PER_NODE", "1"))
    assert seen.cpus.amount == int(capture.env["SLURM_CPUS_ON_NODE"]) // tasks
    assert seen.cpus.source.startswith("SLURM_CPUS_ON_NODE ")
    assert seen.memory.amount == EXPECTED[name].memory_mb
    assert seen.memory.source.startswith("SLURM_MEM_PER_")
    assert sorted(ids(seen.problems)) == sorted(EXPECTED[name].problems)
