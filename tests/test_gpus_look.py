"""look.py as a program, on a machine that has no GPU and no driver; any library of the system stands in for one.

With the stand-ins for the driver's own libraries it runs in the ring of the image.
"""

import ctypes
import json
import os
import shutil
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from fakes import machine
from gpu_fakes import CUDA, LIBRARIES, NVML, UNVERSIONED
from ospool_ep.gpus import cuda, look, seen
from ospool_ep.gpus.judge import judge
from ospool_ep.gpus.present import Present
from ospool_ep.machine import Result

VERSIONED = {NVML: "libnvidia-ml.so.580.159.04", CUDA: "libcuda.so.580.159.04"}


def run(*arguments, **environment):
    words = (sys.executable, "-I", look.__file__, *map(str, arguments))
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def understood(*arguments, **environment):
    result = run(*arguments, **environment)
    assert (result.status, result.stderr) == (0, "")
    return seen.ask(machine(Path("/"), answers=(("look.py", result),)), ())


@pytest.fixture
def installed(tmp_path):
    """Libraries as a package installs them: the name that programs know is a link to the file with the version."""
    ctypes.CDLL("libm.so.6")
    mapped = Path("/proc/self/maps").read_text().split()
    some = next(path for path in mapped if path.startswith("/") and Path(path).name.startswith("libm"))
    for name, versioned in VERSIONED.items():
        shutil.copy(some, tmp_path / versioned)
        (tmp_path / name).symlink_to(versioned)
    return tmp_path


def test_without_a_driver():
    found = understood()
    assert [one.name for one in found.libraries] == list(LIBRARIES)
    assert not any(one.found or one.path for one in found.libraries)
    assert "No such file" in found.library(NVML).error
    assert (found.devices, found.nodes) == ((), ())
    assert found.failed == 12, "NVML: library not found"


def test_a_file_that_is_no_library_is_told_in_the_loaders_words(tmp_path):
    (tmp_path / NVML).write_text("this is no library at all, and longer than the header of one" * 9)
    found = understood(tmp_path)
    assert "invalid ELF header" in found.library(NVML).error
    (problem,) = judge(Present(("/dev/nvidia0",), (str(tmp_path),)), found, "", (), ())
    assert problem.id == "gpu-no-driver-library"
    assert str(tmp_path) in problem.found
    assert "invalid ELF header" in problem.raw


def test_of_several_reasons_that_of_the_file_that_is_there_counts(tmp_path):
    (tmp_path / NVML).write_text("")
    assert "file too short" in understood(tmp_path, "/nowhere").library(NVML).error
    assert "file too short" in understood("/nowhere", tmp_path).library(NVML).error


def test_libraries_that_the_loader_does_not_know_are_taken_from_the_directories(installed):
    found = understood("/nowhere", installed)
    for name in (NVML, CUDA):
        assert (found.library(name).found, found.library(name).path) == (False, f"{installed}/{name}")
    assert not found.library(UNVERSIONED).path


def test_of_libraries_that_the_loader_knows_the_file_behind_the_link_is_told(installed):
    found = understood(LD_LIBRARY_PATH=str(installed))
    for name, versioned in VERSIONED.items():
        assert (found.library(name).found, found.library(name).path) == (True, f"{installed}/{versioned}")


def test_a_library_that_lacks_nvmls_functions(installed):
    found = understood(LD_LIBRARY_PATH=str(installed))
    assert found.failed == 13
    (problem,) = judge(Present(directories=(str(installed),)), found, "", (), ())
    assert problem.id == "gpu-nvml-error"


def test_in_a_jobs_container_nothing_is_asked(installed):
    """No package is read there either (-S): the image of a job has none."""
    words = (sys.executable, "-I", "-S", look.__file__, look.INSIDE)
    environment = {"LD_LIBRARY_PATH": str(installed)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = seen.understood(done.stdout)
    assert found.library(CUDA).path == f"{installed}/{VERSIONED[CUDA]}"
    assert (found.failed, found.devices) == (0, ())
    assert "NVML" not in done.stdout


def test_cuda_without_a_library():
    found = cuda.understood(run("--cuda", "/nowhere"))
    assert (found.failed, found.uuids) == (-1, frozenset())
    assert "No such file" in found.words


def test_cuda_with_a_library_that_is_none(installed):
    found = cuda.understood(run("--cuda", LD_LIBRARY_PATH=str(installed)))
    assert found.failed
    assert found.words


# --- nodes


@pytest.mark.parametrize(("path", "error"), [("/dev/null", ""), ("/dev/nvidia-nowhere", "ENOENT"), ("/", "EISDIR")])
def test_opening(path, error):
    assert look.opened(path) == error


def test_a_node_that_we_may_not_open(nobodys):
    closed = nobodys / "nvidia0"
    closed.touch(mode=0o600)
    closed.chmod(0o400)
    assert look.opened(str(closed)) == "EACCES"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device files")
def test_a_node_without_a_driver_behind_it(tmp_path):
    """NVIDIA's major number, which nothing answers to here."""
    node = tmp_path / "nvidia0"
    try:
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(195, 0))
    except PermissionError:
        pytest.skip("no device files can be made here")
    assert look.opened(str(node)) in {"ENXIO", "EPERM", "EACCES"}


def test_nothing_waits_for_a_node(tmp_path):
    os.mkfifo(tmp_path / "nvidia0")
    assert look.opened(str(tmp_path / "nvidia0")) == ""


# --- NVML's answers to single questions


class NvmlError(Exception):
    """Stands in for pynvml.NVMLError."""

    def __init__(self, value):
        super().__init__(f"pynvml says {value}")
        self.value = value


# Two instances in the seven slots of a GPU that NVML calls "whole".
ANSWERS = {
    "ErrorString": lambda code: f"the driver says {code}",
    "DeviceGetHandleByIndex": lambda index: "whole",
    "DeviceGetUUID": lambda handle: f"{handle}'s",
    "DeviceGetName": lambda handle: "A name",
    "DeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=81559 << 20),
    "DeviceGetCudaComputeCapability": lambda handle: (9, 0),
    "DeviceGetMinorNumber": lambda handle: 3,
    "DeviceGetMigMode": lambda handle: (1, 1),
    "DeviceGetMaxMigDeviceCount": lambda handle: 7,
    "DeviceGetMigDeviceHandleByIndex": lambda handle, number: {1: "first", 4: "second"}.get(number) or fail(6),
}


def fail(code):
    raise NvmlError(code)


def stand_in_for_pynvml(errors):
    """`errors`: function to the code that it ends with."""
    failing = {name: partial(_fails, code) for name, code in errors.items()}
    functions = {f"nvml{name}": function for name, function in (ANSWERS | failing).items()}
    return SimpleNamespace(NVMLError=NvmlError, **functions)


def _fails(code, *arguments):
    fail(code)


def devices(capfd, **errors):
    look._device(stand_in_for_pynvml(errors), 0)
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_a_gpu_with_instances(capfd):
    whole, first, second = devices(capfd)
    known = {"name": "A name", "memory_mb": 81559, "capability": "9.0"}
    assert whole == {"device": 0, "uuid": "whole's", "minor": 3, "mig": True} | known
    assert first == {"instance": 1, "of": 0, "uuid": "first's"} | known
    assert (second["instance"], second["uuid"]) == (4, "second's")


@pytest.mark.parametrize("code", [2, 3, 6, 13])
def test_what_a_gpu_does_not_have_is_left_empty(capfd, code):
    missing = ("MemoryInfo", "CudaComputeCapability", "Name", "MinorNumber", "MigMode")
    (only,) = devices(capfd, **{f"DeviceGet{name}": code for name in missing})
    assert only == {"device": 0, "uuid": "whole's", "name": "", "memory_mb": None, "capability": "", "minor": None,
                    "mig": False}  # fmt: skip


@pytest.mark.parametrize("name", ["HandleByIndex", "UUID", "MemoryInfo", "MinorNumber", "MigMode", "MaxMigDeviceCount",
                                  "MigDeviceHandleByIndex", "Name", "CudaComputeCapability"])  # fmt: skip
def test_a_gpu_that_fails_somewhere_is_told_once_with_the_drivers_words(capfd, name):
    (only,) = devices(capfd, **{f"DeviceGet{name}": 999})
    assert (only["device"], only["failed"], only["words"]) == (0, 999, "the driver says 999")


def test_words_that_the_driver_does_not_have_are_the_modules(capfd):
    (only,) = devices(capfd, DeviceGetUUID=77, ErrorString=2)
    assert only["words"] == "pynvml says 77"
