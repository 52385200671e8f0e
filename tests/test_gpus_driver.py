"""Where the driver's libraries are, and for whom they are put where."""

import dataclasses

import pytest

from fakes import Result, machine, put
from gpu_fakes import CUDA, LIB, LIBRARIES, NVML, UNVERSIONED, ldconfig, libraries, seen
from ospool_ep.gpus import driver
from ospool_ep.gpus.driver import Driver, look
from ospool_ep.gpus.found import Gpus

GKE = "/usr/local/nvidia/lib64"
LIST = (
    "# put binaries here\nnvidia-smi\n/usr/bin/x.so\n\n# put libs here\nlibcuda.so\nlibnvidia-ml.so\nlibGLX_nvidia.so\n"
)


def installed(root, directory=LIB, *more):
    """Files as a driver's package has them."""
    for name in (NVML, CUDA, "libcuda.so.580.159.04", *more):
        put(root, f"{directory}/{name}", "")
    return root


def of(root, *known, found=None, directories=(LIB,), cache=None, **changes):
    """`known`: to the loader's cache."""
    answers = (("ldconfig -p", cache or ldconfig(*known)),)
    return look(machine(root, answers=answers, **changes), seen(libraries=found or libraries(*LIBRARIES)), directories)


def test_where_everybody_finds_everything_nothing_is_done(root):
    found = of(installed(root, LIB, UNVERSIONED), *LIBRARIES)
    assert (found.links, found.plain, found.bound) == (False, False, ())


def test_htcondor_asks_for_a_name_that_nvidias_runtime_leaves_out(root):
    found = of(installed(root), NVML, CUDA, found=libraries(NVML, CUDA))
    assert (found.links, found.plain, found.bound) == (True, False, ())
    assert dict(found.files)[UNVERSIONED] == f"{LIB}/{CUDA}"


def test_where_the_loader_knows_none_links_are_for_everybody(root):
    found = of(installed(root, GKE), found=libraries(NVML, CUDA, directory=GKE, found=False), directories=(GKE,))
    assert (found.links, found.plain) == (True, True)
    assert dict(found.files) == {
        NVML: f"{GKE}/{NVML}", CUDA: f"{GKE}/{CUDA}", UNVERSIONED: f"{GKE}/{CUDA}",
        "libcuda.so.580.159.04": f"{GKE}/libcuda.so.580.159.04",
    }  # fmt: skip
    assert found.bound == (f"{GKE}/{CUDA}", f"{GKE}/libcuda.so.580.159.04", f"{GKE}/{NVML}")


@pytest.mark.parametrize("missing", [NVML, CUDA])
def test_one_that_the_loader_does_not_know_is_enough(root, missing):
    found = tuple(dataclasses.replace(one, found=one.name != missing) for one in libraries(*LIBRARIES))
    assert of(installed(root), *LIBRARIES, found=found).plain


@pytest.mark.parametrize(
    "cache",
    [Result(0, "0 libs found\n", ""), Result(1, "", "Can't open cache file"), Result(127, "", ""), ldconfig(NVML),
     ldconfig(CUDA, UNVERSIONED), ldconfig("libcuda.so.1x", "xlibnvidia-ml.so.1")],
)  # fmt: skip
def test_what_ldconfig_does_not_list_apptainer_must_be_told(root, cache):
    found = of(installed(root), cache=cache)
    assert found.bound == (f"{LIB}/{CUDA}", f"{LIB}/libcuda.so.580.159.04", f"{LIB}/{NVML}")
    assert not found.links, "the loader itself finds them"


def test_a_cache_of_another_system_lists_what_is_not_there(root):
    """A container that was made on another host: the names are in it, and no files."""
    for name in LIBRARIES:
        put(root, f"{GKE}/{name}", "")
    found = of(root, *LIBRARIES, found=libraries(*LIBRARIES, directory=GKE, found=False), directories=(GKE,))
    assert found.bound


def test_what_apptainer_looks_for_is_taken_from_its_own_list(root):
    installed(root, LIB, "libGLX_nvidia.so.0", "libnvidia-nvvm.so.4", "libc.so.6", "nvidia-smi", "x.so")
    every = {name for name, _ in of(root).files}
    assert every == {NVML, CUDA, UNVERSIONED, "libcuda.so.580.159.04", "libnvidia-nvvm.so.4"}
    put(root, "/etc/apptainer/nvliblist.conf", LIST)
    listed = {name for name, _ in of(root).files}
    assert listed == {NVML, CUDA, UNVERSIONED, "libcuda.so.580.159.04", "libGLX_nvidia.so.0"}


def test_the_first_directory_that_has_one_wins(root):
    installed(root, "/a")
    put(root, f"/b/{NVML}", "")
    put(root, "/b/libnvidia-x.so.1", "")
    found = of(root, found=libraries(NVML, CUDA, directory="/a", found=False), directories=("/b", "/a", "/missing"))
    assert dict(found.files)[NVML] == f"/a/{NVML}", "the one that was loaded"
    assert dict(found.files)["libnvidia-x.so.1"] == "/b/libnvidia-x.so.1"


def test_links_and_directories_are_no_files_and_dangling_links_neither(root):
    installed(root)
    (root / "usr/lib64/libcuda.so.d").mkdir(parents=True)
    (root / "usr/lib64/libnvidia-gone.so.1").symlink_to("/nowhere")
    (root / "usr/lib64/libnvidia-there.so.1").symlink_to(root / LIB.lstrip("/") / NVML)
    names = {name for name, _ in of(root, directories=("/usr/lib64",)).files}
    assert names & {"libcuda.so.d", "libnvidia-gone.so.1", "libnvidia-there.so.1"} == {"libnvidia-there.so.1"}


def test_a_directory_that_cannot_be_listed_stops_nobody(nobodys):
    closed = installed(nobodys, "/d") / "d"
    closed.chmod(0o111)
    found = of(nobodys, found=libraries(NVML, CUDA, directory="/d", found=False), directories=("/d",))
    assert dict(found.files) == {NVML: f"/d/{NVML}", CUDA: f"/d/{CUDA}", UNVERSIONED: f"/d/{CUDA}"}


def test_a_path_that_no_list_can_carry_is_left_out(root):
    found = of(installed(root, "/a,b"), found=libraries(NVML, CUDA, directory="/a,b", found=False), directories=())
    assert found.bound == ()
    assert found.links


def test_what_an_outer_apptainer_brought_an_inner_one_takes_along(root):
    libs = "/.singularity.d/libs"
    found = of(installed(root, libs), found=libraries(NVML, CUDA, directory=libs, found=False), directories=(libs,))
    assert (found.bound, found.links) == ((), True)


def test_a_library_whose_file_nobody_knows_is_found_in_the_directories(root):
    found = tuple(type(one)(one.name, "", True) for one in libraries(*LIBRARIES))
    assert dict(of(installed(root), found=found).files)[CUDA] == f"{LIB}/{CUDA}"
    assert of(root, found=found, directories=()) == Driver()


# --- the directory of links


def test_links_carry_the_names_that_programs_ask_for(tmp_path):
    found = Gpus(files=((UNVERSIONED, "/a/libcuda.so.1"), (NVML, f"/b/{NVML}")), links=True)
    assert driver.link(tmp_path / "lib", found) == {"LD_LIBRARY_PATH": str(tmp_path / "lib")}
    links = {path.name: str(path.readlink()) for path in (tmp_path / "lib").iterdir()}
    assert links == dict(found.files)


def test_where_nobody_needs_them_there_are_none(tmp_path):
    assert driver.link(tmp_path / "lib", Gpus(files=((NVML, "/x"),))) == {}
    assert not (tmp_path / "lib").exists()


def test_no_room_for_them_is_an_error_for_the_caller(tmp_path):
    with pytest.raises(OSError):
        driver.link(tmp_path / "missing/lib", Gpus(links=True))
