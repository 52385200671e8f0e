"""OpenCL's vendors: look_opencl.py as a program, with a library of the system for a vendor's, and what it means.

With PoCL, a vendor, it runs in the ring of the image.
"""

import json
import subprocess
import sys

import pytest

from fakes import Result, ids, machine, put
from ospool_ep.gpus import look_opencl, opencl
from ospool_ep.gpus.opencl import OpenCL, Vendor
from ospool_ep.machine import TIMED_OUT

GOOD = Vendor("/etc/OpenCL/vendors/nvidia.icd", "libnvidia-opencl.so.1")
NOT_THERE = Vendor(GOOD.icd, GOOD.library, f"{GOOD.library}: cannot open shared object file")


def run(directories, *icds):
    words = (sys.executable, "-I", "-S", look_opencl.__file__, directories, *map(str, icds))
    done = subprocess.run(words, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return opencl.understood(Result(0, done.stdout, ""))


def test_each_library_that_is_named_must_open(tmp_path):
    names = {"a.icd": "libm.so.6\n", "b.icd": "libnowhere.so.1", "c.icd": "/nowhere/libx.so\r\n", "d.icd": ""}
    icds = [put(tmp_path, name, text) for name, text in names.items()]
    found = run("", *icds, tmp_path / "e.icd")
    assert [one.icd for one in found.vendors] == [str(tmp_path / f"{letter}.icd") for letter in "abcde"]
    assert [one.library for one in found.vendors] == ["libm.so.6", "libnowhere.so.1", "/nowhere/libx.so", "", ""]
    good, *bad = [one.error for one in found.vendors]
    assert good == ""
    assert "libnowhere.so.1: cannot open shared object file" in bad[0]
    assert "/nowhere/libx.so: cannot open" in bad[1]
    assert bad[2] == "empty file"
    assert "No such file" in bad[3]


def test_libraries_that_the_loader_does_not_know_are_taken_from_the_directories(tmp_path):
    put(tmp_path, "libvendor.so.1", "no library")
    icd = put(tmp_path, "v.icd", "libvendor.so.1\n")
    assert "No such file" in run("", icd).vendors[0].error
    assert run(f"/nowhere:{tmp_path}", icd).vendors[0].error


def test_a_first_line_without_end(tmp_path):
    icd = put(tmp_path, "v.icd", "x" * 100_000)
    assert len(run("", icd).vendors[0].library) == 4096


# --- what it means


def said(*lines, status=0):
    return opencl.understood(Result(status, "".join(f"{json.dumps(line)}\n" for line in lines), ""))


VENDOR = {"icd": GOOD.icd, "library": GOOD.library, "error": ""}


def test_where_all_is_well():
    found = said(
        {"doing": GOOD.icd}, VENDOR, {"platform": "NVIDIA CUDA", "devices": 2}, {"platform": "P", "devices": 1}
    )
    assert found == OpenCL((GOOD,), (("NVIDIA CUDA", 2), ("P", 1)))
    assert opencl.judge(found) == ()
    assert opencl.summary(found) == "OpenCL: NVIDIA CUDA (2 devices), P (1 device)"


def test_a_library_that_does_not_open():
    found = OpenCL((GOOD, NOT_THERE), (("P", 0),))
    (problem,) = opencl.judge(found)
    assert problem.id == "gpu-opencl-library"
    assert GOOD.icd in problem.found
    assert problem.raw == NOT_THERE.error
    assert GOOD.icd in problem.cure


def test_a_file_that_names_none():
    (problem,) = opencl.judge(OpenCL((Vendor("/v.icd", "", "empty file"),)))
    assert "it names no library" in problem.found


def test_without_the_loader_the_vendors_are_told_by_their_libraries():
    found = said(VENDOR, {"loader": "libOpenCL.so.1: cannot open shared object file"})
    (problem,) = opencl.judge(found)
    assert problem.id == "gpu-opencl-loader"
    assert "cannot open shared object file" in problem.found
    assert opencl.summary(found) == "OpenCL: libnvidia-opencl.so.1"


def test_a_loader_that_lists_none():
    assert ids(opencl.judge(said(VENDOR, {"loader": "clGetPlatformIDs: -1001"}))) == ["gpu-opencl-loader"]


@pytest.mark.parametrize("line", [{"doing": GOOD.icd}, {"doing": "NVIDIA CUDA"}])
def test_one_that_hangs(line):
    found = said(line, status=TIMED_OUT)
    assert found.stuck == line["doing"]
    (problem,) = opencl.judge(found)
    assert problem.id == "gpu-hangs"
    assert line["doing"] in problem.found
    assert said(status=TIMED_OUT).stuck == "starting"


def test_one_that_dies_tells_where():
    found = said(VENDOR, {"doing": "NVIDIA CUDA"}, status=-11)
    (problem,) = opencl.judge(found)
    assert problem.id == "gpu-opencl-loader"
    assert "NVIDIA CUDA: the process has died (status -11)" in problem.found


def test_a_vendor_that_ends_whoever_opens_it_is_named():
    found = said(VENDOR, {"doing": "/etc/OpenCL/vendors/bad.icd"}, status=-11)
    (problem,) = opencl.judge(found)
    assert problem.id == "gpu-opencl-library"
    assert problem.found.startswith("/etc/OpenCL/vendors/bad.icd: ")
    assert "the process has died (status -11)" in problem.raw


@pytest.mark.parametrize("noise", ["x}", "5", "null", "{}}"])
def test_what_a_vendor_prints_does_not_matter(noise):
    text = f"{noise}\n{json.dumps(VENDOR)}\n{noise}\n"
    assert opencl.understood(Result(0, text, "")) == OpenCL((GOOD,))


def test_without_vendors_nothing_is_asked_and_nothing_said(root):
    assert opencl.ask(machine(root, answers=()), (), ("/x",)) == OpenCL()
    assert opencl.judge(OpenCL()) == ()
    assert opencl.summary(OpenCL()) == ""


def test_the_question(root):
    row = ("look_opencl.py /a:/b /v.icd", Result(0, json.dumps(VENDOR), ""))
    assert opencl.ask(machine(root, answers=(row,)), ("/v.icd",), ("/a", "/b")).vendors == (GOOD,)


def test_every_problem_has_all_its_parts():
    found = OpenCL((NOT_THERE,), loader="x", stuck="")
    for problem in (*opencl.judge(found), *opencl.judge(OpenCL(stuck="x"))):
        assert problem.warning
        assert all((problem.id, problem.found, problem.why, problem.cure))
