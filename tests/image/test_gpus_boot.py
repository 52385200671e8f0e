"""Machines with GPUs, well and ill, before a pilot starts: what ospool-selftest says of them. Stand-ins for NVIDIA's
libraries play the machines; everything else is real, HTCondor's discovery and the container with --nv among it.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import gpu_standin as gpus
import pytest
import selftests
from gpu_standin import A100, GKE, Machine, h100, h100s

ALL = "all"
TWO = h100s(2)
MIXED = Machine((A100, h100(1)))
BOTH = (TWO.gpus[0].uuid, TWO.gpus[1].uuid)
FIRST, SECOND = BOTH
PARTS = tuple(part.uuid for part in A100.instances)
IMAGE = "ospool-ep:24-release"


@dataclass(frozen=True)
class Case:
    """A machine, and what selftest says: UUIDs that are offered, ids of warnings, a piece of their texts."""

    machine: Machine | None = TWO
    offered: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    says: str = ""
    env: tuple[tuple[str, str], ...] = ()
    minors: tuple[int, ...] | None = None
    where: str = gpus.SYSTEM
    libraries: tuple[str, ...] = gpus.LIBRARIES
    cache: str = ""
    closed: tuple[str, ...] = ()
    unversioned: bool = False


def but(**changes):
    """Two devices, the second changed."""
    return TWO.but(1, **changes)


def more(*lines):
    """Two devices and further lines."""
    return replace(TWO, more=lines)


def visible(name, value):
    return ((f"{name}_VISIBLE_DEVICES", value),)


CASES = {
    "one": Case(h100s(1), h100s(1).uuids),
    "eight": Case(h100s(8), h100s(8).uuids),
    "all that a toolkit does": Case(offered=BOTH, cache="knows", unversioned=True),
    "another system's loader cache": Case(offered=BOTH, cache="foreign"),
    "libraries where GKE has them": Case(offered=BOTH, where=GKE),
    "libraries where LD_LIBRARY_PATH says": Case(
        offered=BOTH, where="/opt/driver", env=(("LD_LIBRARY_PATH", "/opt/driver:relative"),)
    ),
    "instances and a whole one": Case(MIXED, (*PARTS, MIXED.gpus[1].uuid)),
    "no devices": Case(h100s(0), (), ("gpu-no-devices",), "580.159.04", minors=(0,)),
    "no libraries": Case(libraries=(), warnings=("gpu-no-driver-library",), says="/dev/nvidia0"),
    "asked for, and nothing came": Case(
        Machine(), libraries=(), warnings=("gpu-no-driver-library",), says="=0,1", env=visible("NVIDIA", "0,1")
    ),
    "no driver": Case(None, (), ("gpu-driver-not-loaded",), "Driver Not Loaded", minors=(0,)),
    "libraries of another driver": Case(
        more("nvml-init 18", "cuda-init 803"), (), ("gpu-driver-mismatch",), "version mismatch"
    ),
    "NVML fails": Case(more("nvml-init 999", "cuda-init 999"), (), ("gpu-nvml-error",), "Unknown Error"),
    "NVML cannot count": Case(more("nvml-count 999"), (), ("gpu-nvml-error",), "Unknown Error"),
    "one lost": Case(but(handle="15"), (FIRST,), ("gpu-lost",), "GPU is lost"),
    "one lost, NVML knows it still": Case(but(query="15"), (FIRST,), ("gpu-lost",), "GPU is lost"),
    "one with an unknown error": Case(but(handle="999"), (FIRST,), ("gpu-lost",), "Unknown Error"),
    "one closed and left out": Case(
        TWO, (FIRST,), ("gpu-device-permission",), "/dev/nvidia1", closed=("nvidia1",)
    ),
    "one closed and refused": Case(
        replace(TWO, nodes="refused"), (FIRST,), ("gpu-device-permission",), "", closed=("nvidia1",)
    ),
    "one closed, and listed": Case(
        replace(TWO, nodes="ignored"), (FIRST,), ("gpu-device-permission",), "/dev/nvidia1", closed=("nvidia1",)
    ),
    "all closed": Case(
        TWO, (), ("gpu-device-permission",), "/dev/nvidiactl", closed=("nvidia0", "nvidia1", "nvidiactl")
    ),
    "one without a node": Case(
        replace(TWO, nodes="ignored"), (FIRST,), ("gpu-device-missing",), "/dev/nvidia1", minors=(0,)
    ),
    "an empty divided one": Case(
        Machine((replace(A100, instances=()), h100(1))), (SECOND,), ("gpu-mig-empty",), "GPU-5f3a2b1c"
    ),
    "CUDA fails": Case(more("cuda-init 999"), (), ("gpu-cuda",), "999"),
    "CUDA lists fewer": Case(more("cuda-sees 1"), (FIRST,), ("gpu-cuda",), "GPU-1d1c6f0a"),
    "a hanging driver": Case(more("hangs nvml-init"), (), ("gpu-hangs",), "starting NVML"),
    "a hanging device": Case(but(handle="hang"), (), ("gpu-hangs",), "GPU 1"),
    "all are given": Case(offered=BOTH, env=visible("NVIDIA", ALL)),
    "one given, both visible": Case(
        offered=(SECOND,), warnings=("gpu-not-granted",), says="1 of 2", env=visible("NVIDIA", SECOND)
    ),
    "one given by its beginning": Case(
        offered=(SECOND,), warnings=("gpu-not-granted",), says="1 of 2", env=visible("CUDA", "GPU-1d1c6f")
    ),
    "an instance given": Case(
        MIXED, PARTS[:1], ("gpu-not-granted",), "", env=visible("CUDA", PARTS[0])
    ),
    "none given": Case(offered=(), warnings=("gpu-not-granted",), says="2 of 2", env=visible("CUDA", "")),
    "given what is not there": Case(
        offered=(FIRST,), warnings=("gpu-grant-unknown",), says="7", env=visible("CUDA", "0,7")
    ),
    # A comma separates the libraries that Apptainer is told to bind
    "libraries that no container can be given": Case(
        where="/opt/a,b", env=(("LD_LIBRARY_PATH", "/opt/a,b"),), warnings=("gpu-job-container",), says="libcuda.so.1"
    ),
    "nothing at all": Case(Machine(), libraries=()),
}  # fmt: skip


def options(box, case):
    host = gpus.host(box, case.machine, case.minors)
    chosen = {"unversioned": case.unversioned, "cache": case.cache, "libraries": case.libraries, "closed": case.closed}
    return host.options(case.where, **chosen)


def selftest(box, case, given):
    return box.run(dict(case.env), (*given, "--entrypoint", "ospool-selftest"), timeout_s=120)


def table(said):
    """The rows of the GPU table: UUID to (HTCondor, job container, why not)."""
    rows = [re.split(r"\s{2,}", line.strip()) for line in said.out.splitlines() if re.match(r"  +\d+(:\d+)? ", line)]
    return {row[2]: tuple(row[5:]) for row in rows}


@pytest.fixture(scope="module")
def answers(box):
    """What ospool-selftest says of each machine, three at a time: name to Future of an end."""
    several = ThreadPoolExecutor(3)
    prepared = {name: options(box, case) for name, case in CASES.items()}
    yield {name: several.submit(selftest, box, CASES[name], given) for name, given in prepared.items()}
    several.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", CASES)
def test_what_a_machine_offers_and_what_is_wrong_with_it(answers, name):
    case, said = CASES[name], answers[name].result()
    assert said.code == 0, said
    assert tuple(id for id in said.warnings if id.startswith("gpu")) == case.warnings
    assert "Traceback" not in said.out + said.err
    assert case.says in " ".join(selftests.problem(said, id)["found"] for id in case.warnings)
    usable = [uuid for uuid, (htcondor, container, *_) in table(said).items() if (htcondor, container) == ("yes",) * 2]
    assert tuple(usable) == case.offered
    assert "check-timeout" not in said.warnings


def test_a_row_says_why_a_gpu_is_not_offered(answers):
    said = answers["one lost"].result()
    rows = table(said)
    assert rows[FIRST] == ("yes", "yes")
    assert [row for row in rows.values() if "GPU is lost" in row[-1]]


def test_nothing_is_said_where_there_is_no_gpu(answers):
    said = answers["nothing at all"].result()
    assert not re.search(r"^\S+ SELFTEST (ok|warning) +gpus", said.out, re.MULTILINE)
    assert table(said) == {}
