"""Who is held for using too much, and what the owner reads: the policy, evaluated as HTCondor does."""

import classad2
import pytest

from ospool_ep import classads, overuse

MB = 1024  # disk is counted in KB


def ask(knob, **job):
    """The slot has 500 MB of memory and 2000 MB of disk."""
    slot = classad2.ClassAd({"Memory": 500, "Disk": 2000 * MB})
    measured = {"JobUniverse": 5, "JobState": "Running"}
    return classads.parse(overuse.knobs(False)[knob]).eval(slot, classad2.ClassAd(measured | job))


def held(**job):
    answers = {ask(knob, **job) for knob in ("WANT_HOLD", "PREEMPT")}
    assert len(answers) == 1
    return answers.pop()


@pytest.mark.parametrize(
    "job",
    [
        {},
        {"MemoryUsage": 0, "DiskUsage": 0},
        {"MemoryUsage": 500, "DiskUsage": 2000 * MB},
        {"MemoryUsage": 499},
        {"DiskUsage": 10},
        {"MemoryUsage": classad2.Value.Undefined, "DiskUsage": classad2.Value.Undefined},
        {"MemoryUsage": classad2.Value.Error, "DiskUsage": "much"},
        {"MemoryUsage": classad2.ExprTree("(ResidentSetSize + 1023) / 1024")},
        {"MemoryUsage": 99999, "DiskUsage": 99999999, "JobUniverse": 13},
        {"MemoryUsage": 99999, "DiskUsage": 99999999, "JobState": classad2.Value.Undefined},
    ],
)
def test_a_job_within_its_slot_or_not_measured_yet_or_a_virtual_machine_runs_on(job):
    assert held(**job) is False
    assert ask("MAXJOBRETIREMENTTIME", **job) == 0


MEMORY = "memory usage exceeded request_memory: 501 MB used, the slot has 500 MB; ask for more with request_memory"
DISK = "disk usage exceeded allocated disk: 2001 MB used, the slot has 2000 MB; ask for more with request_disk"


@pytest.mark.parametrize(
    ("job", "subcode", "reason"),
    [
        ({"MemoryUsage": 501}, 102, MEMORY),
        ({"MemoryUsage": 501, "DiskUsage": 5}, 102, MEMORY),
        ({"MemoryUsage": classad2.ExprTree("(ResidentSetSize + 1023) / 1024"), "ResidentSetSize": 501 * 1024}, 102,
         MEMORY),
        ({"DiskUsage": 2001 * MB}, 104, DISK),
        ({"DiskUsage": 2001 * MB, "MemoryUsage": 500}, 104, DISK),
        ({"DiskUsage": 2001 * MB, "MemoryUsage": classad2.Value.Undefined}, 104, DISK),
        ({"DiskUsage": 2001 * MB, "MemoryUsage": 501}, 102, MEMORY),
    ],
)  # fmt: skip
def test_a_job_over_its_slot_is_held_at_once_with_the_numbers_and_the_cure(job, subcode, reason):
    assert held(**job) is True
    assert ask("MAXJOBRETIREMENTTIME", **job) == -1
    assert ask("WANT_HOLD_SUBCODE", **job) == subcode
    assert ask("WANT_HOLD_REASON", **job) == reason


def test_numbers_are_told_as_whole_ones():
    assert "601 MB used" in ask("WANT_HOLD_REASON", MemoryUsage=600.5)
    assert "2001 MB used, the slot has 2000 MB" in ask("WANT_HOLD_REASON", DiskUsage=2000 * MB + 1)


def test_shared_memory_counts_once_where_the_kernel_does_not_count():
    metric = classads.parse(overuse.knobs(False)["MEMORY_USAGE_METRIC"])
    assert metric.eval(classad2.ClassAd({"ResidentSetSize": 5000 * 1024, "ProportionalSetSizeKb": 100 * 1024})) == 100
    assert metric.eval(classad2.ClassAd({"ResidentSetSize": 500 * 1024 + 1})) == 501
    assert not {"USE_PSS", "MEMORY_USAGE_METRIC"} & set(overuse.knobs(True))


def test_one_kb_too_much_is_too_much():
    assert held(DiskUsage=2000 * MB + 1) is True


def test_nobody_is_suspended_instead():
    assert ask("WANT_SUSPEND", MemoryUsage=501) is False
