"""NVML, CUDA and HTCondor: what one of them does not see is not offered, and what the startd is told."""

import os
import re

import pytest

from fakes import ids, machine, said
from gpu_fakes import DISCOVERY_ERROR, LIB, UNVERSIONED, VERSION, asked, divided, failed, gpu, seen, uuid
from gpu_fakes import cuda as cuda_says
from gpu_fakes import discovered as condor_says
from ospool_ep.gpus import agree, cuda, discovery
from ospool_ep.gpus.cuda import Cuda
from ospool_ep.gpus.discovery import Discovered
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.rows import Row
from ospool_ep.machine import TIMED_OUT, Result

ONE, TWO = (gpu(0),), (gpu(0), gpu(1))
EVERY = Cuda(frozenset(one.uuid for one in TWO))


def theirs(*devices, result=None):
    """What HTCondor's program has said, as it is understood."""
    one = result or condor_says(*devices)
    return discovery.discover(machine("/", answers=(("condor_gpu_discovery", one),)), TWO, {})


def judged(used, found, devices=TWO):
    lost, problems = agree.judge(devices, used, found)
    for problem in problems:
        assert problem.warning
        assert all((problem.found, problem.why, problem.cure))
    return lost, problems


def test_where_all_agree_all_are_offered():
    assert judged(EVERY, theirs(*TWO)) == ({}, ())


def test_the_order_of_the_names_does_not_matter():
    assert judged(EVERY, theirs(*reversed(TWO))) == ({}, ())


# --- CUDA


def test_what_cuda_says_is_understood():
    assert cuda.understood(cuda_says(*TWO)) == EVERY
    assert cuda.understood(cuda_says(failed=803, words="w")) == Cuda(failed=803, words="w")


def test_cuda_that_does_not_come_back_or_dies():
    cut = Result(TIMED_OUT, '{"doing": "starting CUDA"}\n{"cuda": "GPU', "")
    assert cuda.understood(cut).stuck == "starting CUDA"
    assert cuda.understood(Result(TIMED_OUT, "", "")).stuck == "starting"
    died = cuda.understood(Result(-11, cuda_says(*ONE).stdout, ""))
    assert died.failed == -1
    assert "status -11" in died.words


@pytest.mark.parametrize("noise", ["x}", "{}}", "5", "null", '"x"'])
def test_what_a_library_prints_does_not_matter(noise):
    one = cuda_says(*TWO)
    assert cuda.understood(Result(0, f"{noise}\n{one.stdout}{noise}\n", "")) == EVERY


@pytest.mark.parametrize(
    ("code", "cure"),
    [(100, "docker run --gpus all"), (802, "fabricmanager"), (803, "start this container again"),
     (804, "cuda-compat"), (999, "nvidia-smi"), (-1, "nvidia-smi"), (2, "nvidia-smi")],
)  # fmt: skip
def test_cuda_that_does_not_start_ends_all(code, cure):
    lost, problems = judged(Cuda(failed=code, words="its words"), theirs(*TWO))
    assert set(lost.values()) == {"gpu-cuda"}
    assert ids(problems) == ["gpu-cuda"]
    assert f"its words ({code})" in problems[0].found
    assert cure in problems[0].cure


def test_cuda_that_hangs_ends_all():
    lost, problems = judged(Cuda(stuck="starting CUDA"), theirs(*TWO))
    assert set(lost) == {uuid(0), uuid(1)}
    assert ids(problems) == ["gpu-hangs"]


def test_a_gpu_that_cuda_does_not_list_is_not_offered_whatever_htcondor_says():
    """HTCondor's program lists what NVML has, whether CUDA can use it or not."""
    lost, problems = judged(Cuda(frozenset([uuid(0)])), theirs(*TWO))
    assert lost == {uuid(1): "gpu-cuda"}
    assert ids(problems) == ["gpu-cuda"]
    assert "GPU-1d1c6f0a" in problems[0].found
    assert "GPU-0d1c6f0a" not in problems[0].found


def test_where_a_gpu_is_divided_cudas_list_says_nothing():
    """It shows one instance and nothing else, under its GPU's UUID."""
    parts = divided(0, 0, 1)[1:]
    devices = (*parts, gpu(1))
    assert judged(Cuda(frozenset([uuid(0)]), partial=True), theirs(*devices), devices) == ({}, ())
    lost, _ = judged(Cuda(failed=999, words="x", partial=True), theirs(*devices), devices)
    assert len(lost) == 3


# --- HTCondor's own program


def test_one_that_htcondor_does_not_list():
    lost, problems = judged(EVERY, theirs(*ONE))
    assert lost == {uuid(1): "gpu-discovery-disagrees"}
    assert "GPU-1d1c6f0a is seen by NVML, and not by condor_gpu_discovery" in said(problems)
    assert 'DetectedGPUs="GPU-0d1c6f0a"' in problems[0].raw


def test_one_that_only_htcondor_lists():
    lost, problems = judged(EVERY, theirs(*TWO, gpu(2)))
    assert lost == {}
    assert "GPU-2d1c6f0a is seen by condor_gpu_discovery, and was not found by NVML" in said(problems)


def test_each_sees_another():
    _, problems = judged(Cuda(frozenset([uuid(0)])), theirs(gpu(1)), ONE)
    assert ids(problems) == ["gpu-discovery-disagrees"]
    assert "not by condor_gpu_discovery (CUDA); GPU-1d1c6f0a is seen by" in said(problems)


@pytest.mark.parametrize(
    ("result", "words"),
    [(Result(0, "DetectedGPUs=0\n", "Error: cuInit returned 803"), "is seen by NVML, and not by"),
     (DISCOVERY_ERROR, "is seen by NVML, and not by"), (Result(139, "", ""), "is seen by NVML, and not by"),
     (Result(0, "", ""), "is seen by NVML, and not by"), (Result(TIMED_OUT, "", ""), "does not come back"),
     (Result(1, condor_says(*TWO).stdout, ""), "ends with status 1")],
)  # fmt: skip
def test_where_htcondors_program_fails_none_is_offered(result, words):
    lost, problems = judged(EVERY, theirs(result=result))
    assert set(lost) == {uuid(0), uuid(1)}
    assert ids(problems) == ["gpu-discovery-disagrees"]
    assert words in problems[0].found


def test_an_error_that_it_prints_counts_though_it_lists_them_all():
    both = Result(0, f"{condor_says(*TWO).stdout}{DISCOVERY_ERROR.stdout}", "")
    assert set(judged(EVERY, theirs(result=both))[0]) == {uuid(0), uuid(1)}


def test_it_is_asked_for_whole_uuids_and_for_cuda_alone(root):
    here = asked(root, seen(*TWO))
    discovery.discover(here, TWO, {"LD_LIBRARY_PATH": "/x"})
    ((line, environment, _),) = here.calls
    assert line.endswith(f"condor_gpu_discovery -properties -extra -cuda -device {uuid(0)},{uuid(1)}")
    assert environment == {"LD_LIBRARY_PATH": "/x"}


# --- what the startd is told


def told(found, *devices):
    return discovery.inventory(found, devices, VERSION)


def test_the_startd_is_told_of_these_devices_alone():
    text = told(theirs(*TWO), TWO[1])
    assert text.startswith('DetectedGPUs="GPU-1d1c6f0a"\n')
    assert "GPU_1d1c6f0a=[ " in text
    assert "0d1c6f0a" not in text
    assert text.count("DetectedGPUs") == 1
    assert text.endswith("\n")


def test_all_of_them_as_they_were_said():
    assert told(theirs(*TWO), *TWO).replace(f'NvidiaDriver="{VERSION}"; ', "") == condor_says(*TWO).stdout


def test_instances():
    """Their names have dashes, and the names of their attributes have none."""
    parts = divided(0, 0, 1)[1:]
    text = told(theirs(*parts, gpu(1)), parts[1], gpu(1))
    assert parts[0].id not in text
    assert parts[0].id.replace("-", "_") not in text
    assert text.startswith(f'DetectedGPUs="{parts[1].id}, GPU-1d1c6f0a"\n')


def test_without_the_drivers_version_htcondor_gives_no_nv_to_apptainer():
    assert f'Common=[ NvidiaDriver="{VERSION}"; Capability=9.0;' in told(theirs(*TWO), *TWO)
    one = condor_says(*TWO)
    knows = Result(0, one.stdout.replace("Common=[ ", 'Common=[ NvidiaDriver="1.2"; '), "")
    assert told(theirs(result=knows), *TWO).count("NvidiaDriver") == 1


@pytest.mark.parametrize("version", ['5"; Evil = 1', "5\\1", "5\\"])
def test_a_strange_version_stays_a_string(version):
    text = discovery.inventory(theirs(*TWO), TWO, version)
    assert re.search(r'^Common=\[ NvidiaDriver="5[?\w]*"; Capability=', text, re.MULTILINE)


# --- the question


def gpus(*devices, **changes):
    return Gpus(tuple(map(Row, devices)), VERSION, directories=(LIB,), **changes)


def test_both_are_asked(root):
    here = asked(root, seen(*TWO))
    used, found = agree.ask(here, gpus(*TWO), seen(*TWO))
    assert used == EVERY
    assert found == Discovered(frozenset(one.id for one in TWO), condor_says(*TWO))
    assert here.lines("look.py")[0].endswith(f"look.py --cuda {LIB}")
    ((_, environment, _),) = [call for call in here.calls if "condor_gpu_discovery" in call[0]]
    assert environment == {}


def test_htcondors_program_finds_the_library_where_it_needs_a_link(root):
    """It asks for libcuda.so; the directory is gone afterwards."""
    here = asked(root, seen(*TWO))
    agree.ask(here, gpus(*TWO, files=((UNVERSIONED, f"{LIB}/libcuda.so.1"),), links=True), seen(*TWO))
    (place,) = [environment["LD_LIBRARY_PATH"] for _, environment, _ in here.calls if environment]
    assert place.startswith(str(root / "run/ospool-ep/ep-"))
    assert os.listdir(root / "run/ospool-ep") == []


def test_where_nvml_complains_of_one_htcondors_program_must_not_ask_it(root):
    """It would give up all of them. A file that is no library stands before NVML's."""
    here = asked(root, seen(failed(0), gpu(1)))
    agree.ask(here, gpus(gpu(1), files=((UNVERSIONED, "/x"),), links=True), seen(failed(0), gpu(1)))
    (path,) = [environment["LD_LIBRARY_PATH"] for _, environment, _ in here.calls if environment]
    first, second = path.split(":")
    assert first.endswith("/none")
    assert second.endswith("/lib")


def test_the_files_that_stand_before_nvmls(tmp_path):
    environment = discovery.without_nvml(tmp_path / "none", {})
    assert environment == {"LD_LIBRARY_PATH": str(tmp_path / "none")}
    assert sorted(os.listdir(tmp_path / "none")) == ["libnvidia-ml.so", "libnvidia-ml.so.1"]


def test_where_there_is_no_place_for_links_none_is_offered(tmp_path):
    here = asked(tmp_path, seen(*TWO))  # neither /run nor /dev/shm nor /tmp
    used, found = agree.ask(here, gpus(*TWO), seen(*TWO))
    assert not found.sound
    lost, problems = judged(used, found)
    assert set(lost) == {uuid(0), uuid(1)}
    assert "No such file" in said(problems)


def test_a_divided_gpu_that_was_not_given_hides_the_others_from_cuda_too(root):
    every = seen(*divided(0, 0), gpu(1))
    here = asked(root, every, used=(gpu(0),), listed=(gpu(1),))
    one = gpus(gpu(1))
    used, found = agree.ask(here, one, every)
    assert judged(used, found, one.offered) == ({}, ())
