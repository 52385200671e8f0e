"""The image with CUDA's run-time libraries: what it has more than the pilot's, and that it is a pilot all the same."""

import json
import re

import pytest
import runs

from poolbox import cuda
from poolbox import image as images
from poolbox.engine import EngineError
from poolbox.progress import Steps

# It measures 1.0 MB, two thirds of it libcudart
AT_MOST_MORE = 1.5e6
OPENS = """\
import ctypes
number = ctypes.c_int()
print(ctypes.CDLL("libcudart.so.11.0").cudaRuntimeGetVersion(ctypes.byref(number)), number.value)
print(ctypes.CDLL("libOpenCL.so.1").clGetPlatformIDs(0, None, ctypes.byref(number)), number.value)
"""
EVERYTHING = "find / -xdev ! -type d"
MORE = {
    "/etc/ld.so.conf.d/ospool-ep-cuda.conf",
    "/usr/lib/LIB/libOpenCL.so.1",
    "/usr/lib/LIB/libOpenCL.so.1.0.0",
    "/usr/local/cuda/EULA.txt",
    "/usr/local/cuda/lib64/libcudart.so.11.0",
    "/usr/local/cuda/version.json",
    "/usr/share/doc/ocl-icd-libopencl1/copyright",
}
JOIN = images.REPO / "image/cuda/join"
JOINED = "mkdir -p /out/usr/local/cuda/lib64; cd /out/usr/local/cuda/lib64; touch /tmp/stanza; {}; sh /join"
NEEDY = "sed 's/libm[.]so[.]6/libq.so.6/' /usr/lib/*/libstdc++.so.6 >libneedy.so"
LISTS = "dpkg --audit; dpkg-query -W ocl-icd-libopencl1; cat /usr/local/cuda/version.json"
# cudaErrorInsufficientDriver, CL_PLATFORM_NOT_FOUND_KHR: a machine without a driver
OPENED = ["35 0", "-1001 0"]


@pytest.fixture(scope="module")
def tags(box):
    """Both, built on the image of this ring."""
    return cuda.build(box.engine, Steps())


@pytest.fixture(scope="module")
def gpu_box(box, tags):
    """Runs containers of the CUDA image."""
    return runs.Box(box.engine, tags[0], box.name, box.files)


@pytest.fixture(scope="module")
def config(box, tags):
    return json.loads(box.engine.run("image", "inspect", tags[0]).stdout)[0]


def sh(box, script):
    """What a shell says, as any uid that a site may choose, on a root that nobody can write to."""
    options = ("--user", "4321", "--read-only", "--entrypoint", "sh")
    return box.run(options=options, command=("-c", script)).out


def test_it_has_both_names(box, tags):
    assert tags == ("ospool-ep:24-cuda-11_8_0-release", "ospool-ep:24-cuda_11_8_0-release")
    ids = box.engine.run("image", "inspect", "--format", "{{.Id}}", *tags).stdout.split()
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_it_is_the_pilots_image_with_one_small_layer_more(box, config):
    base = json.loads(box.engine.run("image", "inspect", box.image).stdout)[0]
    assert config["RootFS"]["Layers"][:-1] == base["RootFS"]["Layers"]
    assert 0 < config["Size"] - base["Size"] < AT_MOST_MORE
    for name in ("User", "Entrypoint", "WorkingDir", "StopSignal"):
        assert config["Config"].get(name) == base["Config"].get(name)


def test_nvidias_runtime_is_told_what_to_give(config):
    variables = dict(one.split("=", 1) for one in config["Config"]["Env"])
    assert variables["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert variables["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert config["Config"]["Labels"]["org.osg-htc.ospool-ep.cuda-version"] == "11.8.0"


def test_the_loader_finds_both_libraries_for_every_uid(gpu_box):
    options = ("--user", "4321", "--read-only", "--entrypoint", "python3")
    ended = gpu_box.run(options=options, command=("-c", OPENS))
    assert ended.out.splitlines() == OPENED


def test_it_has_these_files_more_and_no_driver_no_vendor_and_nothing_of_the_build(box, gpu_box):
    before, after = (set(sh(one, EVERYTHING).splitlines()) for one in (box, gpu_box))
    assert before - after == set()
    listed = {path for path in after - before if path.startswith("/var/lib/dpkg/info/ocl-icd-libopencl1")}
    assert {re.sub("/[^/]+-linux-gnu[^/]*/", "/LIB/", path) for path in after - before - listed} == MORE
    assert {path.rpartition(".")[2] for path in listed} >= {"list", "md5sums"}


def test_it_says_what_it_has(gpu_box):
    package, _, contents = sh(gpu_box, LISTS).partition("\n")
    assert package.startswith("ocl-icd-libopencl1")
    assert json.loads(contents) == {
        "cuda": {"name": "CUDA", "version": "11.8.0"},
        "wheels": {"nvidia_cuda_runtime_cu11": "11.8.89"},
    }
    assert "End User License Agreement" in sh(gpu_box, "cat /usr/local/cuda/EULA.txt")


def test_it_is_a_pilot_and_a_machine_without_gpus_is_no_problem(box, gpu_box):
    plain = box.run(options=("--entrypoint", "ospool-selftest"))
    tested = gpu_box.run(options=("--entrypoint", "ospool-selftest"))
    assert (tested.code, tested.refusals, tested.warnings) == (0, [], plain.warnings)
    assert "a pilot would start with these options" in tested.out


@pytest.mark.parametrize(("version", "libraries", "sentence"), [
    ("11.9.0", "cudart", "CUDA_VERSION=11.9.0: NVIDIA has no such version on PyPI, it has 11.8.0 12."),
    ("newest", "cudart", "CUDA_VERSION=newest: use, for example, 11.8.0"),
    ("11.8.0", "cudart,cudnn", "CUDA_LIBRARIES=cudnn: it may name cublas cudart "),
])  # fmt: skip
def test_what_there_is_not_is_refused_in_one_sentence(box, tags, version, libraries, sentence):
    with pytest.raises(EngineError) as refused:
        cuda.build(box.engine, Steps(), version, libraries)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(sentence)
    there = box.engine.run("image", "inspect", "--format", "{{.Id}}", *tags).stdout.split()
    assert len(set(there)) == 1, "an image that was there stays"


@pytest.mark.parametrize(("put", "sentence"), [
    ("touch libcuda.so.1", "a library of a driver would be in the image: /"),
    (NEEDY, "the CUDA libraries need some that this system has not: libq.so.6"),
])  # fmt: skip
def test_an_image_that_would_be_wrong_is_not_built(box, put, sentence):
    options = ("-v", f"{JOIN}:/join:ro", "--entrypoint", "sh", "--user", "0")
    ended = box.run(options=options, command=("-c", JOINED.format(put)))
    assert ended.code == 1
    assert ended.err.splitlines()[-1].startswith(sentence)


def test_an_image_from_an_unchanged_tree_stays_the_same(box, tags):
    before, after = (identity(box, cuda.build(box.engine, Steps())) for _ in range(2))
    assert before == after


def identity(box, tags):
    return box.engine.run("image", "inspect", "--format", "{{.Id}}", *tags).stdout
