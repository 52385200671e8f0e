"""What can be seen of GPUs without asking a driver."""

import errno
import os
import time

import pytest

from fakes import machine, put
from gpu_fakes import CUDA, LIB, NVML
from ospool_ep.gpus import present
from ospool_ep.gpus.present import Present


def look(root, *more):
    return present.look(machine(root), more)


def test_a_machine_without_gpus_has_nothing_worth_asking(root):
    (root / "usr/lib64").mkdir(parents=True)
    put(root, "/dev/null", "")
    assert look(root) == Present()
    assert not look(root).worth_asking


def test_nodes_of_gpus_are_counted_as_people_count(root):
    for name in ("nvidia10", "nvidia2", "nvidia0", "nvidiactl", "nvidia-uvm", "nvidia-modeset", "nvidia1x", "xnvidia1"):
        put(root, f"/dev/{name}", "")
    found = look(root)
    assert found.nodes == ("/dev/nvidia0", "/dev/nvidia2", "/dev/nvidia10")
    assert found.worth_asking


def test_windows_own_node(root):
    put(root, "/dev/dxg", "")
    assert look(root).nodes == ("/dev/dxg",)


def test_nodes_that_belong_to_no_gpu_are_nothing(root):
    put(root, "/dev/nvidiactl", "")
    put(root, "/dev/nvidia-uvm", "")
    assert not look(root).worth_asking


@pytest.mark.parametrize("name", [NVML, CUDA])
@pytest.mark.parametrize("directory", [LIB, "/usr/lib64", "/usr/local/nvidia/lib64", "/.singularity.d/libs"])
def test_either_library_in_a_usual_place(root, directory, name):
    put(root, f"{directory}/{name}", "")
    assert look(root).directories == (directory,)
    assert look(root).worth_asking


def test_the_sites_own_directories_come_first_and_only_once(root):
    put(root, f"/opt/driver/{CUDA}", "")
    put(root, f"{LIB}/{NVML}", "")
    assert look(root, "/opt/driver", LIB, "/nowhere", LIB).directories == ("/opt/driver", LIB)


@pytest.mark.parametrize("name", ["libcuda.so", "libcudart.so.12", "libnvidia-ml.so", "libOpenCL.so.1"])
def test_what_a_toolkit_brings_is_no_driver(root, name):
    """Its stubs have the unversioned names."""
    put(root, f"{LIB}/{name}", "")
    assert not look(root).worth_asking


def test_a_dangling_link_is_no_library(root):
    (root / "usr/lib64").mkdir(parents=True)
    (root / "usr/lib64" / CUDA).symlink_to("/nowhere")
    assert not look(root).worth_asking


def test_the_files_of_opencls_vendors(root):
    for name in ("nvidia.icd", "pocl.icd", "README", "old.icd.save"):
        put(root, f"/etc/OpenCL/vendors/{name}", "lib")
    found = look(root)
    assert set(found.vendors) == {"/etc/OpenCL/vendors/nvidia.icd", "/etc/OpenCL/vendors/pocl.icd"}
    assert not found.worth_asking, "PoCL runs on CPUs"


def test_the_kernel_is_the_hosts_and_may_have_the_driver(root):
    (root / "sys/module/nvidia").mkdir(parents=True)
    assert look(root) == Present(module=True)
    assert not look(root).worth_asking


def test_directories_that_nobody_may_look_into_are_passed_over(nobodys):
    closed = nobodys / "closed"
    put(nobodys, f"/closed/{CUDA}", "")
    put(nobodys, "/etc/OpenCL/vendors/a.icd", "")
    for path in (closed, nobodys / "etc/OpenCL/vendors"):
        path.chmod(0)
    assert look(nobodys, "/closed") == Present()


def test_paths_that_no_system_has_are_passed_over(root):
    too_long = f"/{'x' * 300}"
    with pytest.raises(OSError) as refused:
        os.stat(too_long)  # noqa: PTH116
    assert refused.value.errno == errno.ENAMETOOLONG
    assert look(root, too_long) == Present()


def test_it_takes_no_time(root):
    """A machine without GPUs must start no slower for it; what is allowed for everything is 20 ms."""
    begin = time.perf_counter()
    look(root)
    assert time.perf_counter() - begin < 0.02
