from fakes import ids, machine
from ospool_ep import config_check
from ospool_ep.machine import Result
from ospool_ep.problem import Exit, exit_code

MEANT = {"START": "True", "Rack": '"B"', "BIND": ""}


def differences(root, status, stdout, stderr=""):
    answers = (("condor_config_val START Rack BIND", Result(status, stdout, stderr)),)
    return config_check.differences(machine(root, answers=answers), "/config", MEANT)


def test_what_reads_back_as_meant(tmp_path):
    assert differences(tmp_path, 0, 'True\n"B"\n\n') == ()


def test_blanks_at_the_ends_do_not_matter(tmp_path):
    assert differences(tmp_path, 0, 'True \n "B"\n \n') == ()


def test_each_difference_is_named(tmp_path):
    problems = differences(tmp_path, 0, 'False\n"B"\nx\n')
    assert ids(problems) == ["config-different", "config-different"]
    assert "START reads back as\nFalse\nbut was meant to be\nTrue" in problems[0].found
    assert "BIND" in problems[1].found
    assert exit_code(problems) == Exit.BUG


def test_what_htcondor_cannot_read(tmp_path):
    problems = differences(tmp_path, 1, "", "Configuration Error Line 7\n")
    assert ids(problems) == ["config-unreadable"]
    assert problems[0].raw == "Configuration Error Line 7"
    assert exit_code(problems) == Exit.BUG


def test_too_few_answers_are_no_agreement(tmp_path):
    assert ids(differences(tmp_path, 0, "True")) == ["config-unreadable"]


def test_a_reader_that_hangs(tmp_path):
    problems = differences(tmp_path, 124, "", "\nno answer within 20 s")
    assert "no answer within 20 s" in problems[0].raw
