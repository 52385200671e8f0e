"""The file that cvmfs reads with a shell: what a shell makes of it is what was meant."""

import subprocess

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as options
from hypothesis import strategies as st

from fakes import ids, put
from ospool_ep.cvmfs import names
from ospool_ep.cvmfs.default_local import PATH, assigned, judge, overrides, quota, site, text
from ospool_ep.machine import Machine
from ospool_ep.settings import Settings

VARIABLES = ("CVMFS_HTTP_PROXY", "CVMFS_QUOTA_LIMIT", "CVMFS_DEBUGLOG", "CVMFS_SITE")
DISTRIBUTION = "CVMFS_HTTP_PROXY=http://distribution:1\nCVMFS_QUOTA_LIMIT=1\nCVMFS_DIST=kept"
SQUID = "http://squid:3128"


def shell(merged, directory):
    """What the variables are after a real shell has read it; nothing may be executed, said or left behind."""
    file = put(directory, "/merged", merged)
    script = f". {file}; for name in {' '.join(VARIABLES)}; do printf '%s\\0' \"${{!name}}\"; done"
    before = sorted(directory.iterdir())
    done = subprocess.run(
        ("bash", "-c", script), cwd=directory, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}, check=True
    )
    assert done.stderr == ""
    assert sorted(directory.iterdir()) == before
    return dict(zip(VARIABLES, done.stdout.split("\0"), strict=False))


def merged(local="", quota=4000, distribution=DISTRIBUTION, **changes):
    settings = Settings(**changes)
    return text(distribution, local, overrides(settings, local, quota))


@pytest.mark.parametrize(
    ("changes", "local", "proxy"),
    [
        ({}, "", "auto;DIRECT"),
        ({"squid": SQUID}, "", SQUID),
        ({"squid": SQUID}, "CVMFS_HTTP_PROXY=http://site:1", "http://site:1"),
        ({"squid": SQUID}, "# CVMFS_HTTP_PROXY=http://site:1\nMY_CVMFS_HTTP_PROXY=x", SQUID),
        ({"squid": SQUID, "cvmfs_proxy": "http://a:1|http://b:1;DIRECT"}, "", "http://a:1|http://b:1;DIRECT"),
        ({"cvmfs_proxy": "http://a:1"}, "CVMFS_HTTP_PROXY=http://site:1", "http://a:1"),
        ({"squid": SQUID}, "  export CVMFS_HTTP_PROXY='http://site:1;DIRECT'", "http://site:1;DIRECT"),
        ({"squid": SQUID}, "X=1; CVMFS_HTTP_PROXY=http://site:1", "http://site:1"),
        ({"squid": SQUID}, "test -n x && CVMFS_HTTP_PROXY=http://site:1", "http://site:1"),
        ({"squid": SQUID}, "CVMFS_HTTP_PROXY=http://one:1\nCVMFS_HTTP_PROXY=http://two:1", "http://two:1"),
    ],
)
def test_who_decides_about_the_proxy(tmp_path, changes, local, proxy):
    assert shell(merged(local, **changes), tmp_path)["CVMFS_HTTP_PROXY"] == proxy


@pytest.mark.parametrize(
    ("changes", "local", "quota"),
    [
        ({}, "", "2500"),
        ({}, "CVMFS_QUOTA_LIMIT=900", "900"),
        ({"cvmfs_quota_mb": 2500}, "CVMFS_QUOTA_LIMIT=abc", "2500"),
    ],
)
def test_who_decides_about_the_quota(tmp_path, changes, local, quota):
    assert shell(merged(local, 2500, **changes), tmp_path)["CVMFS_QUOTA_LIMIT"] == quota


@pytest.mark.parametrize(("debug", "log"), [(True, "/cvmfs-logs/debug.log"), (False, "")])
def test_the_debug_log(tmp_path, debug, log):
    assert shell(merged(cvmfs_debug=debug), tmp_path)["CVMFS_DEBUGLOG"] == log


def test_no_debug_log_where_there_is_no_place_for_it():
    assert "CVMFS_DEBUGLOG" not in overrides(Settings(cvmfs_debug=True), "", 4000, logs=False)


LINE = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n"), max_size=20)


@given(st.lists(LINE, max_size=5), st.sampled_from(["", "\n", "\n\n"]), st.sampled_from(["", "X=1", "X=1\n"]))
def test_every_line_of_the_site_is_kept_in_its_order(lines, end, distribution):
    local = "\n".join(lines)
    whole = text(distribution, local + end, {"CVMFS_QUOTA_LIMIT": "5"})
    assert whole.endswith('\nCVMFS_QUOTA_LIMIT="5"\n'), "mountrepo loses a line without an end"
    if any(map(str.strip, lines)):
        assert "\n" + local.rstrip("\n") + "\n" in whole
    if distribution:
        assert whole.startswith("X=1\n")


def test_a_site_without_a_newline_at_the_end(tmp_path):
    assert shell(merged("CVMFS_SITE=x"), tmp_path)["CVMFS_SITE"] == "x"


PIECES = ["http://a:1", "$(touch x)", "`touch x`", '"', "'", ";", "|", "\\", "\n", "$X", "#", "DIRECT", " "]
PROXIES = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)


@options(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PROXIES)
def test_no_proxy_that_passes_is_more_than_text_to_a_shell(tmp_path, value):
    try:
        proxy = names.proxies(value)
    except ValueError:
        return
    assert shell(merged(cvmfs_proxy=proxy), tmp_path)["CVMFS_HTTP_PROXY"] == proxy


# --- the site's file


def mounted(root, content):
    put(root, PATH, content)
    return site(Machine(root=root))


def test_where_there_is_none(tmp_path):
    assert site(Machine(root=tmp_path)) == ("", ())


@pytest.mark.parametrize("content", ["", "\n", "A=1\nB='two words'\nif true; then C=3; fi\n", "A=1", "# größe\n"])
def test_what_a_shell_can_read(tmp_path, content):
    assert mounted(tmp_path, content) == (content, ())


def test_the_largest_file(tmp_path):
    content = "#" * ((64 << 10) - 1) + "\n"
    assert mounted(tmp_path, content) == (content, ())


def test_line_ends_of_another_system(tmp_path):
    found, problems = mounted(tmp_path, "CVMFS_SITE=x\r\nCVMFS_HTTP_PROXY=http://a:1\r\n")
    assert problems == ()
    said = shell(merged(found), tmp_path)
    assert (said["CVMFS_SITE"], said["CVMFS_HTTP_PROXY"]) == ("x", "http://a:1")


@pytest.mark.parametrize(
    "content",
    [
        "A='", 'A="', "if true\n", "A=$(", "A=1\n)", "cat <<EOF\nA=1\n", "A=1\\", "A=1\\\n", "A=1 \\\n\n", b"A=\xff\n",
        "#" * (1 << 16) + "\nA=1\n",
    ],
)  # fmt: skip
def test_what_would_swallow_our_lines_is_refused(tmp_path, content):
    found, problems = mounted(tmp_path, content)
    assert found == ""
    assert ids(problems) == ["cvmfs-default-local"]
    assert not problems[0].warning


def test_the_shells_words_are_shown(tmp_path):
    _, problems = mounted(tmp_path, "A=1\n)\n")
    assert "line 2" in problems[0].raw


def test_a_directory_that_docker_made_for_a_file_that_was_missing(tmp_path):
    (tmp_path / PATH.lstrip("/")).mkdir(parents=True)
    found, problems = site(Machine(root=tmp_path))
    assert (found, ids(problems)) == ("", ["cvmfs-default-local"])
    assert "is a directory" in problems[0].found
    assert "create the file on the host" in problems[0].cure


def test_looking_at_it_executes_nothing(tmp_path):
    assert mounted(tmp_path, f"A=$(touch {tmp_path}/x)\n`touch {tmp_path}/y`\n")[1] == ()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cvmfsexec"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=1", ["1"]), ("A=", [""]), ("A =1", []), ("#A=1", []), ("  # A=1", []), ("BA=1", []), ("", []),
        ("A= 1", [""]),
        ("AB=1", []), ("B=1 A=2", ["2"]), ("B=1;A=2", ["2"]), ("export A='x;y'", ["x;y"]), ('A="x y" # z', ["x y"]),
        ("A=1 # A", ["1"]), ("A=1; B=2", ["1"]), ("A=x;y", ["x"]), ("A=;y", [""]), ("A=http://a:1/", ["http://a:1/"]),
        ("A=1\nA=2", ["1", "2"]), ("A='1", ["'1"]), ("A=a,b", ["a,b"]), ("A=$B", ["$B"]), ('A="$(x)"', ["$(x)"]),
    ],
)  # fmt: skip
def test_what_a_line_gives_a_variable(line, expected):
    assert assigned(f"X=1\n{line}\n", "A") == tuple(expected)


QUOTED = st.tuples(st.sampled_from("'\""), st.text("ab1:/;|,. #", max_size=8)).map(
    lambda pair: pair[0] + pair[1] + pair[0]
)


@options(max_examples=60)
@given(QUOTED | st.text("ab1:/,.", max_size=8))
def test_a_value_is_what_a_shell_makes_of_it(value):
    line = f"CVMFS_HTTP_PROXY={value}"
    done = subprocess.run(
        ("bash", "-c", f"{line}\nprintf '%s' \"$CVMFS_HTTP_PROXY\""), capture_output=True, text=True, check=True
    )
    assert assigned(line, "CVMFS_HTTP_PROXY") == (done.stdout,)


# --- what a site may not set there


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("CVMFS_QUOTA_LIMIT=abc", "'abc' is not a whole number"),
        ("CVMFS_QUOTA_LIMIT='100 MB'", "'100 MB' is not a whole number"),
        ("CVMFS_QUOTA_LIMIT=-1", "'-1' is not a whole number"),
        ("CVMFS_QUOTA_LIMIT=", "'' is not a whole number"),
        ("CVMFS_QUOTA_LIMIT=4000\nCVMFS_QUOTA_LIMIT=$((4 * 1000))", "is not a whole number"),
        ("CVMFS_HTTP_PROXY=http://a:1,http://b:1", "groups are separated by ';'"),
        ("export CVMFS_HTTP_PROXY='$(touch x)'", "is not a list of proxies"),
        ("CVMFS_HTTP_PROXY=http://me:secret@a:1", "//[redacted]@a:1"),
        ("CVMFS_CACHE_BASE=/pilot/c", "moves the cache (CVMFS_CACHE_BASE='/pilot/c')"),
        ("CVMFS_CACHE_DIR=/pilot/c", "moves the cache (CVMFS_CACHE_DIR='/pilot/c')"),
    ],
)
def test_values_of_the_site_are_validated_as_the_variables_are(line, words):
    (problem,) = judge(f"X=1\n{line}\n", Settings())
    assert (problem.id, problem.exit_code) == ("cvmfs-default-local", 78)
    assert words in problem.found
    assert "secret" not in problem.found


@pytest.mark.parametrize(
    "text",
    [
        "", "CVMFS_QUOTA_LIMIT=4000 # MB\nCVMFS_HTTP_PROXY='http://a:1|http://b:1;DIRECT'\n", "CVMFS_MAX_RETRIES=abc",
        "CVMFS_CACHE_BASE=/cvmfs-cache", "# CVMFS_QUOTA_LIMIT=abc",
    ],
)  # fmt: skip
def test_what_a_site_may_set(text):
    assert judge(text, Settings()) == ()


def test_what_the_variables_overrule_need_not_be_right():
    wrong = "CVMFS_QUOTA_LIMIT=abc\nCVMFS_HTTP_PROXY=a,b\n"
    assert len(judge(wrong, Settings())) == 2
    assert judge(wrong, Settings(cvmfs_quota_mb=500, cvmfs_proxy="DIRECT")) == ()


def test_logs_that_the_pilot_cannot_find_are_a_warning():
    (problem,) = judge("CVMFS_USYSLOG=/tmp/x\n", Settings())
    assert (problem.id, problem.warning) == ("cvmfs-syslog", True)


@pytest.mark.parametrize(
    ("text", "variable", "expected"),
    [
        ("", None, None), ("CVMFS_QUOTA_LIMIT=700", None, 700), ("CVMFS_QUOTA_LIMIT=700", 900, 900),
        ("CVMFS_QUOTA_LIMIT=700\nif x; then CVMFS_QUOTA_LIMIT='800'; fi", None, 800),
        ("CVMFS_QUOTA_LIMIT=x", None, None),
    ],
)  # fmt: skip
def test_which_quota_must_have_room(text, variable, expected):
    assert quota(text, Settings(cvmfs_quota_mb=variable)) == expected
