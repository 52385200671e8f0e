"""The test in a job's container: asked as a job is started, and what its answer means."""

import dataclasses

import pytest

from fakes import Result, ids, put
from gpu_fakes import CUDA, LIBRARIES, NVML, asked, divided, gpu, libraries, looked, seen
from ospool_ep.containers import call
from ospool_ep.containers.verdict import Ability
from ospool_ep.gpus import inside
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.rows import Row

ABLE = Ability("1.4.5", directories=True, pid_namespaces=True, sif=True)
LIBS = "/.singularity.d/libs"
TWO = (gpu(0), gpu(1))


def there(*devices, names=LIBRARIES, directory=LIBS, **changes):
    """What is found in the container."""
    return looked(seen(*devices, libraries=libraries(*names, directory=directory), **changes))


def judged(result, devices=TWO):
    problems = inside.judge(result, devices)
    assert set(ids(problems)) <= {"gpu-job-container"}
    assert all(problem.warning and problem.cure and problem.why for problem in problems)
    return problems[0].found if problems else ""


def test_where_libraries_and_devices_open_all_is_well():
    assert judged(there(*TWO)) == ""
    assert judged(there(*TWO, gpu(2))) == "", "one more does not matter"
    assert judged(there(*TWO, names=(NVML, CUDA))) == "", "no program of a job needs the third"


@pytest.mark.parametrize("name", [NVML, CUDA])
def test_a_library_that_does_not_open(name):
    found = judged(there(*TWO, names={*LIBRARIES} - {name}))
    assert found == f"in a job's container: {name} cannot be opened"


def test_a_library_that_is_only_ours_does_not_count():
    """The test borrows /usr, which no image of a job has."""
    found = judged(there(*TWO, directory="/usr/lib/x86_64-linux-gnu"))
    assert found.endswith(f"{NVML} cannot be opened; {CUDA} cannot be opened")


@pytest.mark.parametrize(("more", "error"), [({}, "ENOENT"), ({"/dev/nvidia1": "EPERM"}, "EPERM")])
def test_a_node_that_does_not_open(more, error):
    nodes = {"/dev/nvidia0": ""} | more
    assert judged(there(*TWO, nodes=tuple(nodes.items()))).endswith(f": /dev/nvidia1 cannot be opened ({error})")


def test_the_node_of_many_instances_is_told_once():
    parts = divided(0, 0, 1)[1:]
    assert judged(there(nodes=()), parts).count("/dev/nvidia0") == 1


@pytest.mark.parametrize(("result", "words"), [
    (Result(255, "", "FATAL: no"), f"{NVML} cannot be opened"), (Result(127, "", "no such program"), NVML),
    (Result(124, "", "no answer within 20 s"), NVML), (Result(0, "", ""), NVML),
])  # fmt: skip
def test_a_container_that_does_not_start(result, words):
    assert words in judged(result)
    assert inside.judge(result, TWO)[0].raw == result.stderr


def test_one_that_ends_badly_after_all_was_well():
    one = there(*TWO)
    assert "ended with status 3" in judged(dataclasses.replace(one, status=3))


# --- the question


def ran(root, found, able=ABLE, binds=(), **how):
    here = asked(root, seen(*TWO), **how)
    return here, *inside.tested(here, found, able, binds)


FOUND = Gpus(tuple(map(Row, TWO)), bound=("/a/libcuda.so.1", "/b/libnvidia-ml.so.1"))


def test_a_container_is_started_as_a_jobs_is(root):
    (root / "usr/lib64").mkdir(parents=True)
    here, found, problems = ran(root, FOUND, binds=("/cvmfs", "/data:/x:ro"))
    ((line, environment, _),) = here.calls
    assert " --nv " in line
    assert " -C " in line
    binds = [words[1] for words in call.parse(tuple(line.split()[1:])).options if words[0] == "-B"]
    assert binds[1:3] == ["/cvmfs", "/data:/x:ro"]
    assert set(binds[3:6]) == {"/usr:/usr:ro", "/usr/lib:/lib:ro", "/usr/lib64:/lib64:ro"}
    assert line.endswith("/look.py --inside")
    assert environment["APPTAINER_CONTAINLIBS"] == "/a/libcuda.so.1,/b/libnvidia-ml.so.1"
    assert (found.offered, found.contained, problems) == (TWO, True, ())


def test_without_pid_namespaces_as_without_them(root):
    here, *_ = ran(root, dataclasses.replace(FOUND, bound=()), dataclasses.replace(ABLE, pid_namespaces=False))
    ((line, environment, _),) = here.calls
    assert " --contain --ipc --cleanenv " in line
    assert "APPTAINER_CONTAINLIBS" not in environment


def test_where_it_fails_none_is_offered_and_the_table_says_why(root):
    _, found, problems = ran(root, FOUND, inside=Result(255, "", "FATAL: no"))
    assert ids(problems) == ["gpu-job-container"]
    assert found.offered == ()
    assert {(row.id, row.why) for row in found.table} == {("gpu-job-container", "not usable in a job's container")}
    assert found.contained


def test_what_was_not_offered_before_keeps_its_reason(root):
    lost = Row(gpu(2), "gpu-lost", "NVML: GPU is lost")
    _, found, _ = ran(root, Gpus((*FOUND.table, lost)), inside=Result(255, "", ""))
    assert found.table[-1] == lost


def test_without_room_for_a_test_none_is_offered(tmp_path):
    put(tmp_path, "/pilot", "a file where the directory should be")
    put(tmp_path, "/tmp", "another")
    _, found, problems = ran(tmp_path, FOUND)
    assert found.offered == ()
    assert "no directory for a test can be made" in problems[0].raw
