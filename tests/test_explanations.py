"""explanations.md has a section for every problem of the program and for no other, and makes docs/troubleshooting.md.

OSPOOL_EP_WRITE_DOCS=1 writes the page.
"""

import os
import re
from pathlib import Path

import pytest

import problem_ids
import troubleshooting
from fakes import log_to_text
from ospool_ep import explain
from ospool_ep.explain import Explanation
from ospool_ep.problem import Exit, Refused

TOP = Path(__file__).parents[1]
PAGE = TOP / "docs/troubleshooting.md"
TEXT = explain.SOURCE.read_text(encoding="utf-8")
KNOWN = explain.load()
IDS = [one.id for one in KNOWN]
SEVERITIES = problem_ids.severities()
LABELS = {"look", "cure", "docker", "podman", "docker or podman", "Kubernetes", "Apptainer", "Slurm", "systemd", "host",
          "see", "left alone"}  # fmt: skip
SMALL = """What stands before is not shown.

# Fruit
## pear-bruised
warning

It was `dropped on the floor`
more than once.
- look: at it
- left alone: it
  rots
## pear-lost
refused, exit 69

Gone.
- left alone: hunger

# Tools
## knife
warning

Blunt.
- left alone: still blunt
"""


def test_it_is_installed_with_the_program():
    assert f'"{explain.SOURCE.name}"' in (TOP / "pyproject.toml").read_text(encoding="utf-8")


def test_the_source_has_problems():
    assert len(SEVERITIES) > 100


def test_every_problem_is_explained():
    missing = sorted(SEVERITIES.keys() - set(IDS))
    assert not missing, f"explanations.md has no section for {missing}"


def test_every_explanation_is_of_a_problem():
    gone = sorted(set(IDS) - SEVERITIES.keys())
    assert not gone, f"explanations.md explains {gone}, which the program never says"


def test_each_is_explained_once():
    assert sorted(IDS) == sorted(set(IDS))


def test_no_id_is_put_together_where_nobody_finds_it():
    assert problem_ids.put_together() == []


@pytest.mark.parametrize("one", KNOWN, ids=lambda one: one.id)
def test_what_the_pilot_does_is_what_the_source_says(one):
    """Whoever may do without CVMFS reads its refusals as warnings (cvmfs/begin.py); a pool has spares (reach/)."""
    said = SEVERITIES.get(one.id, set())
    told = {int(number) for number in re.findall(r"\d+", one.severity)}
    told |= {problem_ids.WARNING} if problem_ids.WARNING in one.severity else set()
    downgraded = "CVMFS_REQUIRED" in one.severity and one.id.startswith("cvmfs-")
    downgraded |= "refused by the selftest" in one.severity and one.id.startswith(("pool-", "token-"))
    assert told - ({problem_ids.WARNING} if downgraded else set()) == said
    assert ("refused" in one.severity) == any(isinstance(code, int) for code in told)


@pytest.mark.parametrize("one", KNOWN, ids=lambda one: one.id)
def test_a_section_says_what_it_means_and_what_follows(one):
    assert one.meaning.endswith(".")
    assert len(one.meaning) > 60
    labels = [label for label, _ in one.advice]
    assert set(labels) <= LABELS
    assert labels[-1] == "left alone"
    assert len(labels) > 1
    assert all(text for _, text in one.advice)


@pytest.mark.parametrize("section", re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:], ids=lambda text: text.split()[0])
def test_a_section_is_short_and_plain(section):
    rows = [row for row in section.split("\n# ")[0].split("\n")[1:] if row.strip()]
    assert 4 <= len(rows) <= 12
    assert section.isascii()
    assert section.count("`") % 2 == 0
    assert all(len(row) <= 120 for row in rows)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"docs/[a-z]+\.md", TEXT))))
def test_pages_that_it_points_to_exist(path):
    assert (TOP / path).is_file() or path == "docs/troubleshooting.md"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"line `([a-z]+)`", TEXT))))
def test_lines_of_a_report_have_the_names_that_it_uses(name):
    assert name in ("found", "why", "type", "error")


def test_ids_that_it_mentions_exist():
    families = {id.partition("-")[0] for id in IDS if "-" in id}
    words = {word for word in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", TEXT) if word.partition("-")[0] in families}
    assert words <= set(IDS)


def test_the_page_is_what_the_sections_make():
    """And so the page has every id, and none that is gone."""
    new = troubleshooting.page(KNOWN)
    if os.environ.get("OSPOOL_EP_WRITE_DOCS") == "1":
        PAGE.write_text(new, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == new, "OSPOOL_EP_WRITE_DOCS=1 python -m pytest tests/test_explanations.py"


def test_every_link_on_the_page_leads_somewhere():
    text = PAGE.read_text(encoding="utf-8")
    anchors = [troubleshooting.anchor(head) for head in re.findall(r"^##+ (.*)$", text, re.MULTILINE)]
    assert len(anchors) == len(set(anchors)), "GitHub would number them"
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert {link[1:] for link in links if link.startswith("#")} <= set(anchors)
    assert all((PAGE.parent / link).is_file() for link in links if not link.startswith("#"))
    assert set(IDS) <= set(anchors)


@pytest.mark.parametrize("guide", ["gpus", "cvmfs"])
def test_guides_with_tables_of_ids_of_their_own_lead_to_it(guide):
    assert "(troubleshooting.md)" in (TOP / f"docs/{guide}.md").read_text(encoding="utf-8")


def test_sections_are_read():
    assert explain.parse(SMALL) == (
        Explanation("pear-bruised", "Fruit", "warning", "It was `dropped on the floor` more than once.",
                    (("look", "at it"), ("left alone", "it rots"))),
        Explanation("pear-lost", "Fruit", "refused, exit 69", "Gone.", (("left alone", "hunger"),)),
        Explanation("knife", "Tools", "warning", "Blunt.", (("left alone", "still blunt"),)),
    )  # fmt: skip


def explained(wanted, width=100):
    log, stream = log_to_text()
    return explain.explain(wanted, log, width), stream.getvalue()


@pytest.mark.parametrize("id", IDS)
def test_each_is_shown(id):
    code, text = explained(id)
    assert code == Exit.OK
    one = next(one for one in KNOWN if one.id == id)
    assert text.startswith(f"{id}: {one.severity}\n")
    assert "".join(text.split()).endswith("".join(one.advice[-1][1].split()))


def test_upper_case_and_blanks_are_tolerated():
    assert explained(" Scratch-Full ")[1] == explained("scratch-full")[1]


@pytest.mark.parametrize("width", [40, 60, 79, 121])
def test_the_width_is_respected_but_for_what_is_to_be_pasted(width):
    code = re.compile(r"`[^`]*`")
    for id in IDS:
        text = explained(id, width)[1]
        assert all(len(row) <= width or code.search(row) for row in text.splitlines()), text
        # Nothing to be pasted goes over two rows
        assert all(row.count("`") % 2 == 0 for row in text.splitlines()), text


def test_all_are_listed_by_group():
    code, text = explained("list", 70)
    assert code == Exit.OK
    assert re.findall(r"[a-z]+(?:-[a-z]+)*(?=,|$)", "\n".join(r for r in text.split("\n") if r[:1] == " "), re.M) == IDS
    groups = [row for row in text.splitlines() if not row.startswith(" ")]
    assert groups == list(dict.fromkeys(one.group for one in KNOWN))
    assert all(len(row) <= 70 for row in text.splitlines())


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("gpu-los", "gpu-lost"),
        ("scratch_full", "scratch-full"),
        ("token-expire", "token-expired"),
        ("user", "user-root"),
    ],
)
def test_a_near_miss_is_told_the_nearest_beside_the_list(wrong, near):
    log, stream = log_to_text()
    with pytest.raises(Refused) as refused:
        explain.explain(wrong, log, 100)
    (problem,) = refused.value.problems
    assert (problem.id, problem.exit_code) == ("argument", Exit.CONFIGURATION)
    assert problem.cure == f"did you mean: ospool-selftest --explain {near}"
    assert "gpu-lost" in stream.getvalue()


def test_what_is_like_nothing_gets_the_list():
    log, stream = log_to_text()
    with pytest.raises(Refused) as refused:
        explain.explain("zzzzzz", log, 100)
    assert "did you mean" not in refused.value.problems[0].cure
    assert "The pilot itself" in stream.getvalue()
