"""What HTCondor is told of the GPUs, what the ad says of them, and the table for people."""

import dataclasses

import classad2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import pilot
from gpu_fakes import A100, H100, VERSION, divided, failed, gpu, uuid
from ospool_ep import classads, condor_config
from ospool_ep.gpus import found as known
from ospool_ep.gpus import knobs, offer, published, table
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.judge import without
from ospool_ep.gpus.record import Gpu, State
from ospool_ep.gpus.rows import Row

RECORD = "/run/ospool-ep/ep-1/gpus"
NONE = Gpus()
LOST = Row(failed(1), "gpu-lost", "NVML: GPU is lost")
ONE = Gpus((Row(gpu(0)),), VERSION, "13.0")
SOME = dataclasses.replace(ONE, table=(Row(gpu(0)), LOST, Row(gpu(2)), *map(Row, divided(3, 0)[1:])))
ALL_LOST = Gpus((LOST,))


def configured(found):
    """The whole file, and its settings."""
    one = pilot(gpus=tuple(knobs.knobs(RECORD, found).items()), gpu_statements=knobs.statements(RECORD, found))
    return condor_config.render(one).splitlines(), condor_config.knobs(one)


# --- HTCondor's configuration


@pytest.mark.parametrize("found", [NONE, ALL_LOST, Gpus(links=True, plain=True)])
def test_where_none_is_offered_nobody_looks_for_any(found):
    lines, said = configured(found)
    assert said["STARTD_DETECT_GPUS"] == "0"
    assert said["STARTD_CRON_JOBLIST"].split() == ["MIPS", "CONTAINERS"]
    assert not [line for line in lines if "feature" in line or "include" in line]
    assert said["MACHINE_RESOURCE_GPUs"] == "0"
    assert not {name for name in said if "GPU" in name} - {"STARTD_DETECT_GPUS", "MACHINE_RESOURCE_GPUs"}
    assert "STARTD_ENVIRONMENT" not in said
    assert knobs.library_path(RECORD, found) == ""


def test_where_some_are_htcondor_takes_them_from_the_record():
    lines, said = configured(SOME)
    assert "STARTD_DETECT_GPUS" not in said
    assert said["MACHINE_RESOURCE_INVENTORY_GPUS"] == f"/usr/bin/cat {RECORD}/inventory"
    feature, include = lines.index("use feature:GPUs"), lines.index(f"include ifexist : {RECORD}/withdrawn")
    settings = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("DEBUG_TIME")]
    assert max(feature, include) < min(settings), "our settings come after HTCondor's"


def test_the_renewal_is_one_of_the_startds_cron_jobs_and_htcondors_monitor_too():
    _, said = configured(ONE)
    assert said["STARTD_CRON_JOBLIST"].split() == ["MIPS", "CONTAINERS", "DEVICES", "GPUs_MONITOR"]
    assert said["STARTD_CRON_DEVICES_EXECUTABLE"] == "/usr/libexec/ospool-ep/gpus"
    assert said["STARTD_CRON_DEVICES_ARGS"] == RECORD
    assert (said["STARTD_CRON_DEVICES_MODE"], said["STARTD_CRON_DEVICES_PERIOD"]) == ("Periodic", f"{knobs.PERIOD_S}s")


@pytest.mark.parametrize(("links", "plain"), [(False, False), (True, False), (True, True)])
def test_who_gets_the_links(links, plain):
    found = dataclasses.replace(ONE, links=links, plain=plain)
    environment = configured(found)[1].get("STARTD_ENVIRONMENT")
    assert environment == (f'"LD_LIBRARY_PATH={RECORD}/lib"' if links else None)
    assert knobs.library_path(RECORD, found) == (f"{RECORD}/lib" if plain else "")


# --- the ad


def ad(state):
    text = "".join(f"{name} = {text}\n" for name, text in published.attributes(state).items())
    return dict(classad2.parseOne(text, classad2.ParserType.Old))


def test_where_there_never_was_a_gpu_nothing_is_said():
    assert published.attributes(State()) == {}
    assert offer.attributes(NONE) == {}


def test_where_all_are_well_there_is_nothing_to_comment():
    assert ad(published.state(ONE)) == {"GPUS_COMMENT": ""}


def test_what_was_never_offered_is_said_for_ever():
    assert ad(published.state(SOME)) == {"GPUS_COMMENT": "GPU 1 NVML: GPU is lost"}
    assert dict(offer.attributes(ALL_LOST)) == {"GPUS_COMMENT": '"GPU 1 NVML: GPU is lost"'}


def test_what_is_not_offered_any_more_comes_first():
    gone = Gpu("GPU-0d1c6f0a", uuid(0), 0, "the driver does not list it any more")
    state = State((gone, Gpu("GPU-2d1c6f0a", uuid(2))), (), "GPU 1 NVML: GPU is lost")
    assert published.comment(state) == "GPU-0d1c6f0a the driver does not list it any more; GPU 1 NVML: GPU is lost"


@given(st.text(max_size=60), st.text(max_size=60))
def test_every_comment_is_one_legal_line(why, lasting):
    """A driver's words may hold anything."""
    for name, text in published.attributes(State((Gpu("GPU-1", "GPU-1", 0, why),), (), lasting)).items():
        assert name == "GPUS_COMMENT"
        assert not isinstance(classads.parse(text), classads.ParseFailure)
        assert len(text.splitlines()) == 1


@pytest.mark.parametrize("text", ["x\\", 'a\\"b', "$(X:$(Y))", "$$$(X)", "$(LOG)", 'a"b', "é", "\x07"])
def test_no_comment_stops_the_boot(text):
    """Other programs set the variables, and a driver says what it likes."""
    for why in (f"not in CUDA_VISIBLE_DEVICES={text}", text):
        said = published.attributes(published.state(Gpus((Row(gpu(0), "gpu-not-granted", why),))))
        (line,) = [
            line for line in condor_config.render(pilot(attributes=tuple(said.items()))).splitlines()
            if line.startswith("GPUS_COMMENT = ")
        ]  # fmt: skip
        assert not isinstance(classads.parse(line.partition(" = ")[2]), classads.ParseFailure)


# --- for people


def test_one_line():
    assert known.summary(NONE) == ""
    assert known.summary(ONE) == f"1 of 1 offered: {H100}; driver {VERSION}, CUDA 13.0"
    assert known.summary(SOME) == (
        f"4 of 5 offered: 2 x {H100}, {A100} MIG 3g.20gb; driver {VERSION}, CUDA 13.0".replace("4 of 5", "3 of 4")
    )
    assert known.summary(ALL_LOST) == "0 of 1 offered"
    assert known.summary(Gpus(note="none here", opencl="OpenCL: P (1 device)")) == "none here; OpenCL: P (1 device)"
    assert known.summary(dataclasses.replace(ONE, cuda="")) == f"1 of 1 offered: {H100}; driver {VERSION}"


def rows(found):
    head, *lines = table.text(found).splitlines()
    ends = [head.index(word) for word in ("index", "name", "UUID", "memory", "capability", "HTCondor", "job", "why")]
    return [[line[a:b].strip() for a, b in zip(ends, [*ends[1:], None], strict=True)] for line in lines]


def test_a_row_for_each():
    contained = dataclasses.replace(SOME, contained=True)
    assert rows(contained) == [
        ["0", H100, uuid(0), "81559 MB", "9.0", "yes", "yes", ""],
        ["1", "?", "?", "?", "?", "no", "no", "NVML: GPU is lost"],
        ["2", H100, uuid(2), "81559 MB", "9.0", "yes", "yes", ""],
        ["3:0", f"{A100} MIG 3g.20gb", divided(3, 0)[1].uuid, "19968 MB", "8.0", "yes", "yes", ""],
    ]


def test_who_can_use_it():
    assert [row[5:] for row in rows(ONE)] == [["yes", "not tested", ""]]
    inside = without(ONE, ONE.offered, "gpu-job-container", "not usable in a job's container")
    assert [row[5:] for row in rows(inside)] == [["yes", "no", "not usable in a job's container"]]
    unseen = without(ONE, ONE.offered, "gpu-discovery-disagrees", "condor_gpu_discovery does not list it")
    assert [row[5:7] for row in rows(unseen)] == [["no", "no"]]


def test_without_gpus_there_is_no_table():
    assert table.text(NONE) == ""
    assert table.text(ALL_LOST).count("\n") == 1


def test_no_line_ends_in_blanks():
    assert all(line == line.rstrip() for line in table.text(SOME).splitlines())


def test_taking_some_from_the_table_leaves_the_others():
    left = without(SOME, (gpu(0),), "gpu-cuda", "x")
    assert [(row.id, row.why) for row in left.table][:2] == [("gpu-cuda", "x"), ("gpu-lost", "NVML: GPU is lost")]
    assert len(left.offered) == len(SOME.offered) - 1
