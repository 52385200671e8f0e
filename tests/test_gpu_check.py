"""The comparing part of tests/gpu, which runs on machines with a GPU: what it understands, and when it says no."""

import dataclasses

import pytest

from gpu import compare, sources
from gpu.compare import FEWER, MORE, OURS, Finding, Gpu, Source
from ospool_ep.gpus.opencl import OpenCL, Vendor
from ospool_ep.gpus.rows import Row
from ospool_ep.gpus.seen import Device, Seen
from ospool_ep.machine import Result

FIRST = "GPU-5d1a1ba7-3c43-9a1e-0a3b-1c2d3e4f5a6b"
SECOND = "GPU-0badcafe-3c43-9a1e-0a3b-1c2d3e4f5a6b"
PART = "MIG-11111111-2222-5333-8444-555555555555"
H100 = "NVIDIA H100 80GB HBM3"
ONE = Device(0, FIRST, H100, 81559, "9.0", 0)
TWO = Device(1, SECOND, H100, 81559, "9.0", 1)
SEEN = Seen(driver="580.159.04", cuda="13.0", devices=(ONE, TWO))
# Its form is nvidia-smi's, after its manual
TABLE = f"""\
{FIRST}, {H100}, 81559, 9.0, 580.159.04
{SECOND}, {H100}, 81559, 9.0, 580.159.04
"""
LISTED = f"""\
GPU 0: {H100} (UUID: {FIRST})
  MIG 1g.10gb     Device  0: (UUID: {PART})
GPU 1: {H100} (UUID: {SECOND})
"""
HEADER = "| NVIDIA-SMI 580.159.04             Driver Version: 580.159.04     CUDA Version: 13.0     |\n"
INFORMATION = f"""\
Model: \t\t {H100}
IRQ:   \t\t 35
GPU UUID: \t {FIRST}
Bus Type: \t PCIe
Device Minor: \t 0
"""


def said(*findings):
    return [(one.what, one.ok) for one in findings]


def test_nvidia_smi_is_understood():
    found = sources.smi_says(TABLE, LISTED, HEADER)
    gpus = (Gpu(FIRST, H100, 81559, "9.0"), Gpu(SECOND, H100, 81559, "9.0"), Gpu(PART))
    assert found == Source("nvidia-smi", "580.159.04", "13.0", gpus)


@pytest.mark.parametrize("word", ["[N/A]", "[Not Supported]", "[Unknown Error]"])
def test_what_nvidia_smi_does_not_know_is_not_compared(word):
    (gpu,) = sources.smi_says(f"{FIRST}, {H100}, {word}, {word}, {word}\n", "", "").gpus
    assert gpu == Gpu(FIRST, H100)


def test_the_kernels_words_are_understood():
    assert sources.information([INFORMATION]) == (Gpu(FIRST, H100, minor=0),)
    assert sources.information([INFORMATION.replace(FIRST, "GPU-????????-????-????-????-????????????")]) == ()


def test_cudas_list_is_understood():
    gpu = {"uuid": f"CUDA-{FIRST[4:]}", "name": H100, "memory_mb": 81090, "capability": "9.0"}
    text = f'{{"cuda": "13.0", "gpus": [{gpu}]}}\n'.replace("'", '"')
    whole = sources.cuda_says(Result(0, text, ""), divided=False)
    assert whole.gpus == (Gpu(f"CUDA-{FIRST[4:]}", H100, 81090, "9.0"),)
    assert (whole.cuda, whole.relation) == ("13.0", compare.SAME)
    assert sources.cuda_says(Result(0, text, ""), divided=True).relation == FEWER
    assert sources.cuda_says(Result(1, "", "cuInit: error 803\n"), False).absent == "status 1: cuInit: error 803"


def test_what_agrees_is_said_line_by_line():
    source = Source("nvidia-smi", "580.159.04", "13.0", (Gpu(FIRST, H100, 81559, "9.0"), Gpu(SECOND, minor=1)))
    findings = compare.compare(SEEN, (source,))
    assert said(*findings) == [
        ("driver", True), ("CUDA version", True), ("list of GPUs (the same)", True),
        ("GPU-5d1a1ba7 name", True), ("GPU-5d1a1ba7 capability", True), ("GPU-5d1a1ba7 memory", True),
        ("GPU-0badcafe minor number", True),
    ]  # fmt: skip
    assert compare.verdict(findings)


BOTH = (Gpu(FIRST), Gpu(SECOND))


@pytest.mark.parametrize(("source", "different"), [
    (Source("s", driver="580.1"), "driver"),
    (Source("s", cuda="12.9"), "CUDA version"),
    (Source("s", gpus=BOTH[:1]), "list of GPUs (the same)"),
    (Source("s", gpus=()), "list of GPUs (the same)"),
    (Source("s", gpus=(*BOTH, Gpu(PART))), "list of GPUs (the same)"),
    (Source("s", gpus=BOTH[:1], relation=MORE), "list of GPUs (at least ours)"),
    (Source("s", gpus=(), relation=FEWER), "list of GPUs (at most ours)"),
    (Source("s", gpus=(Gpu(PART),), relation=FEWER), "list of GPUs (at most ours)"),
    (Source("s", gpus=(Gpu(FIRST, "NVIDIA H200"), BOTH[1])), "GPU-5d1a1ba7 name"),
    (Source("s", gpus=(Gpu(FIRST, capability="8.0"), BOTH[1])), "GPU-5d1a1ba7 capability"),
    (Source("s", gpus=(Gpu(FIRST, minor=-1),), relation=OURS), "GPU-5d1a1ba7 minor number"),
    (Source("s", gpus=(Gpu(FIRST, memory_mb=81500), BOTH[1])), "GPU-5d1a1ba7 memory"),
    (Source("s", gpus=(Gpu(FIRST, memory_mb=61559), BOTH[1]), slack=0.05), "GPU-5d1a1ba7 memory"),
])  # fmt: skip
def test_every_difference_is_found_and_ends_in_no(source, different):
    findings = compare.compare(SEEN, (source,))
    assert [what for what, ok in said(*findings) if not ok] == [different]
    assert not compare.verdict(findings)


@pytest.mark.parametrize("source", [
    Source("s", gpus=(*BOTH, Gpu(PART)), relation=MORE),
    Source("s", gpus=BOTH[:1], relation=FEWER),
    Source("s", gpus=(Gpu(f"CUDA-{FIRST[4:].upper()}"), Gpu(SECOND))),
    Source("s", gpus=(Gpu(FIRST, memory_mb=81558), BOTH[1])),
    Source("s", gpus=(Gpu(FIRST, memory_mb=80000), BOTH[1]), slack=0.05),
])  # fmt: skip
def test_what_may_differ_may(source):
    assert compare.verdict(compare.compare(SEEN, (source,)))


def test_where_nobody_can_be_asked_the_answer_is_no():
    findings = compare.compare(SEEN, (Source("nvidia-smi", absent="it is not here"), Source("CUDA", absent="closed")))
    assert findings[0] == Finding("nvidia-smi", "everything", "", "it is not here", None)
    assert not compare.verdict(findings)


def test_a_gpu_that_cuda_can_use_must_be_usable_for_us():
    cuda = Source("CUDA", gpus=(Gpu(f"CUDA-{FIRST[4:]}"), Gpu(f"CUDA-{SECOND[4:]}")))
    good, lost = Row(ONE), Row(TWO, "gpu-lost", "input/output error")
    ours = ("GPUs that it can use", True)
    assert said(*compare.usable((good, lost), cuda)) == [
        ours, ("GPU-5d1a1ba7 can be used", True), ("GPU-0badcafe can be used", False)
    ]  # fmt: skip
    others = dataclasses.replace(lost, id="gpu-not-granted")
    assert said(*compare.usable((good, others), cuda)) == [ours, ("GPU-5d1a1ba7 can be used", True)]
    assert said(*compare.usable((others,), cuda)) == [("GPUs that it can use", False)]


@pytest.mark.parametrize(("source", "ok"), [
    (Source("CUDA", gpus=BOTH), False),
    (Source("CUDA", cuda="13.0", gpus=()), None),
    (Source("/proc", driver="580.159.04", gpus=BOTH, relation=MORE), None),
])  # fmt: skip
def test_where_nvml_fails_nobody_else_may_list_gpus_that_we_could_have(source, ok):
    failed = Seen(failed=18, words="Driver/library version mismatch")
    assert said(*compare.compare(failed, (source,))) == [("list of GPUs", ok)]


NVIDIA = Vendor("/etc/OpenCL/vendors/nvidia.icd", "libnvidia-opencl.so.1")
CUDA = Source("CUDA", gpus=BOTH)


@pytest.mark.parametrize(("found", "platforms", "oks"), [
    (OpenCL(), None, [None]),
    (OpenCL((NVIDIA,), (("NVIDIA CUDA", 2),)), ("NVIDIA CUDA",), [True, True, True]),
    (OpenCL((NVIDIA,), (("NVIDIA CUDA", 1),)), ("NVIDIA CUDA",), [True, False, True]),
    (OpenCL((NVIDIA,), (("NVIDIA CUDA", 2),)), ("pocl",), [True, True, False]),
    (OpenCL((NVIDIA,), (("NVIDIA CUDA", 2),)), None, [True, True, None]),
    (OpenCL((NVIDIA,), loader="it is not here"), None, [True, None]),
    (OpenCL((NVIDIA,), stuck="libOpenCL.so.1"), None, [True, None]),
    (OpenCL((dataclasses.replace(NVIDIA, error="no such file"),), loader="-1001"), None, [False, None]),
])  # fmt: skip
def test_opencl_is_compared_with_cuda_and_clinfo(found, platforms, oks):
    assert [one.ok for one in compare.opencl(found, CUDA, platforms)] == oks
