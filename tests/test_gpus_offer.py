"""GPUs at boot on a whole fake machine: what is offered, what is said, and what reaches ad and configuration."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from fakes import GOOD, Result, ids, log_to_text, machine, put, said
from gpu_fakes import (
    CUDA,
    DISCOVERY_ERROR,
    H100,
    LIB,
    LIBRARIES,
    NVML,
    UNVERSIONED,
    VERSION,
    asked,
    divided,
    failed,
    gpu,
    ldconfig,
    libraries,
    seen,
    uuid,
)
from gpu_fakes import cuda as cuda_says
from ospool_ep import board, boot, checks, instance
from ospool_ep import preflight as looked
from ospool_ep.containers.offer import Containers
from ospool_ep.containers.verdict import Ability
from ospool_ep.cvmfs.called import Called
from ospool_ep.gpus import found as known
from ospool_ep.gpus import knobs, offer
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.record import Record
from ospool_ep.machine import TIMED_OUT
from ospool_ep.problem import exit_code
from ospool_ep.settings import Settings

HERE = Settings(site="LAB", resource_name="R")
TWO = (gpu(0), gpu(1))
WELL = seen(*TWO)


def look(root, found=WELL, *rows, settings=HERE, **how):
    """What is offered, the ids of the problems, and the machine."""
    here = asked(root, found, *rows, **how)
    gpus, problems = offer.look(here, settings)
    for problem in problems:
        assert problem.warning
        assert all((problem.found, problem.why, problem.cure))
    return gpus, ids(problems), here


def indexes(found):
    return [device.index for device in found.offered]


# --- machines without


def test_without_gpus_no_program_is_started(root):
    here = asked(root, seen(libraries=(), nodes=()))
    assert offer.look(here, HERE) == (Gpus(), ())
    assert here.calls == []
    assert offer.attributes(Gpus()) == {}


def test_without_gpus_the_rest_of_the_package_is_not_even_read(root):
    """Reading it takes as long as the look."""
    program = (
        "import sys, pathlib; from ospool_ep import preflight; from ospool_ep.gpus import offer\n"
        "from ospool_ep.machine import Machine; from ospool_ep.settings import Settings\n"
        f"offer.look(Machine(root=pathlib.Path({str(root)!r})), Settings())\n"
        "print([name for name in sys.modules if name.startswith('ospool_ep.gpus.')])\n"
    )
    path = {"PYTHONPATH": str(Path(offer.__file__).parents[2])}
    done = subprocess.run((sys.executable, "-c", program), env=path, capture_output=True, text=True, check=True)
    read = {name.rpartition(".")[2] for name in done.stdout.strip("[]\n").replace("'", "").split(", ")}
    assert read <= {"offer", "present", "found", "knobs"}


def test_a_host_with_a_driver_that_gave_us_none_is_worth_a_word(root):
    (root / "sys/module/nvidia").mkdir(parents=True)
    found, problems = offer.look(machine(root, answers=()), HERE)
    assert "docker run --gpus all" in found.note
    assert problems == ()
    assert known.summary(found) == found.note


@pytest.mark.parametrize(
    ("wanted", "module", "problem", "note"),
    [("all", False, [], "none here"), ("all", True, ["gpu-no-driver-library"], "none here"), ("none", True, [], ""),
     ("0", False, ["gpu-no-driver-library"], "none here"), ("void", False, [], "")],
)  # fmt: skip
def test_who_was_to_have_some_and_has_none(root, wanted, module, problem, note):
    if module:
        (root / "sys/module/nvidia").mkdir(parents=True)
    found, problems = offer.look(machine(root, answers=()), dataclasses.replace(HERE, nvidia_visible=wanted))
    assert ids(problems) == problem
    assert found.note == note
    assert found.offered == ()


def test_opencl_without_gpus_is_looked_at(root):
    put(root, "/etc/OpenCL/vendors/pocl.icd", "libpocl.so")
    lines = [{"icd": "/x", "library": "libpocl.so", "error": ""}, {"platform": "PoCL", "devices": 1}]
    row = ("look_opencl.py", Result(0, "\n".join(map(json.dumps, lines)), ""))
    found, problems = offer.look(machine(root, answers=(row,)), HERE)
    assert (known.summary(found), problems) == ("OpenCL: PoCL (1 device)", ())


# --- machines with


def test_where_all_is_well_all_are_offered(root):
    found, problems, here = look(root)
    assert (found.offered, problems) == (TWO, [])
    assert known.summary(found) == f"2 of 2 offered: 2 x {H100}; driver {VERSION}, CUDA 13.0"
    assert found.inventory.startswith('DetectedGPUs="GPU-0d1c6f0a, GPU-1d1c6f0a"\n')
    assert (found.links, found.plain, found.bound, found.contained) == (False, False, (), False)
    assert [len(here.lines(one)) for one in ("look.py", "condor_gpu_discovery", "ldconfig")] == [2, 1, 1]


CLOSED = (("/dev/nvidia0", "EPERM"), ("/dev/nvidia1", ""))
STUCK = '{"doing": "starting NVML"}'


@pytest.mark.parametrize(
    ("found", "how", "expected", "problem"),
    [
        (seen(failed(0), gpu(1)), {}, [1], "gpu-lost"),
        (seen(*TWO, nodes=CLOSED), {}, [1], "gpu-device-permission"),
        (WELL, {"used": TWO[:1]}, [0], "gpu-cuda"),
        (WELL, {"listed": TWO[1:]}, [1], "gpu-discovery-disagrees"),
        (WELL, {"look.py --cuda": cuda_says(failed=803, words="w")}, [], "gpu-cuda"),
        (WELL, {"look.py --cuda": Result(TIMED_OUT, "", "")}, [], "gpu-hangs"),
        (WELL, {"condor_gpu_discovery": DISCOVERY_ERROR}, [], "gpu-discovery-disagrees"),
        (WELL, {"condor_gpu_discovery": Result(127, "", "no such program")}, [], "gpu-discovery-disagrees"),
        (seen(failed=18, words="Driver/library version mismatch"), {}, [], "gpu-driver-mismatch"),
        (seen(), {}, [], "gpu-no-devices"),
        (seen(libraries=libraries(CUDA), failed=12, words="x", driver=""), {}, [], "gpu-no-driver-library"),
        (WELL, {"look.py": Result(TIMED_OUT, STUCK, "")}, [], "gpu-hangs"),
        (WELL, {"look.py": Result(-11, STUCK, "")}, [], "gpu-no-driver-library"),
    ],
)
def test_what_is_wrong_is_said_and_the_rest_is_offered(root, found, how, expected, problem):
    rows = [(name, answer) for name, answer in how.items() if isinstance(answer, Result)]
    gpus, problems, _ = look(root, found, *rows, **{name: how[name] for name in ("used", "listed") if name in how})
    assert indexes(gpus) == expected
    assert problems == [problem]
    assert offer.attributes(gpus)["GPUS_COMMENT"].strip('"')
    told = ", ".join(one.id for one in gpus.offered)
    assert not told or gpus.inventory.startswith(f'DetectedGPUs="{told}"\n')


def test_the_startd_is_not_told_of_what_cuda_cannot_use(root):
    """HTCondor's own program would offer it."""
    found, *_ = look(root, used=TWO[1:])
    assert "0d1c6f0a" not in found.inventory.replace("1d1c6f0a", "")
    assert [(row.id, row.why) for row in found.table] == [("gpu-cuda", "CUDA cannot use it"), ("", "")]


@pytest.mark.parametrize(
    ("changes", "expected", "problem"),
    [
        ({"nvidia_visible": uuid(1)}, [1], ["gpu-not-granted"]), ({"cuda_visible": "0"}, [0], ["gpu-not-granted"]),
        ({"cuda_visible": ""}, [], ["gpu-not-granted"]), ({"nvidia_visible": "all", "cuda_visible": None}, [0, 1], []),
        ({"nvidia_visible": "0,1", "cuda_visible": "1"}, [1], ["gpu-not-granted"]),
        ({"nvidia_visible": "6,7"}, [0, 1], []), ({"nvidia_visible": "void"}, [0, 1], []),
        ({"nvidia_visible": "none"}, [], ["gpu-not-granted"]),
        ({"cuda_visible": "0,5"}, [0], ["gpu-grant-unknown"]),
    ],
)  # fmt: skip
def test_what_was_not_given_is_not_offered(root, changes, expected, problem):
    found, problems, here = look(root, settings=dataclasses.replace(HERE, **changes))
    assert indexes(found) == expected
    assert problems == problem
    if not expected:
        assert len(here.calls) == 1, "nobody else is asked"


def test_instances(root):
    found, problems, here = look(root, seen(*divided(0, 0, 1), gpu(1)), used=(gpu(0),))
    assert len(found.offered) == 3
    assert problems == []
    assert found.offered[0].uuid in here.lines("condor_gpu_discovery")[0]


def test_libraries_that_only_the_site_knows(root):
    for name in (NVML, CUDA):
        put(root, f"/opt/driver/{name}", "")
    there = seen(*TWO, libraries=libraries(NVML, CUDA, directory="/opt/driver", found=False))
    rows = (("ldconfig -p", ldconfig()),)
    found, problems, here = look(root, there, *rows, settings=dataclasses.replace(HERE, library_path=("/opt/driver",)))
    assert problems == []
    assert here.lines("look.py")[0].endswith("look.py /opt/driver")
    assert (found.links, found.plain) == (True, True)
    assert dict(found.files)[UNVERSIONED] == f"/opt/driver/{CUDA}"
    assert f"/opt/driver/{NVML}" in found.bound


# --- in a job's container


@pytest.mark.parametrize(("able", "contained"), [(Ability("1.4.5", directories=True), True), (Ability("1.4.5"), False),
                                                 (Ability(), False)])  # fmt: skip
def test_it_is_tested_where_containers_run(root, able, contained):
    found, _, here = look(root)
    here.calls.clear()
    after, problems = offer.contained(here, found, able, ())
    assert (after.contained, problems, len(here.calls)) == (contained, (), int(contained))


def checked(root, found=WELL, *rows, **how):
    able = Containers(Ability("1.4.5", directories=True, pid_namespaces=True, sif=True), ("/data:/data",))
    here = asked(root, found, *rows, **how)
    outcome = checks.gpus(here, HERE, lambda: able).look()
    return outcome.value, outcome.line, here


def test_the_check_tests_with_the_binds_of_jobs(root):
    found, line, here = checked(root)
    assert " -B /data:/data " in here.lines("--inside")[0]
    assert (line.name, line.mark) == ("gpus", "ok")
    assert found.contained


def test_the_check_says_what_is_left(root):
    _, line, _ = checked(root, inside=Result(255, "", "FATAL: no"))
    assert line.text == "0 of 2 offered"
    assert ids(line.problems) == ["gpu-job-container"]


def test_the_check_waits_for_no_containers_where_there_is_nothing_to_test(root):
    def never():
        raise AssertionError("containers were asked for")

    outcome = checks.gpus(machine(root, answers=()), HERE, never).look()
    assert (outcome.value, outcome.line.text, outcome.line.mark) == (Gpus(), "", "n/a")


# --- the whole boot


def preflight(root, found=WELL, *rows, environ=GOOD, **how):
    return looked.preflight(asked(root, found, *rows, **how), environ, "0123abcd")


def test_a_pilot_with_gpus(root):
    plan = preflight(root)
    assert plan.gpus.offered == TWO
    assert plan.attributes["GPUS_COMMENT"] == '""'
    assert "GPUS_COMMENT" in plan.attributes
    assert [line.text for line in plan.lines if line.name == "gpus"] == [known.summary(plan.gpus)]
    assert not [problem for problem in plan.problems if problem.id.startswith("gpu")]


def test_the_libraries_that_apptainer_does_not_find_reach_the_front(root):
    plan = preflight(root, WELL, ("ldconfig -p", ldconfig()))
    assert set(plan.setup.gpu_libraries) == {f"{LIB}/{name}" for name in LIBRARIES}


def test_the_environment_decides(root):
    plan = preflight(root, environ=GOOD | {"CUDA_VISIBLE_DEVICES": ""})
    assert plan.gpus.offered == ()
    assert "gpu-not-granted" in ids(plan.problems)
    assert exit_code(plan.problems) == 0


def test_a_pilot_whose_gpus_fail_starts_all_the_same(root):
    plan = preflight(root, WELL, ("look.py", Result(TIMED_OUT, '{"doing": "starting NVML"}', "")))
    assert exit_code(plan.problems) == 0
    assert "gpu-hangs" in ids(plan.problems)
    assert "nothing came back from starting NVML" in said(plan.problems)
    assert "starting NVML" in plan.attributes["GPUS_COMMENT"]


def test_print_config_shows_the_offer_and_writes_nothing(root, capsys):
    log, report = log_to_text()
    here = asked(root, WELL)
    before = sorted(root.rglob("*"))
    assert boot.print_config(here, Called(("--print-config",), GOOD, 0.0), log) == 0
    text = capsys.readouterr().out
    assert "use feature:GPUs\n" in text
    assert f"STARTD_CRON_DEVICES_PERIOD = {knobs.PERIOD_S}s\n" in text
    assert "2 of 2 offered" in report.getvalue()
    assert sorted(root.rglob("*")) == before


def test_the_boot_writes_what_startd_and_renewal_need(root):
    """As far as it goes without becoming another program."""
    here = asked(root, seen(*TWO, libraries=libraries(NVML, CUDA)))
    plan = looked.preflight(here, GOOD, "0123abcd")
    place = instance.plan(here, "/pilot", plan.names.instance)
    instance.create(here, place)
    boot._record(place, plan, "/proc/1/fd/1")
    kept = Record(place.gpus)
    assert [one.uuid for one in kept.state().gpus] == [uuid(0), uuid(1)]
    assert kept.inventory.read_text() == plan.gpus.inventory
    assert str((kept.links / UNVERSIONED).readlink()) == f"{LIB}/{CUDA}"


def test_without_gpus_it_writes_nothing_of_them(root):
    here = machine(root)
    plan = looked.preflight(here, GOOD, "0123abcd")
    place = instance.plan(here, "/pilot", plan.names.instance)
    instance.create(here, place)
    boot._record(place, plan, None)
    assert not place.gpus.exists()


def test_a_check_that_hangs_or_crashes_costs_the_gpus_and_not_the_pilot():
    check = checks.gpus(machine(Path("/")), HERE, Containers)
    for answer, id in ((TimeoutError(), "check-timeout"), (KeyError("a bug"), "check-crashed")):
        outcome = board.outcome(check, answer)
        assert outcome.value == Gpus()
        assert ids(outcome.line.problems) == [id]
        assert exit_code(outcome.line.problems) == 0
        assert outcome.line.problems[0].warning
