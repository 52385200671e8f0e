"""Every privilege level, with every state of /dev/fuse: what a pilot's ad promises is what its jobs find.

The table of docs/privileges.md is made here: OSPOOL_EP_WRITE_DOCS=1 writes it.
"""

import os
from operator import attrgetter

import kinds
import levels
import pytest

from poolbox import image as images

DOCUMENT = images.REPO / "docs/privileges.md"
BEGIN, END = "<!-- measured: privileges -->", "<!-- /measured -->"
CASES = [levels.Case(level, fuse) for level in levels.LEVELS for fuse in levels.FUSE]
# The least that Apptainer needs, and a site that says so
SEEDED = levels.Case("minimum", "present", "SINGULARITY_DISABLE_PID_NAMESPACES=True")
SITE = attrgetter("site")


@pytest.fixture(scope="module")
def outcomes(box, pool, token_file):
    """All pilots at once, and all their jobs: the machine has something to do for a minute or two."""
    with levels.pilots(box, pool, token_file, [*CASES, SEEDED]) as booted:
        sent = kinds.send_all(pool, booted)
        try:
            yield kinds.outcomes(box, pool, booted, sent)
        finally:
            pool.exec("condor_rm", *(str(job.cluster) for job in sent.values()), check=False)


@pytest.mark.parametrize("case", [*CASES, SEEDED], ids=SITE)
def test_jobs_run_where_the_ad_says_so_and_only_there(outcomes, case):
    assert_kept(outcomes[case])


def assert_kept(outcome):
    """The promises of the ad."""
    for kind, (_, attribute, image) in kinds.KINDS.items():
        if kinds.promises(outcome.ad, attribute):
            job = outcome.done[kind]
            assert (job.state, job.exit_code, job.stdout.split()[:1]) == ("done", 3, [image]), (kind, job)
        else:
            assert outcome.events(kind) == [kinds.SUBMIT], kind


@pytest.mark.parametrize("case", CASES, ids=SITE)
def test_the_ad_says_whether_jobs_see_one_another(outcomes, case):
    outcome = outcomes[case]
    own = {kind: job.stdout.split()[1] != outcome.namespace for kind, job in outcome.done.items()}
    promised = outcome.ad["SINGULARITY_USE_PID_NAMESPACES"] == "true"
    assert own == {kind: promised and kind != "plain" for kind in own}


@pytest.mark.parametrize("case", CASES, ids=SITE)
def test_htcondor_says_the_same_of_containers(outcomes, case):
    """Jobs ask for its attributes: Requirements of container_image have HasContainer, HasSIF and others."""
    ad = outcomes[case].ad
    assert ad["HasSingularity"] == ad["HAS_SINGULARITY"]
    assert ad.get("HasSIF", "false") == ad["SINGULARITY_CAN_USE_SIF"]


@pytest.mark.parametrize("case", CASES, ids=SITE)
def test_the_comment_names_what_is_missing(outcomes, case):
    comment = outcomes[case].ad["SINGULARITY_COMMENT"]
    containers, namespaces = (case.level != "default", case.level in ("recommended", "privileged"))
    assert ("seccomp profile forbids user namespaces" in comment) == (not containers)
    assert ("no PID namespace of their own" in comment) == (containers and not namespaces)
    assert ("/dev/fuse is not in this container" in comment) == (containers and case.fuse == "missing")
    assert ("/dev/fuse may not be opened by this uid" in comment) == (containers and case.fuse == "unreadable")


@pytest.mark.parametrize("case", CASES, ids=SITE)
def test_a_broken_image_goes_back_to_the_queue_with_a_reason(outcomes, case):
    """While it did, the others ran; and it is no reason to promise less."""
    outcome = outcomes[case]
    for kind, (_, attribute, reason) in kinds.BROKEN.items():
        events = outcome.events(kind)
        if kinds.promises(outcome.ad, attribute):
            assert {kinds.EXECUTE, kinds.REMOTE_ERROR, kinds.EVICTED} <= set(events)
            assert not kinds.ENDED & set(events)
            assert reason in outcome.waiting[kind]
        else:
            assert events == [kinds.SUBMIT]
    for attribute in ("HAS_SINGULARITY", "SINGULARITY_CAN_USE_SIF"):
        assert outcome.ad_after[attribute] == outcome.ad[attribute]


def test_a_site_without_pid_namespaces_by_its_own_wish_reads_no_warning(outcomes):
    """The seed's minimum: its profile, no systempaths=unconfined, SINGULARITY_DISABLE_PID_NAMESPACES=True."""
    outcome = outcomes[SEEDED]
    assert outcome.done[".sif"].exit_code == 3
    assert (outcome.ad["HAS_SINGULARITY"], outcome.ad["SINGULARITY_USE_PID_NAMESPACES"]) == ("true", "false")
    assert "PID namespace" not in outcome.ad["SINGULARITY_COMMENT"]
    assert "warning:" not in outcome.log.split("exec condor_master")[0]


def test_the_documented_table_is_what_was_seen(box, outcomes):
    if box.engine.name != "docker":
        pytest.skip("the table is of docker")
    for outcome in outcomes.values():
        assert_kept(outcome)
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(f"{BEGIN}\n")
    old, after = rest.split(END)
    new = table(outcomes)
    if os.environ.get("OSPOOL_EP_WRITE_DOCS") == "1":
        DOCUMENT.write_text(f"{before}{BEGIN}\n{new}{END}{after}", encoding="utf-8")
    else:
        assert old == new, f"docs/privileges.md must say:\n{new}"


def table(outcomes):
    """What jobs experienced, in words."""
    head = ("level", "`/dev/fuse`", "plain jobs", "directory images", "`.sif` files", "own PID namespace")
    rows = [head, ("---",) * len(head), *((case.level, case.fuse, *_words(outcomes[case])) for case in CASES)]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _words(outcome):
    own = "-"
    if "directory" in outcome.done:
        own = "no" if outcome.done["directory"].stdout.split()[1] == outcome.namespace else "yes"
    return (*("run" if kind in outcome.done else "do not match" for kind in ("plain", "directory", ".sif")), own)
