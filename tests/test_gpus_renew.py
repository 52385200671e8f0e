"""The cron job: canned answers of a driver, and what comes of them in ad, record, HTCondor's configuration and log."""

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass

import classad2
import pytest

from fakes import Result, put
from gpu_fakes import LIB, NVML, asked, divided, failed, gpu, seen, uuid
from ospool_ep.gpus import published, renew
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.record import BELIEVED, Record, State
from ospool_ep.gpus.rows import Row
from ospool_ep.gpus.seen import Seen
from ospool_ep.machine import TIMED_OUT, Machine

TWO = (gpu(0), gpu(1))
WELL = seen(*TWO)
BOTH = published.state(Gpus(tuple(map(Row, TWO)), directories=(LIB,)))
GONE = "the driver does not list it any more"

# A driver that takes its time, in look.py's place: it holds what it has inherited.
HANGING = "import sys, time; print('up', flush=True); time.sleep(60)"


def after(before, *answers):
    for said in answers:
        before = renew.renew(before, said)
    return before


def usable(state):
    return [one.usable for one in state.gpus]


TELL = """
import fcntl
try:
    fcntl.flock(open(lock), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print('{"driver": "held"}')
"""


# --- what is believed


def test_where_nothing_changes_nothing_changes():
    assert after(BOTH, WELL, WELL) == BOTH
    assert renew.renew(State(), WELL) == State()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (seen(gpu(0)), GONE), (seen(gpu(0), failed(1)), f"{GONE} (NVML: GPU is lost)"),
        (seen(gpu(0), gpu(1, failed=15, words="GPU is lost")), "NVML: GPU is lost"),
        (seen(*TWO, nodes=(("/dev/nvidia0", ""), ("/dev/nvidia1", "EPERM"))), "does not allow it"),
        (seen(*TWO, nodes=(("/dev/nvidia0", ""),)), "/dev/nvidia1: not in this container"),
        (seen(gpu(0), *divided(1)), "divided (MIG), and has no instance"),
    ],
)  # fmt: skip
def test_one_that_is_lost_is_off_at_once_and_the_other_stays(said, why):
    first, second = after(BOTH, said).gpus
    assert first == BOTH.gpus[0]
    assert (second.usable, second.passes) == (False, 0)
    assert why in second.why


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (seen(stuck="asking for GPU 0"), "the driver does not answer (asking for GPU 0)"),
        (seen(*TWO, stuck="asking for GPU 2"), "the driver does not answer"),
        (Seen(failed=9, words="Driver Not Loaded"), "NVML: Driver Not Loaded"),
        (Seen(failed=-1, words="loading libcuda.so.1: status -11"), "NVML: loading libcuda.so.1: status -11"),
        (Seen(), GONE),
    ],
)
def test_where_the_driver_gives_no_answer_all_are_off(said, why):
    state = after(BOTH, said)
    assert usable(state) == [False, False]
    assert all(why in one.why for one in state.gpus)


def test_what_comes_back_is_believed_after_two_good_looks():
    lost = after(BOTH, seen(gpu(0)))
    once = after(lost, WELL)
    assert usable(once) == [True, False]
    assert "is back" in once.gpus[1].why
    assert after(once, WELL) == BOTH


def test_good_looks_must_follow_one_another():
    lost = after(BOTH, seen(gpu(0)), WELL, seen(gpu(0)), WELL)
    assert usable(lost) == [True, False]
    assert usable(after(lost, WELL)) == [True, True]
    assert max(one.passes for one in after(lost, *[WELL] * 5).gpus) == BELIEVED


def test_another_gpu_in_its_place_is_not_it():
    assert usable(after(BOTH, seen(gpu(0), gpu(1, uuid=uuid(7))))) == [True, False]


def test_a_gpu_that_was_not_offered_is_never_taken_up():
    assert after(BOTH, seen(*TWO, gpu(2))) == BOTH


def test_of_instances_each_counts_by_itself():
    parts = divided(0, 0, 1)[1:]
    before = published.state(Gpus(tuple(map(Row, parts))))
    assert usable(after(before, seen(*divided(0, 1)))) == [False, True]
    assert usable(after(before, seen(*divided(0, 0, 1)))) == [True, True]
    assert usable(after(before, seen(gpu(0)))) == [False, False]


def test_what_was_said_at_boot_stays_said():
    before = dataclasses.replace(BOTH, lasting="GPU 3 NVML: GPU is lost", log="/x")
    assert after(before, Seen()).lasting == before.lasting
    assert after(before, WELL).log == "/x"


# --- HTCondor's configuration


def test_what_is_off_is_named_for_htcondor():
    assert renew.withdrawn(BOTH) == "OFFLINE_MACHINE_RESOURCE_GPUS = \n"
    assert renew.withdrawn(after(BOTH, seen(gpu(0)))) == "OFFLINE_MACHINE_RESOURCE_GPUS = GPU-1d1c6f0a\n"
    assert renew.withdrawn(after(BOTH, Seen())) == "OFFLINE_MACHINE_RESOURCE_GPUS = GPU-0d1c6f0a, GPU-1d1c6f0a\n"


# --- the log


def news(before, *answers):
    return renew.news(before, after(before, *answers))


def test_only_changes_are_told():
    assert news(BOTH, WELL) == ()
    assert news(BOTH, seen(gpu(0))) == (f"GPU-1d1c6f0a is withdrawn: {GONE}",)
    lost = after(BOTH, seen(gpu(0)))
    assert news(lost, seen(gpu(0))) == news(lost, WELL) == news(lost, seen(gpu(0), failed(1))) == ()
    assert news(lost, WELL, WELL) == ("GPU-1d1c6f0a can be used again",)


def test_the_log_is_the_containers(tmp_path):
    log = put(tmp_path, "/log", "before\n")
    before = dataclasses.replace(BOTH, log=str(log))
    renew.tell(before, after(before, seen(gpu(0))))
    first, second = log.read_text().splitlines()
    assert first == "before"
    assert second.endswith(f" GPUS GPU-1d1c6f0a is withdrawn: {GONE}")
    renew.tell(before, before)
    assert len(log.read_text().splitlines()) == 2
    renew.tell(BOTH, after(BOTH, Seen()))  # nobody wants to know


# --- the whole of it


@pytest.fixture
def record(root):
    made = Record(root / "run/ospool-ep/gpus")
    made.create(dataclasses.replace(BOTH, log=str(root / "log")))
    return made


def ran(root, record, capsys, found, *rows):
    """Its ad, and the machine."""
    here = asked(root, found, *rows)
    capsys.readouterr()
    assert renew.main(str(record.path), here) == 0
    return dict(classad2.parseOne(capsys.readouterr().out, classad2.ParserType.Old)), here


def test_where_all_is_well_nothing_is_withdrawn(root, record, capsys):
    said, here = ran(root, record, capsys, WELL)
    assert said == {"GPUS_COMMENT": ""}
    assert record.state().gpus == BOTH.gpus
    assert not record.withdrawn.exists()
    ((line, _, _),) = here.calls
    assert line.endswith(f"look.py {LIB}"), "neither CUDA nor HTCondor is asked: they would start the devices"
    assert not (root / "log").exists()


def test_the_life_of_a_gpu(root, record, capsys):
    said, _ = ran(root, record, capsys, seen(gpu(0)))
    assert said == {"GPUS_COMMENT": f"GPU-1d1c6f0a {GONE}"}
    assert record.withdrawn.read_text() == "OFFLINE_MACHINE_RESOURCE_GPUS = GPU-1d1c6f0a\n"
    said, _ = ran(root, record, capsys, WELL)
    assert "is back" in said["GPUS_COMMENT"]
    assert "GPU-1d1c6f0a" in record.withdrawn.read_text()
    said, _ = ran(root, record, capsys, WELL)
    assert said == {"GPUS_COMMENT": ""}
    assert record.withdrawn.read_text() == "OFFLINE_MACHINE_RESOURCE_GPUS = \n"
    assert [line.split(" ", 2)[2] for line in (root / "log").read_text().splitlines()] == [
        f"GPU-1d1c6f0a is withdrawn: {GONE}",
        "GPU-1d1c6f0a can be used again",
    ]
    assert sorted(os.listdir(record.path)) == ["lock", "state.json", "withdrawn"]


def test_a_driver_that_hangs(root, record, capsys):
    hangs = ("look.py", Result(TIMED_OUT, '{"doing": "starting NVML"}\n', ""))
    said, _ = ran(root, record, capsys, WELL, hangs)
    assert said["GPUS_COMMENT"].count("the driver does not answer (starting NVML)") == 2
    assert usable(record.state()) == [False, False]


def test_while_a_question_hangs_there_is_no_second(root, record, capsys):
    """A process that cannot be killed stays behind, and holds the lock that it has inherited."""
    descriptor = os.open(record.lock, os.O_RDWR | os.O_CREAT)
    renew.locks.taken(descriptor, 0, 0)
    command = (sys.executable, "-c", HANGING)
    holder = subprocess.Popen(command, pass_fds=(descriptor,), stdout=subprocess.PIPE)
    try:
        assert holder.stdout.readline() == b"up\n"
        os.close(descriptor)
        said, here = ran(root, record, capsys, WELL)
        assert here.calls == []
        assert "the driver does not answer (an earlier question)" in said["GPUS_COMMENT"]
    finally:
        holder.kill()
        holder.wait(10)
        holder.stdout.close()
    said, here = ran(root, record, capsys, WELL)
    assert len(here.calls) == 1
    assert "is back" in said["GPUS_COMMENT"]


@dataclass(frozen=True)
class Lent(Machine):
    """Runs a program of the test's in look.py's place, as look.py would be run."""

    program: str = ""

    def run(self, argv, timeout, env=None):
        assert argv[2].endswith("look.py")
        return super().run((sys.executable, "-c", self.program), timeout, env)


def test_the_question_holds_the_lock(root, record):
    """Only the program that asks has it then: this one says whether."""
    program = f"lock = {str(record.lock)!r}\n{TELL}"
    put(root, f"{LIB}/{NVML}", "")
    assert renew.asked(Lent(root=root, program=program), record, BOTH).driver == "held"


def test_where_the_libraries_are_gone_the_gpus_are(root, record, capsys):
    here = asked(root, Seen(failed=12, words="Shared Library Not Found"))
    assert renew.main(str(record.path), here) == 0
    assert here.calls[0][0].endswith("look.py")
    assert "Shared Library Not Found" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["{", None, json.dumps({"gpus": [{"id": "a\nSTART = False", "uuid": "b"}]})])
def test_where_the_record_is_lost_htcondor_keeps_what_it_has(root, record, capsys, broken):
    if broken is None:
        (record.path / "state.json").unlink()
    else:
        (record.path / "state.json").write_text(broken)
    said, here = ran(root, record, capsys, WELL)
    assert "record of GPUs is lost" in said["GPUS_COMMENT"]
    assert here.calls == []
    assert not record.withdrawn.exists()


def test_a_full_disk_does_not_silence_it(root, record, capsys):
    (record.path / "state.new").mkdir()
    said, _ = ran(root, record, capsys, seen(gpu(0)))
    assert said == {"GPUS_COMMENT": f"GPU-1d1c6f0a {GONE}"}


def test_nobody_but_a_startd_is_told_to_read_its_configuration_again(root, record, capsys):
    """The parent here is no startd: were it told, these tests would end."""
    put(root, f"/proc/{os.getppid()}/comm", "pytest\n")
    ran(root, record, capsys, seen(gpu(0)))
    assert record.withdrawn.exists()


STARTD = """
import os, signal, subprocess, sys
signal.signal(signal.SIGHUP, lambda *_: print("told", flush=True))
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""
CHILD = """
import os, sys
sys.path[:0] = {path!r}
from fakes import put
from gpu_fakes import asked, gpu, seen
from pathlib import Path
from ospool_ep.gpus import renew
root = Path({root!r})
put(root, f"/proc/{{os.getppid()}}/comm", "condor_startd\\n")
renew.main({record!r}, asked(root, seen(gpu(0))))
"""


def test_the_startd_is_told_once(root, record):
    """A process that stands in for it, with a child that is the cron job."""
    child = CHILD.format(path=sys.path[:4], root=str(root), record=str(record.path))
    words = (sys.executable, "-c", STARTD, child)
    first = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "told" in first.stdout.splitlines()
    again = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "told" not in again.stdout.splitlines()
