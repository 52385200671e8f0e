"""Facts about the machine that the tests run on."""

import os
from pathlib import Path

import psutil
import pytest

from fakes import put
from ospool_ep import host

MORE = (
    "MemFree: 1024 kB\nMemAvailable: 2048 kB\nBuffers: 0 kB\nCached: 0 kB\nActive: 0 kB\nInactive: 0 kB\nShmem: 0 kB\n"
)


def test_this_machine():
    found = host.look()
    online = os.sysconf("SC_NPROCESSORS_ONLN")
    assert found.cpus == online
    assert found.affinity == len(os.sched_getaffinity(0))
    assert found.memory_mb == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2
    total_kb = next(row for row in Path("/proc/meminfo").read_text().splitlines() if row.startswith("MemTotal:"))
    assert found.visible_mb == int(total_kb.split()[1]) // 1024


def test_an_affinity_mask_does_not_change_how_many_cpus_the_host_has():
    mask = os.sched_getaffinity(0)
    before = host.look().cpus
    os.sched_setaffinity(0, {min(mask)})
    try:
        assert host.look().affinity == 1
        assert host.look().cpus == before
    finally:
        os.sched_setaffinity(0, mask)


@pytest.fixture
def proc(tmp_path, monkeypatch):
    """psutil's own setting for another /proc."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    return tmp_path


def test_lxcfs_says_less_than_the_kernel(proc):
    put(proc, "/meminfo", f"MemTotal:       4194304 kB\n{MORE}")
    assert host.look().visible_mb == 4096
    assert host.look().memory_mb == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "MemFree: 1 kB\n",
        "MemTotal:\n",
        "\n",
        "MemTotal: much kB\n",
        "MemTotal: 1.5 kB\n",
        "\x00\xff",
        "x y z",
    ],
)
def test_a_meminfo_that_cannot_be_understood_says_nothing(proc, text):
    if text is not None:
        put(proc, "/meminfo", text)
    assert host.look().visible_mb is None
    assert host.look().memory_mb > 0
