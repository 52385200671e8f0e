"""tests/gpu/check.py from end to end, with stand-ins for the driver: yes to a sound machine, no to others."""

from dataclasses import replace

import gpu_standin
import pytest

from poolbox import image as images

CHECK = "/check/tests/gpu/check.py"
# The stand-in for every node is /dev/null, whose minor number is 3
SOUND = gpu_standin.Machine((gpu_standin.h100(3),))
DIVIDED = gpu_standin.Machine((replace(gpu_standin.A100, minor=3),))


@pytest.fixture(scope="module")
def check(box):
    """Runs it in the pilot's image, which has pynvml and HTCondor's program: exit status and what it printed."""
    mounts = [f"-v={images.REPO}/{name}:/check/{name}:ro" for name in ("entrypoint", "tests/gpu")]

    def run(machine, more=(), **how):
        host = gpu_standin.host(box, machine)
        ended = box.run(options=(*more, *mounts, *host.options(**how), "--entrypoint", "python3"), command=(CHECK,))
        return ended.code, ended.out + ended.err

    return run


@pytest.mark.parametrize("where", [gpu_standin.SYSTEM, gpu_standin.GKE])
def test_a_sound_machine_agrees_with_cuda_and_with_htcondor(check, where):
    code, said = check(SOUND, where=where)
    lines = said.splitlines()
    assert code == 0, said
    for line in (
        "ok           /dev: GPU-3d1c6f0a minor number: 3",
        "ok           CUDA: CUDA version: 13.0",
        "ok           CUDA: GPU-3d1c6f0a name: NVIDIA H100 80GB HBM3",
        "ok           CUDA: GPU-3d1c6f0a can be used: yes",
        "ok           condor_gpu_discovery: list of GPUs: GPU-3d1c6f0a",
        "not checked  nvidia-smi: everything: it is not here",
    ):
        assert line in lines
    assert lines[-1].startswith("yes: ")


def test_of_a_divided_one_cuda_shows_an_instance(check):
    code, said = check(DIVIDED)
    assert code == 0, said
    assert "ok           CUDA: list of GPUs (at most ours): " in said
    first = DIVIDED.gpus[0].instances[0]
    assert f"ok           CUDA: {first.uuid} can be used: yes" in said.splitlines()
    assert all(one.uuid in said for one in DIVIDED.gpus[0].instances)


def test_a_site_may_have_libraries_anywhere(check):
    code, said = check(SOUND, where="/srv/driver", more=("-e", "LD_LIBRARY_PATH=/srv/driver"))
    assert code == 0, said


@pytest.mark.parametrize(("machine", "line"), [
    (gpu_standin.h100s(1), "DIFFERS      /dev: GPU-0d1c6f0a minor number: 0  /  3"),
    (SOUND.but(0, handle="15"), "DIFFERS      the pilot: GPUs that it can use: none  /  some"),
], ids=["another device's node", "lost"])  # fmt: skip
def test_what_differs_is_said(check, machine, line):
    code, said = check(machine)
    assert code == 1
    assert any(one.startswith(line) for one in said.splitlines()), said


def test_without_a_gpu_it_says_that_nothing_could_be_compared(check):
    code, said = check(None)
    assert (code, said.splitlines()[-1]) == (1, "nothing here could be compared: is there a GPU, with its driver?")
