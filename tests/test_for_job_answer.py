"""Clause by clause: real ads of jobs against what a pilot would advertise."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fakes import ABLE, UNABLE, machine
from for_job_fakes import ad, answer, captured, few, sizes, wrong
from ospool_ep import policy
from ospool_ep.environment import load
from ospool_ep.for_job import advice, ask, gpu_ads, slot
from ospool_ep.for_job.described import described
from ospool_ep.for_job.job import Job
from ospool_ep.for_job.result import JOB, LATER, NO, REQUIREMENTS, SLOT, START, YES, Clause, Part, deciding
from ospool_ep.for_job.show import text, verdict
from ospool_ep.for_job.weigh import sides, weigh
from ospool_ep.machine import Machine

HELD = {"JobStatus": "5", "HoldReason": '"The job has exceeded allowed memory"'}
EXPECTED = {
    "running": [],
    "large": ["cpus", "memory", "TARGET.Memory >= RequestMemory", "TARGET.Cpus >= RequestCpus"],
    "no-project": ["project"],
    "cvmfs": ["HAS_CVMFS_singularity_opensciencegrid_org == true", 'OSGVO_OS_STRING == "RHEL 9"'],
    "gpu": ["gpus", "countMatches(MY.RequireGPUs,TARGET.AvailableGPUs) >= RequestGPUs"],
    "sif": [],
    "docker": [],
    "cvmfs-image": ["container"],
    "other-site": ["desired-sites"],
    "long": ['TARGET.GLIDEIN_Site == "X" || TARGET.GLIDEIN_Site == "Y"', 'regexp("foo",TARGET.Machine)'],
}


@pytest.mark.parametrize("name", EXPECTED)
def test_ads_as_they_come_from_a_queue(root, name):
    found = answer(root, captured(name), attributes=ABLE)
    assert found.failure == ""
    assert wrong(found) == EXPECTED[name]
    assert found.matches == (not EXPECTED[name])


def test_without_containers_none_of_their_jobs_comes(root):
    found = answer(root, captured("sif"), attributes=UNABLE | {"HasSIF": "undefined", "HasContainer": "undefined"})
    assert wrong(found) == ["container", "TARGET.HasContainer", "TARGET.HasSIF"]
    shown = " ".join(text(found).split())
    assert "MY.HAS_SINGULARITY =?= true is false: this slot has HAS_SINGULARITY = false" in shown
    assert "this slot has no HasSIF (undefined)" in shown
    assert "--device /dev/fuse" in shown


def test_what_htcondor_measures_is_no_objection_but_is_told(root):
    found = answer(root, captured("running", {"Requirements": 'Mips > 100 && TARGET.KFlops < 3 && Arch == "X86_64"'}))
    assert [clause.part.truth for clause in found.clauses if clause.of == REQUIREMENTS] == [LATER, LATER, YES]
    assert found.matches
    assert "Mips: HTCondor measures it after the start" in text(found)
    assert (
        verdict(found) == "would job 1.0 of alice come here? yes, if what HTCondor measures after the start allows it"
    )


def test_what_it_measures_does_not_matter_where_it_cannot_decide(root):
    found = answer(root, captured("running", {"Requirements": "Mips > 100 || true"}))
    assert [clause.part.truth for clause in found.clauses if clause.of == REQUIREMENTS] == [YES]


def test_wants_and_has_stand_side_by_side(root):
    shown = " ".join(text(answer(root, captured("large"))).split())
    assert "the job wants RequestMemory = 65536; this slot has Memory = 16000" in shown
    assert "HAS_CVMFS_singularity_opensciencegrid_org is undefined: neither the slot nor the job has it" in " ".join(
        text(answer(root, captured("cvmfs"))).split()
    )


def test_the_notes(root):
    found = answer(root, dataclasses.replace(captured("running", HELD), ads=4))
    assert found.notes[0] == "the first of 4 ads counts"
    assert found.notes[1].startswith("this job is on hold: no slot gets it until condor_release (")
    assert answer(root, captured("running", {"JobUniverse": "12"})).notes[0].startswith("a job of the local universe")
    assert "this job has no Requirements" in answer(root, captured("gpu", {"Requirements": None})).notes
    mine = answer(root, few("ProjectName = MyProject"))
    assert 'ProjectName = MyProject is no text but another attribute: ProjectName = "MyProject"?' in mine.notes
    assert wrong(mine) == ["project"]


def test_attributes_that_a_custom_start_wants_and_the_job_lacks(root):
    environ = {"GLIDEIN_Start_Extra": 'TARGET.WantsThis == "x" && TARGET.RequestMemory < 100'}
    found = answer(root, few('ProjectName = "P"'), environ)
    assert wrong(found) == ["start-extra"]
    shown = " ".join(text(found).split())
    assert "the job has no WantsThis (undefined)" in shown
    assert "the job wants RequestMemory = 128" in shown


START_CASES = {
    "accepting": ({}, {}, {"GLIDEIN_ToRetire": "1"}),
    "long-job": ({}, {"JobDurationCategory": '"Long"'}, {"GLIDEIN_ToDie": "time() + 3600"}),
    "validated": ({}, {}, {"OSG_NODE_VALIDATED": "undefined"}),
    "black-hole": ({}, {}, {"RecentJobDurationCount": "10", "RecentJobDurationAvg": "1.0"}),
    "load": ({}, {}, {"LoadAvg": "100.0"}),
    "cvmfs-lost": ({}, {}, {"CVMFS_LOST": "True"}),
    "desired-sites": ({}, {"DESIRED_Sites": '"A,B"'}, {}),
    "undesired-sites": ({}, {"UNDESIRED_Sites": '"A,LAB"'}, {}),
    "project": ({}, {"ProjectName": None}, {}),
    "gpu": ({}, {}, {"GPUs": "1"}),
    "container": ({}, {"ContainerImage": '"x.sif"'}, UNABLE),
    "image-failed": (
        {}, {"ContainerImage": '"x.sif"', "User": '"a@b"'}, ABLE | {"OSG_FAILED_IMAGES": '{ "a@b x.sif" }'}
    ),
    "tool-daemon": ({}, {"ToolDaemonCmd": '"/bin/x"'}, {}),
    "mpi": ({}, {"Want_MPI": "True"}, {}),
    "only-project": ({"OSG_PROJECT_NAME": "Mine"}, {}, {}),
    "itb": ({}, {"ITB_Sites": "True"}, {}),
    "start-extra": ({"GLIDEIN_Start_Extra": "TARGET.RequestMemory < 10"}, {}, {}),
}  # fmt: skip


@pytest.mark.parametrize("id", START_CASES)
def test_every_clause_of_start_can_be_the_one_that_is_false_and_is_named(root, id):
    environ, changes, attributes = START_CASES[id]
    found = answer(root, captured("running", changes), environ, attributes)
    assert wrong(found) == [id]
    shown = " ".join(text(found, quiet=True).split())
    assert f"{id}: {found.wrong[0].meaning}" in shown
    assert " ".join(advice.OF_START[id].split()) in shown


def test_every_clause_of_start_has_a_sentence_of_ours():
    environ = {"GLIDEIN_Site": "S", "GLIDEIN_ResourceName": "R", "OSG_PROJECT_NAME": "P"}
    ours = {clause.id for clause in policy.clauses(load(environ)[0])}
    assert ours == set(advice.OF_START) == set(START_CASES)


CURES = {
    "TARGET.Disk > 1": "-v /worker-temp-dir:/pilot",
    "TARGET.GPUs > 0": "--gpus all",
    "TARGET.HAS_CVMFS_icecube_opensciencegrid_org": "CVMFSEXEC_REPOS=icecube.opensciencegrid.org",
    'TARGET.Arch == "aarch64"': "another machine",
    "TARGET.HasX11": "in /etc/osg/extra-attributes.cfg: HasX11 = ...",
    "MY.Mine > 3": "the job lacks Mine",
    'stringListIMember("osdf", TARGET.HasFileTransferPluginMethods)': "no plugin",
    "1 == 2": "a job that does not ask for this",
}


@pytest.mark.parametrize("clause", CURES)
def test_what_makes_a_clause_of_the_job_true(clause):
    there = {"Disk": "0", "GPUs": "0", "Arch": '"X86_64"', "HasFileTransferPluginMethods": '"http,https"'}
    part = weigh(clause, sides(JOB, there, {}, frozenset()))
    assert part.truth != YES
    assert CURES[clause] in advice.cure(Clause(REQUIREMENTS, "1", "", part))


def test_long_and_deep_requirements_have_an_answer(root):
    many = " && ".join(["TARGET.Cpus >= 1"] * 300)
    found = answer(root, captured("running", {"Requirements": many}))
    assert len([clause for clause in found.clauses if clause.of == REQUIREMENTS]) in (300, 301)
    assert "... and 200 more that are true" in text(found)
    deep = answer(root, captured("running", {"Requirements": "(" * 50 + "TARGET.Cpus > 9" + ")" * 50}))
    assert wrong(deep) == ["TARGET.Cpus > 9"]


def test_a_ring_of_attributes_is_an_error_and_no_hang(root):
    found = answer(root, captured("running", {"A": "B", "B": "A", "Requirements": "A == 1"}))
    assert {clause.part.truth for clause in found.wrong} <= {"error", "undefined"}
    assert not found.matches


def test_expressions_that_eat_the_machine_are_stopped(tmp_path):
    bomb = {"A0": f'"{"x" * 500_000}"'} | {f"A{n}": f"strcat(A{n - 1}, A{n - 1})" for n in range(1, 19)}
    parts, failure = ask.weighed(Machine(root=tmp_path), {}, bomb, frozenset(), [(JOB, "size(A18) > 1"), (JOB, "true")])
    assert [part.truth for part in parts] == ["error", "error"] or parts[0].truth == "error"
    assert failure or parts[1].truth == YES


def test_a_child_that_cannot_start_is_told(root):
    parts, failure = ask.weighed(machine(root), {}, {}, frozenset(), [(JOB, "true")])
    assert parts == (Part("true", "error"),)
    assert "no such program" in failure


def test_the_document_says_the_same(root):
    found = described(answer(root, captured("large")))
    assert (found["matches"], found["ads"], found["error"]) == (False, 1, "")
    memory = next(clause for clause in found["clauses"] if clause["id"] == "memory")
    assert memory["value"] == "no"
    assert {one["name"]: one["value"] for one in memory["because"][0]["attributes"]} == {
        "Memory": "16000", "RequestMemory": "65536",
    }  # fmt: skip
    assert [clause["of"] for clause in found["clauses"]].count(START) == 16


def test_the_slots_ad_is_complete_and_parses(root):
    said = ad(root)
    for name in ("Arch", "OpSys", "CondorVersion", "Machine", "Name", "State", "Start", "Disk", "HasFileTransfer"):
        assert name in said
    assert said["Arch"] == '"X86_64"'
    assert not {name.lower() for name in said} & slot.LATER
    made = sides(SLOT, said, {}, slot.LATER).own
    assert {name: str(made.lookup(name)) for name in said if str(made.lookup(name)) == "error"} == {}


def test_gpus_are_in_the_slots_ad():
    found = dict(gpu_ads.attributes(INVENTORY))
    assert found["GPUs_Capability"] == "9.0"
    assert found["GPUs_DeviceName"] == '"NVIDIA H100; PCIe"'
    assert found["AvailableGPUs"] == "{ GPUs_GPU_1d1c6f0a, GPUs_GPU_2d1c6f0a }"


@pytest.mark.parametrize(("capability", "truth"), [("8.0", YES), ("10.0", NO)])
def test_jobs_that_want_a_kind_of_gpu(capability, truth):
    job = {"RequireGPUs": f"Capability >= {capability} && GlobalMemoryMb >= 40000", "RequestGPUs": "2"}
    seen = sides(JOB, dict(gpu_ads.attributes(INVENTORY)), job, frozenset())
    assert weigh("countMatches(MY.RequireGPUs, TARGET.AvailableGPUs) >= RequestGPUs", seen).truth == truth


INVENTORY = """DetectedGPUs="GPU-1d1c6f0a, GPU-2d1c6f0a"
Common=[ Capability=9.0; DeviceName="NVIDIA H100; PCIe"; GlobalMemoryMb=81090; ]
GPU_1d1c6f0a=[ id="GPU-1d1c6f0a"; DeviceUuid="1d1c6f0a-0"; ]
GPU_2d1c6f0a=[ id="GPU-2d1c6f0a"; DeviceUuid="2d1c6f0a-0"; ]
"""

EXPRESSIONS = st.recursive(
    st.sampled_from(["TARGET.Memory", "MY.X", "Mips", "1", '"a"', "undefined", "Disk > 3", "true", "Missing", "{ 1 }"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||", ">=", "==", "=?=", "+"]), inner),
        st.builds("!({})".format, inner),
        st.builds("ifThenElse({}, {}, {})".format, inner, inner, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(EXPRESSIONS, EXPRESSIONS)
def test_whatever_is_not_true_is_explained(expression, other):
    """And what is shown agrees with the whole."""
    seen = sides(JOB, sizes(), {"X": other}, frozenset({"mips"}))
    part = weigh(expression, seen)
    found = list(deciding(part))
    assert bool(found) == (part.truth != YES)
    shown = Clause(REQUIREMENTS, "1", "", part)
    assert bool(advice.cure(shown)) == (part.truth != YES)
    if part.joined == "all":
        assert (part.truth == YES) == all(one.truth == YES for one in part.parts)


def test_no_words_of_a_job_reach_the_terminal_unchecked(root):
    changes = {"Requirements": '"\x1b[31m\x07" == Owner', "HoldReason": '"\x1b]0;x\x07"', "JobStatus": "5"}
    shown = text(answer(root, captured("running", changes)))
    assert not [letter for letter in shown if letter != "\n" and not letter.isprintable()]


def test_an_empty_job_is_answered(root):
    found = answer(root, Job({}))
    assert set(wrong(found)) >= {"project", "cpus"}
