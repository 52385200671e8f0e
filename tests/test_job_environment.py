import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import changed, ids, machine, said
from ospool_ep import job_environment
from ospool_ep.machine import Result
from ospool_ep.settings import Settings


def environment(text):
    """HTCondor's "new" syntax: blanks separate, single quotes hold together, two of them are one. Name to value."""
    words, current, quoted, started = [], "", False, False
    position = 0
    while position < len(text):
        character = text[position]
        if character == "'":
            if quoted and text[position + 1 : position + 2] == "'":
                current, position = current + "'", position + 1
            else:
                quoted = not quoted
            started = True
        elif character == " " and not quoted:
            words, current, started = words + ([current] if started else []), "", False
        else:
            current, started = current + character, True
        position += 1
    words += [current] if started else []
    return dict(word.split("=", 1) for word in words)


def test_what_every_job_finds():
    text = job_environment.render(
        Settings(site="LAB", resource_name="R", squid="http://s:1", extra_job_env="A=1 B='x y'"), True
    )
    assert environment(text) == {
        "GLIDEIN_Site": "LAB",
        "GLIDEIN_ResourceName": "R",
        "OSG_SITE_NAME": "R",
        "OSG_SQUID_LOCATION": "http://s:1",
        "http_proxy": "http://s:1",
        "OSG_WN_TMP": "#CoNdOrScRaTcHdIr#",
        "TZ": "UTC",
        "A": "1",
        "B": "x y",
    }


def test_what_is_not_set_is_not_there():
    text = job_environment.render(Settings(site="LAB", resource_name="R"), True)
    assert not {"OSG_SQUID_LOCATION", "http_proxy", "LD_LIBRARY_PATH"} & set(environment(text))


def test_where_the_loader_does_not_find_a_gpus_driver_jobs_are_told():
    text = job_environment.render(Settings(site="LAB", resource_name="R"), True, "/run/ospool-ep/ep-1/gpus/lib")
    assert environment(text)["LD_LIBRARY_PATH"] == "/run/ospool-ep/ep-1/gpus/lib"


def test_the_sites_own_word_on_it_counts():
    text = job_environment.render(Settings(site="LAB", extra_job_env="LD_LIBRARY_PATH=/x"), True, "/lib")
    assert environment(text)["LD_LIBRARY_PATH"] == "/x"


def test_of_a_proxy_that_does_not_answer_only_the_address_is_told():
    found = environment(job_environment.render(Settings(site="LAB", squid="http://s:1"), False))
    assert found["OSG_SQUID_LOCATION"] == "http://s:1"
    assert "http_proxy" not in found


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_value_becomes_another_variable(site, resource):
    found = environment(job_environment.render(Settings(site=site, resource_name=resource), False))
    ours = {"GLIDEIN_Site": site, "GLIDEIN_ResourceName": resource, "OSG_SITE_NAME": resource}
    assert found == ours | {"OSG_WN_TMP": "#CoNdOrScRaTcHdIr#", "TZ": "UTC"}


def judge(root, text, *rows):
    return job_environment.judge(machine(root, answers=changed(*rows)), Settings(extra_job_env=text))


def test_nothing_set_nothing_asked(tmp_path):
    assert judge(tmp_path, "", ("classad_eval", Result(1, "", "must not be called"))) == ()


def test_what_htcondor_accepts(tmp_path):
    assert judge(tmp_path, "A=1") == ()


@pytest.mark.parametrize(
    "answer",
    [Result(0, "error\n", ""), Result(1, "", "parse error"), Result(124, "", "no answer"), Result(127, "", "?")],
)
def test_what_htcondor_refuses(tmp_path, answer):
    problems = judge(tmp_path, "A='1", ("classad_eval", answer))
    assert ids(problems) == ["job-environment"]
    assert "EXTRA_JOB_ENV" in problems[0].found
    assert "EXTRA_JOB_ENV=" in problems[0].cure
    assert answer.stderr in said(problems)


@pytest.mark.parametrize("text", ["PATH=/x", "A=1 PATH=/x", "A=1 'PATH=/x'"])
def test_path_is_warned_about(tmp_path, text):
    problems = judge(tmp_path, text)
    assert ids(problems) == ["job-environment-path"]
    assert problems[0].warning


@pytest.mark.parametrize("text", ["LD_LIBRARY_PATH=/x", "MYPATH=/x"])
def test_other_paths_are_not(tmp_path, text):
    assert judge(tmp_path, text) == ()
