"""What `ospool-selftest` prints, in the image: with no options at all, read-only, without a network."""

import json

import pytest
import runs

BARE = ("--network", "none", "--read-only")


def bare(box, *arguments, options=BARE):
    """The selftest with no setting of the pilot's."""
    done = box.engine.run(
        "run", "--rm", *options, "--entrypoint", "ospool-selftest", box.image, *arguments, check=False
    )
    return runs.Ended(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("id", ["scratch-full", "GPU-Lost", "argument"])
def test_explain_needs_nothing_and_checks_nothing(box, id):
    ended = bare(box, "--explain", id)
    assert ended.code == 0
    assert ended.out.startswith(f"{id.lower()}: ")
    assert "left alone" in ended.out
    assert "REFUSED" not in ended.out


def test_all_ids_are_listed(box):
    ended = bare(box, "--explain", "list")
    assert ended.code == 0
    assert {"setting-missing,", "check-crashed"} <= set(ended.out.split())


def test_an_unknown_id_is_refused_with_the_nearest(box):
    ended = bare(box, "--explain", "scratch-ful")
    assert (ended.code, ended.refusals) == (78, ["argument"])
    assert "did you mean: ospool-selftest --explain scratch-full" in ended.out


def test_json_is_one_document_and_says_why_checks_do_not_apply(box):
    ended = bare(box, "--json")
    whole = json.loads(ended.out)
    assert (ended.code, whole["exit_status"], whole["would_start"]) == (78, 78, False)
    status = {check["name"]: check["status"] for check in whole["checks"]}
    assert (status["settings"], status["token"], status["proxy"]) == ("failure", "failure", "not applicable")


def test_a_token_comes_through_in_no_form(box):
    secret = 'ab", "found": "1234567'
    options = (*BARE, "-e", f"TOKEN={secret}", "-e", f"GLIDEIN_Site=x{secret}y")
    ended = bare(box, "--json", options=options)
    assert json.loads(ended.out)["checks"]
    assert "1234567" not in ended.out + ended.err
    assert "1234567" not in bare(box, options=options).out


def test_quiet_shows_what_is_wrong_and_nothing_else(box):
    ended = bare(box, "--quiet")
    assert ended.code == 78
    assert ended.refusals
    assert not [row for row in ended.out.splitlines() if " SELFTEST ok" in row or " SELFTEST n/a" in row]
    assert "--explain" not in ended.out


def test_whoever_reads_a_problem_is_told_how_to_read_more(box):
    after = bare(box).out.rpartition("  REFUSED: ")[2]
    assert " more on each: ospool-selftest --explain ID; see docs/troubleshooting.md\n" in after
    assert after.splitlines()[-1].endswith("(configuration)")
