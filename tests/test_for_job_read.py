"""Texts of jobs: what is one, and what people are told of all others."""

import io
import os
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fakes import ids, machine, put, said
from for_job_fakes import ADS, NAMES, captured, few
from ospool_ep.for_job import assume, job, source
from ospool_ep.problem import Exit, Refused


def refused(text):
    with pytest.raises(Refused) as raised:
        job.job(text if isinstance(text, bytes) else text.encode())
    (problem,) = raised.value.problems
    return problem


@pytest.mark.parametrize("name", NAMES)
def test_ads_of_a_queue_are_whole(name):
    found = assume.completed(captured(name))
    assert found.whole
    assert found.assumed == ()
    assert found.get("requirements") == found.attributes["Requirements"]


def test_the_first_of_many_counts():
    text = "-- Schedd: ap40.example.org : <192.0.2.2:9618> @ 11/28/26 17:00:00\n"
    text += "".join((ADS / f"{name}.ad").read_text() for name in ("large", "gpu", "cvmfs"))
    found = job.job(text.encode())
    assert found.ads == 3
    assert found.attributes == captured("large").attributes


def test_mistakes_in_ads_that_do_not_count_are_none():
    text = (ADS / "large.ad").read_text() + "\nClusterId = 9\nRequestMemory = 1 GB\n"
    assert job.job(text.encode()).ads == 2


def test_an_attribute_said_twice_is_the_last_one_whatever_its_case():
    assert job.job(b"RequestMemory = 1\nrequestmemory = 2\n").attributes == {"RequestMemory": "2"}


def test_a_few_lines_are_completed_as_condor_submit_would():
    found = few('+ProjectName = "P"', "", "# mine", "MY.RequestMemory = 64000")
    assert not found.whole
    assert found.get("ProjectName") == '"P"'
    assert found.get("RequestMemory") == "64000"
    assert found.get("RequestCpus") == "1"
    assert found.get("Requirements").count("TARGET.") == 6
    assert found.assumed[:2] == ("RequestCpus = 1", "RequestDisk = 1048576")
    assert found.assumed[2].startswith("Requirements: (TARGET.Arch ==")


def test_what_the_users_own_requirements_speak_of_is_not_added():
    found = few('Requirements = Arch == "aarch64" || TARGET.Memory > 1')
    assert found.get("Requirements").startswith('(Arch == "aarch64" || TARGET.Memory > 1) && (TARGET.OpSys')
    assert "X86_64" not in found.get("Requirements")


@pytest.mark.parametrize(
    ("line", "added"),
    [
        ('ContainerImage = "a.sif"', "TARGET.HasContainer && TARGET.HasSIF"),
        ('ContainerImage = "docker://rocky:9"', "TARGET.HasContainer && TARGET.HasDockerURL"),
        ('DockerImage = "rocky:9"', "TARGET.HasContainer && TARGET.HasDockerURL"),
        ('ContainerImage = "/cvmfs/x/y"', "TARGET.HasContainer && TARGET.HasSandboxImage"),
        ("RequestGPUs = 1", "(TARGET.GPUs >= RequestGPUs)"),
    ],
)
def test_containers_and_gpus_have_requirements_of_their_own(line, added):
    assert few(line).get("Requirements").endswith(added)


@pytest.mark.parametrize(
    ("text", "id", "words"),
    [
        ("", "job-empty", "no line"),
        ("\n# only a comment\n", "job-empty", "no line"),
        ("ClusterId = 1\nRequestMemory = 64 GB\n", "job-syntax", "line 2: RequestMemory = 64 GB"),
        ('A = "open\n', "job-syntax", "line 1: A"),
        ("hello world\n", "job-syntax", "line 1 is not of the form Attr = value: hello world"),
        ("A =\n", "job-syntax", "line 1"),
        ("A == 1\n", "job-syntax", "line 1"),
        ("A = 1\n[B = 2]\n", "job-syntax", "line 2"),
        ('[{"ClusterId": 1}]', "job-format", "JSON"),
        ('{"ClusterId": 1}', "job-format", "JSON"),
        ("<?xml version='1.0'?>", "job-format", "XML"),
        ("executable = run.sh\nqueue\n", "job-format", "line 1 is one of a submit description"),
        ("request_memory = 64GB\n", "job-format", "submit description"),
        ("A = 1\nqueue 10\n", "job-format", "line 2"),
        (b"\x7fELF\x02\0\0", "job-binary", "not a text"),
        (b"\x1f\x8b\x08", "job-binary", "not a text"),
        (b"\xff\xfe\0A", "job-binary", "not a text"),
        (b"\xff\xff\xff", "job-syntax", "line 1"),
    ],
)
def test_what_is_no_ad_is_told_with_its_line(text, id, words):
    problem = refused(text)
    assert (problem.id, problem.exit_code) == (id, Exit.CONFIGURATION)
    assert words in problem.found
    assert problem.cure


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("RequestMemory = 64 GB", "RequestMemory = 65536"),
        ("RequestMemory = 1.5G", "RequestMemory = 1536"),
        ("RequestDisk = 2 MB", "RequestDisk = 2048"),
        ("ProjectName = My Project", 'ProjectName = "My Project"'),
        ("Requirements = (TARGET.Memory > 5", "condor_q -l 123.0 | grep Requirements"),
    ],
)
def test_the_cure_is_the_line_as_it_should_be(line, cure):
    assert cure in refused(f"ClusterId = 1\n{line}\n").cure


def test_dry_runs_of_condor_submit_are_ads():
    found = job.job(b'Dry-Run job(s)\nClusterId=1\nCmd="/x y"\nRequestMemory=128\n\n1 job(s) dry-run to cluster 1.\n')
    assert (found.whole, found.attributes["Cmd"]) == (True, '"/x y"')


@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
@example(b"A = " + b"(" * 50000)
@example(b"A = " + b"!" * 50000 + b"true")
@example(b"A = " + b"true && " * 20000 + b"true")
@example('A = "\u2028"\n\x85B = 1'.encode())
def test_every_input_is_a_job_or_a_refusal(data):
    try:
        found = assume.completed(job.job(data))
    except Refused as refusal:
        assert all(problem.found and problem.cure for problem in refusal.problems)
    else:
        assert found.get("Requirements")


LINES = st.builds(
    "{}{} = {}".format,
    st.sampled_from(["", "+", "MY."]),
    st.sampled_from(["Requirements", "RequestMemory", "ProjectName", "ClusterId", "X"]),
    st.sampled_from(["1", '"a"', "TARGET.Memory > 1", "{", "x y", "undefined", "[ a = 1 ]", "Requirements"]),
)


@given(st.lists(LINES, max_size=8).map("\n".join))
def test_every_few_lines_are_a_job_or_a_refusal(text):
    try:
        assert assume.completed(job.job(text.encode())).attributes
    except Refused as refusal:
        assert ids(refusal.problems)[0] in ("job-syntax", "job-empty")


def source_refused(where, name):
    with pytest.raises(Refused) as raised:
        source.read(where, name)
    return raised.value.problems


def test_a_file_is_read(tmp_path):
    put(tmp_path, "/job.ad", "A = 1\n")
    assert source.read(machine(tmp_path), "/job.ad") == b"A = 1\n"


def test_no_file_a_directory_and_things_that_are_neither(tmp_path):
    (tmp_path / "job.ad").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name, words in (
        ("/nowhere", "No such file"), ("/job.ad", "a directory"), ("/fifo", "not a file"), ("/a\0b", "--job"),
        ("/job.ad/x", "No such file"), (f"/{'x' * 300}", "too long"),
    ):  # fmt: skip
        problems = source_refused(machine(tmp_path), name)
        assert ids(problems) == ["job-file"]
        assert words in said(problems)
        assert "-v $PWD/job.ad:/job.ad:ro" in said(problems)


def test_a_file_that_may_not_be_read_is_told_with_the_uid(nobodys):
    put(nobodys, "/job.ad", "A = 1\n").chmod(0)
    problems = source_refused(machine(nobodys, uid=1000), "/job.ad")
    assert "Permission denied" in said(problems)
    assert "chmod a+r job.ad   (uid 1000 reads it)" in said(problems)


def test_more_than_a_megabyte_is_refused(tmp_path):
    put(tmp_path, "/job.ad", b"A" * source.LIMIT_BYTES)
    assert len(source.read(machine(tmp_path), "/job.ad")) == source.LIMIT_BYTES
    put(tmp_path, "/job.ad", b"A" * (source.LIMIT_BYTES + 1))
    assert ids(source_refused(machine(tmp_path), "/job.ad")) == ["job-too-large"]


def piped(monkeypatch, descriptor):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.FileIO(descriptor)))


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_is_read_to_its_end(tmp_path, monkeypatch, name):
    reading, writing = os.pipe()
    os.write(writing, b"A = 1\n")
    os.close(writing)
    piped(monkeypatch, reading)
    assert source.read(machine(tmp_path), name) == b"A = 1\n"


def test_an_empty_input_and_a_terminal_are_told(tmp_path, monkeypatch):
    piped(monkeypatch, os.open(os.devnull, os.O_RDONLY))
    assert "without -i" in said(source_refused(machine(tmp_path), "-"))
    controlling, terminal = os.openpty()
    piped(monkeypatch, terminal)
    assert "a terminal" in said(source_refused(machine(tmp_path), "-"))
    os.close(controlling)


def test_an_input_without_end_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "_PATIENCE_S", 0.05)
    reading, writing = os.pipe()
    piped(monkeypatch, reading)
    assert "no end of the input" in said(source_refused(machine(tmp_path), "-"))
    os.close(writing)
