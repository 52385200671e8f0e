"""The selftest's command line."""

import pytest

from ospool_ep.output.options import Options, parse
from ospool_ep.problem import Exit, Refused


def test_nothing_is_asked_for_by_default():
    assert parse(()) == Options(json=False, quiet=False, strict=False, explain="")


@pytest.mark.parametrize(
    ("arguments", "field", "value"),
    [
        (("--json",), "json", True),
        (("--quiet",), "quiet", True),
        (("--strict",), "strict", True),
        (("--explain", "gpu-lost"), "explain", "gpu-lost"),
        (("--explain=list",), "explain", "list"),
    ],
)
def test_each_sets_its_own_field_and_no_other(arguments, field, value):
    changed = parse(arguments)
    assert changed == Options(**{field: value})
    assert changed != Options()


def test_they_go_together():
    assert parse(("--strict", "--json", "--quiet")) == Options(json=True, quiet=True, strict=True)


@pytest.mark.parametrize("arguments", [("--fix",), ("--explain",), ("--js",), ("now",), ("--json=1",), ("-q",)])
def test_what_is_not_known_is_refused_like_any_wrong_setting(arguments):
    with pytest.raises(Refused) as refused:
        parse(arguments)
    (problem,) = refused.value.problems
    assert (problem.id, problem.exit_code) == ("argument", Exit.CONFIGURATION)
    assert "--entrypoint ospool-selftest" in problem.cure


def test_help_goes_to_standard_output_and_ends(capsys):
    with pytest.raises(SystemExit) as ended:
        parse(("--help",))
    assert ended.value.code == 0
    assert "--explain ID" in capsys.readouterr().out
