"""Names of repositories, proxies and the quota: whatever passes is safe in a shell, and says what was meant."""

import dataclasses
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fakes import GOOD, ids, said
from ospool_ep.cvmfs import names
from ospool_ep.environment import load
from ospool_ep.settings import Settings

OASIS, CMS = "oasis.opensciencegrid.org", "cms.cern.ch"
# What a shell, cvmfsexec or HTCondor would take for more than text.
NASTY = ("$(touch x)", ";", "`id`", "\n", "\x00", "'", '"', "\\", "$X", "|", "&", ">", "*", "#", "{a,b}", "~", "\u0663")


@pytest.mark.parametrize(
    "text",
    [
        f"{OASIS},{CMS}", f"{OASIS} {CMS}", f"{OASIS}\n{CMS}\n", f" {OASIS} ,\t{CMS},", f"{OASIS},{OASIS} {CMS}",
        f'"{OASIS}" "{CMS}"', f"'{OASIS},{CMS}'", f'"{OASIS}\r\n {CMS}', f"{OASIS},,'{CMS}", f"{OASIS};{CMS}",
    ],
)  # fmt: skip
def test_separators_and_stray_quotes(text):
    assert names.repositories(text) == (OASIS, CMS)


def test_the_config_repository_comes_along_by_itself_and_never_after_another():
    assert names.repositories(f"{OASIS} {names.CONFIG} {CMS}") == (OASIS, CMS)
    assert names.repositories(names.CONFIG) == ()


@pytest.mark.parametrize("text", ["", " ", ",", "''", '" , "', "\n"])
def test_a_list_without_a_name_is_refused(text):
    with pytest.raises(ValueError, match="names no repository"):
        names.repositories(text)


@pytest.mark.parametrize(
    "name",
    [
        "oasis", "$(touch${IFS}x).cern.ch", "a.b`id`", "a.b$x", "-N.cern.ch", "a..b", ".a.b", "a.b.", "a/b.c", "../x.y",
        "a.b-", "a.-b", "_a.b", "a.b\x00", "a\u0663.cern.ch", "\u0430.cern.ch", "*.cern.ch", "a.b=c", "a.b&", "a.b|c",
        f"{'x' * 64}.y", ".".join(["x" * 60] * 5), "a.b\\", "a.b#", "(a.b)", "a.b:c", "http://a.b", "/cvmfs/a.b",
    ],
)  # fmt: skip
def test_a_name_that_is_not_fully_qualified_is_refused_and_shown(name):
    with pytest.raises(ValueError, match=r"not a repository's full name") as refused:
        names.repositories(f"{OASIS},{name}")
    assert repr(name) in str(refused.value)
    assert OASIS not in str(refused.value).split(":")[0]


def test_the_longest_name():
    name = ".".join(["x" * 49] * 5)
    assert names.is_repository(f"{name}.xyz")
    assert not names.is_repository(f"{name}.xyzz")


def test_all_names_that_are_wrong_are_told_at_once():
    with pytest.raises(ValueError, match=r"names 'one', 'two': "):
        names.repositories(f"one {CMS} two")


@given(st.lists(st.sampled_from([OASIS, CMS, "a", ".", "-", *NASTY]) | st.text(max_size=4), max_size=6).map("".join))
@example("a.b\n")
def test_what_passes_is_safe_as_an_argument_a_path_and_an_attribute(text):
    try:
        found = names.repositories(text)
    except ValueError:
        return
    for name in found:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name, re.ASCII)
        assert ".." not in name
        assert re.fullmatch(r"[A-Za-z0-9_]+", names.attribute(name), re.ASCII)


def test_the_repositories_that_jobs_ask_for_have_attributes_of_their_own():
    assert all(map(names.is_repository, (*names.WORTH, names.CONFIG)))
    attributes = [names.attribute(name) for name in (*names.WORTH, names.CONFIG)]
    assert len(set(attributes)) == len(attributes)
    assert names.attribute("larsoft-ib.opensciencegrid.org") == "larsoft_ib_opensciencegrid_org"


GOOD_PROXIES = [
    "DIRECT", "auto", "auto;DIRECT", "http://squid.example.org:3128", "squid:3128", "squid", "https://s:1/",
    "http://a:3128|http://b:3128;DIRECT", "http://[2001:db8::1]:3128", "http://10.0.0.1:65535;auto",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD_PROXIES)
def test_proxies_as_the_client_knows_them(text):
    assert names.proxies(text) == text


@pytest.mark.parametrize(("text", "end"), [("ftp://a", "DIRECT"), ("http://b;ftp://a", "DIRECT: 'ftp://a'")])
def test_of_several_proxies_the_wrong_one_is_shown(text, end):
    with pytest.raises(ValueError) as refused:
        names.proxies(text)
    assert str(refused.value).endswith(end)


def test_blanks_around_proxies_are_dropped():
    assert names.proxies(" http://a:1 | http://b:2 ; DIRECT ") == "http://a:1|http://b:2;DIRECT"


@pytest.mark.parametrize("text", ["http://a:1,http://b:2", "http://a:1 http://b:2", "a,DIRECT"])
def test_proxies_joined_by_a_comma_are_refused_with_the_right_separator(text):
    with pytest.raises(ValueError, match=r"separated by ';', proxies of one group by '\|'"):
        names.proxies(text)


@pytest.mark.parametrize(
    "text",
    [
        "$(touch x)", "http://a;touch x", "`id`", "http://a:0", "http://a:65536", "http://a:99999", "http://a:x",
        "http://a:\u0661", "ftp://a:1", "http://", "http://a/x", "http://u:p@a:1", "a;;b", "a|", "", ";", "a\x00",
        "http://a\nB=1", 'a";touch x;"', "http://-a", "http://a-:1", "http://$x:1", "a:1?x", "\\", "a;\n\nb c",
    ],
)  # fmt: skip
def test_what_is_no_list_of_proxies_is_refused(text):
    with pytest.raises(ValueError, match=r"is not a list of proxies like http://squid"):
        names.proxies(text)


@given(st.lists(st.sampled_from([*GOOD_PROXIES, *NASTY, " ", ":"]) | st.text(max_size=4), max_size=5).map("".join))
def test_a_list_of_proxies_that_passes_means_nothing_else_to_a_shell(text):
    try:
        found = names.proxies(text)
    except ValueError:
        return
    assert re.fullmatch(r"[A-Za-z0-9.:/;|\[\]_-]+", found, re.ASCII)


# --- the rows of the table


def loaded(**environ):
    return load(GOOD | environ)


@pytest.mark.parametrize(
    "text", ["abc", "0", "-1", "99", "100 MB", "4e3", "4000.0", str(1 << 31), "9" * 30, "\u0664" * 4]
)
def test_a_quota_that_is_no_whole_number_in_bounds_is_refused(text):
    settings, problems = loaded(CVMFS_QUOTA_LIMIT=text)
    assert ids(problems) == ["setting-invalid"]
    assert "CVMFS_QUOTA_LIMIT" in said(problems)
    assert settings.cvmfs_quota_mb is None


@pytest.mark.parametrize(("text", "quota"), [("100", 100), (' "20000" ', 20000), (str(1 << 30), 1 << 30), ("", None)])
def test_a_quota(text, quota):
    settings, problems = loaded(CVMFS_QUOTA_LIMIT=text)
    assert (settings.cvmfs_quota_mb, problems) == (quota, ())


def test_nothing_set_means_nothing_asked_for():
    settings, problems = loaded(CVMFSEXEC_REPOS="", CVMFS_REQUIRED=" ", CVMFS_HTTP_PROXY="''")
    assert settings == loaded()[0]
    assert problems == ()
    defaults = Settings()
    assert (defaults.cvmfs_repositories, defaults.cvmfs_required, defaults.cvmfs_debug) == (None, None, False)


def test_all_of_it_as_an_env_file_hands_it_over():
    settings, problems = loaded(
        CVMFSEXEC_REPOS=f'"{OASIS}, {CMS}"',
        CVMFS_HTTP_PROXY="'http://s:3128;DIRECT'",
        CVMFSEXEC_DEBUG="TRUE",
        CVMFS_REQUIRED="no",
    )
    assert problems == ()
    assert settings.cvmfs_repositories == (OASIS, CMS)
    assert settings.cvmfs_proxy == "http://s:3128;DIRECT"
    assert (settings.cvmfs_debug, settings.cvmfs_required) == (True, False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CVMFSEXEC_REPOS", "oasis"), ("CVMFSEXEC_REPOS", "$(touch x)"), ("CVMFS_HTTP_PROXY", "http://a:1,http://b:1"),
        ("CVMFSEXEC_DEBUG", "maybe"), ("CVMFS_REQUIRED", "2"),
    ],
)  # fmt: skip
def test_each_of_them_is_refused_by_name(name, text):
    settings, problems = loaded(**{name: text})
    assert ids(problems) == ["setting-invalid"]
    assert problems[0].found.startswith(name)
    assert settings == dataclasses.replace(loaded()[0], refused=(name,))
