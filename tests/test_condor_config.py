"""The configuration's text, and what HTCondor's own reader (the one of the PyPI wheel) makes of it."""

import json
import os
import random
import re
import string
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from fakes import NOW, pilot
from ospool_ep import classads, condor_config, config_text, job_environment, policy, values
from ospool_ep.settings import Settings

HOSTILE = (
    "$(LOG)", "$ENV(TOKEN)", "$(DOLLAR)", "$$(X)", "$$([1])", "$", "$$", "$(", "${HOME}", "$RANDOM_CHOICE(a,b)",
    "\\", "\\\\",
    "$()", "@=end", "use ROLE : x", "#", " # c", '"', "'", "a\\$(X)", "$(X)\\", "größe ✓", "=", ":", "; START = True",
    "$(X:$(Y))", "$$$x", "$F(x)", "$$ENV(X)", "$a$b(c)", "$INT(3)", "if true", "\t", "x\u2028y",
)  # fmt: skip

READER = """
import htcondor2, json, sys
json.dump({name: htcondor2.param.get(name) for name in json.load(open(sys.argv[1]))}, sys.stdout)
"""


def read_back(text, names, tmp_path):
    """What HTCondor's reader says about each name. A process of its own: a broken file would end this one."""
    (tmp_path / "config").write_text(text, encoding="utf-8")
    (tmp_path / "names").write_text(json.dumps(list(names)))
    environ = {"CONDOR_CONFIG": str(tmp_path / "config"), "PATH": os.environ["PATH"], "TOKEN": "leaked"}
    command = (sys.executable, "-c", READER, str(tmp_path / "names"))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    # The bindings turn what looks like a number into one.
    return {name: None if text is None else str(text) for name, text in json.loads(done.stdout).items()}


def expected(value):
    return value.strip() or None


def carried(value):
    try:
        config_text.encode(value)
    except ValueError:
        return False
    return True


def test_htcondor_reads_every_hostile_value_as_it_was_meant(tmp_path):
    dice = random.Random(20261121)
    pieces = (*HOSTILE, *string.ascii_letters[:6])
    made = ["".join(dice.choices(pieces, k=dice.randint(1, 6))) for _ in range(1500)]
    meant = {f"V{number}": value for number, value in enumerate((*HOSTILE, *made)) if carried(value)}
    assert len(meant) > 700
    assert "$(X)\\" in meant.values()
    text = "".join(f"{name} = {config_text.encode(value)}\n" for name, value in meant.items())
    said = read_back(text, meant, tmp_path)
    # Blanks at the end are the reader's to keep or drop; config_check does not look at them either.
    stripped = {name: (said[name] or "").strip() or None for name in meant}
    assert stripped == {name: expected(value) for name, value in meant.items()}


@pytest.mark.parametrize("bad", ["a\nb", "a\rb", "\x00", "a$$$(X)", "$(dollar)", "$(X:$(Y))", "\x7f"])
def test_what_cannot_be_written_is_refused(bad):
    with pytest.raises(ValueError, match="cannot carry"):
        config_text.encode(bad)


@given(st.text())
def test_an_encoded_value_is_one_line_with_no_macro_but_ours(value):
    try:
        text = config_text.encode(value)
    except ValueError:
        return
    assert "\n" not in text
    assert not text.rstrip().endswith("\\")
    left = text.removesuffix("$()").replace("$(DOLLAR)", "")
    assert not re.search(r"(?<!\$)\$(?!\$)[A-Za-z0-9_.]*\(", left)


TEXT = st.text(st.characters(codec="utf-8"), max_size=25) | st.sampled_from(HOSTILE)


def accepted(parse):
    """Texts that a setting lets through."""

    def fine(value):
        try:
            return bool(parse(value))
        except ValueError:
            return False

    return TEXT.map(str.strip).filter(fine)


@options(max_examples=40, deadline=None)
@given(accepted(values.string), accepted(values.string), accepted(values.text))
def test_no_setting_adds_a_line_or_a_knob(free, project, environment):
    settings = Settings(site=free, resource_name="R", project_name=project, squid=free, extra_job_env=environment)
    changes = {
        "attributes": (("GLIDEIN_Site", classads.quote(free)), ("START_EXTRA", "True")),
        "start": policy.start(settings),
        "job_environment": job_environment.render(settings, True),
        "containers": free,
    }
    values_ = pilot(**changes)
    lines = condor_config.render(values_).removesuffix("\n").split("\n")
    names = list(condor_config.knobs(values_))
    assert len(lines) == 1 + 2 + len(names)
    for name, line in zip(names, lines[3:], strict=True):
        assert line.startswith(f"{name} = ") or line == f"{name} ="
        assert not line.endswith("\\")


def test_the_whole_file_reads_back_as_meant(tmp_path):
    site = 'x" $(LOG) $ENV(TOKEN) \\ # @=y ü'
    settings = Settings(
        site=site, resource_name="R", squid=site, project_name=site, extra_job_env="A='$ENV(TOKEN) \"q\"'"
    )
    meant = pilot(
        attributes=(("GLIDEIN_Site", classads.quote(site)), ("Rack", '"C:\\"')),
        start=policy.start(settings),
        job_environment=job_environment.render(settings, True),
        containers='/a"b c$(X)',
        log_target="/proc/1/fd/1",
        has_passwords=True,
    )
    knobs = condor_config.knobs(meant)
    said = read_back(condor_config.render(meant), knobs, tmp_path)
    # The bindings evaluate what has a truth value as its default: without a machine ad this one is false.
    evaluated = {"SINGULARITY_JOB": "False"}
    assert {name: said[name] for name in knobs} == {
        name: expected(value) for name, value in (knobs | evaluated).items()
    }


def test_the_language_has_words_that_no_attribute_may_be_called(tmp_path):
    with pytest.raises(AssertionError, match="Configuration Error"):
        read_back("A = 1\nif = 2\n", ["A"], tmp_path)


def knobs(**changes):
    return condor_config.knobs(pilot(**changes))


def test_the_file_begins_with_what_is_ours_and_ends_with_a_newline():
    text = condor_config.render(pilot())
    assert text.startswith("# written by ospool-ep")
    assert "use SECURITY : recommended\n" in text
    assert text.endswith("\n")


def test_one_partitionable_slot_owns_everything():
    said = knobs(cpus=3, memory_mb=5000)
    assert (said["NUM_CPUS"], said["MEMORY"]) == ("3", "5000")
    assert (said["SLOT_TYPE_1"], said["SLOT_TYPE_1_PARTITIONABLE"], said["NUM_SLOTS_TYPE_1"]) == ("100%", "True", "1")


def test_every_attribute_is_published():
    said = knobs(attributes=(("GLIDEIN_Site", '"L"'), ("Rack", "1"), ("ACCEPT_IDLE_MINUTES", "5")))
    assert said["STARTD_ATTRS"].split() == ["GLIDEIN_Site", "Rack", "ACCEPT_IDLE_MINUTES"]
    assert said["MASTER_ATTRS"].split() == ["GLIDEIN_Site", "ACCEPT_IDLE_MINUTES"]
    assert said["Rack"] == "1"


def test_names_tell_two_pilots_of_one_host_apart():
    one, other = knobs(daemon_name="ep-1"), knobs(daemon_name="ep-2")
    for name in ("MASTER_NAME", "STARTD_NAME"):
        assert one[name] == "ep-1@LAB-EP1.node17"
        assert one[name] != other[name]
    assert one["SHARED_PORT_PORT"] == "0"


@pytest.mark.parametrize(("password", "methods"), [(False, "IDTOKENS"), (True, "IDTOKENS, PASSWORD")])
def test_passwords_are_tried_only_where_there_are_some(password, methods):
    assert knobs(has_passwords=password)["SEC_CLIENT_AUTHENTICATION_METHODS"] == methods


@pytest.mark.parametrize("window", [5, 6, 10, 120, 86400])
def test_everything_fits_in_the_stop_window(window):
    said = knobs(stop_seconds=window)
    vacate, graceful = int(said["MachineMaxVacateTime"]), int(said["SHUTDOWN_GRACEFUL_TIMEOUT"])
    assert 1 <= vacate < graceful
    assert graceful + int(said["KILLING_TIMEOUT"]) < window
    assert window - vacate <= 4


def test_leaving_when_idle_and_when_the_startd_cannot_live():
    said = knobs(idle_minutes=7)
    assert said["STARTD_NOCLAIM_SHUTDOWN"] == "420"
    assert str(NOW + 60) in said["MASTER.DAEMON_SHUTDOWN_FAST"]


def test_logs_go_where_standard_output_is_or_stay_in_files():
    assert "STARTD_LOG" not in knobs(log_target=None)
    said = knobs(log_target="/proc/1/fd/1")
    assert said["STARTD_LOG"] == said["MASTER_LOG"] == said["SLOT_TYPE_1.STARTER_LOG"] == "/proc/1/fd/1"
    assert "STARTER_LOG" not in said  # it must stay a file: the startd's probe of the starter writes there


def test_the_job_environment_is_quoted_for_htcondor():
    assert knobs(job_environment="A='x \"y\"'")["STARTER_JOB_ENVIRONMENT"] == '"A=\'x ""y""\'"'


def test_the_room_for_caches_is_not_offered_to_jobs():
    kept = [int(knobs(cache_mb=size)["RESERVED_DISK"]) for size in (0, 700)]
    assert kept == [512, 1212]


def test_the_retest_is_one_of_the_startds_cron_jobs():
    said = knobs(containers="/pilot/ep-1/apptainer")
    assert said["STARTD_CRON_JOBLIST"].split() == ["MIPS", "CONTAINERS"]
    assert said["STARTD_CRON_CONTAINERS_ARGS"] == "/pilot/ep-1/apptainer"


def test_the_renewal_of_cvmfs_is_another_where_there_is_cvmfs():
    said = knobs(cvmfs=(("STARTD_CRON_CVMFS_EXECUTABLE", "/x"), ("STARTD.DAEMON_SHUTDOWN", "A && B")))
    assert said["STARTD_CRON_JOBLIST"].split() == ["MIPS", "CONTAINERS", "CVMFS"]
    assert (said["STARTD_CRON_CVMFS_EXECUTABLE"], said["STARTD.DAEMON_SHUTDOWN"]) == ("/x", "A && B")
    assert not [name for name in knobs() if "CVMFS" in name]
