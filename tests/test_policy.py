"""START, clause by clause, against jobs: for each clause one job that starts and one that does not."""

import time

import classad2
import pytest

from fakes import ABLE, ids, said
from ospool_ep import ad, classads, policy, pools
from ospool_ep.problem import Exit, exit_code
from ospool_ep.process_limits import ProcessLimits
from ospool_ep.settings import Settings

HOUR = 3600
BOOTED = int(time.time())
JOB = {"ProjectName": "Physics", "RequestCpus": 1}


def settings(**changes):
    return Settings(**({"site": "LAB", "resource_name": "LAB-EP1"} | changes))


def slot(chosen, **more):
    """The machine ad as the startd would publish it; `more` are ClassAd texts, None takes one away."""
    pool = pools.choose(chosen, lambda count: 0)
    texts = ad.attributes(chosen, pool, ad.lifetime(chosen, BOOTED), ABLE, ProcessLimits())
    sizes = {"Cpus": "8", "Memory": "32000", "Disk": "90000000", "LoadAvg": "0.5", "DetectedCpus": "8"}
    machine = classad2.ClassAd()
    for name, text in (texts | sizes | more).items():
        if text is not None:
            machine[name] = classads.parse(text)
    return machine


def starts(job, chosen=None, **more):
    chosen = chosen or settings()
    start = classads.parse(policy.start(chosen))
    answer = start.eval(slot(chosen, **more), classad2.ClassAd(job))
    assert isinstance(answer, bool), "START must never be undefined"
    return answer


def test_an_ordinary_job_starts():
    assert starts(JOB)


def test_only_while_jobs_are_accepted():
    assert not starts(JOB, GLIDEIN_ToRetire="time() - 1")
    assert starts(JOB, GLIDEIN_ToRetire=None)


def test_a_long_job_needs_forty_hours():
    long = JOB | {"JobDurationCategory": "Long"}
    assert starts(long)
    assert starts(long, settings(accept_jobs_hours=30, retirement_hours=11))
    assert not starts(long, settings(accept_jobs_hours=30, retirement_hours=10))
    assert starts(JOB | {"JobDurationCategory": "Medium"}, settings(accept_jobs_hours=1, retirement_hours=0))


@pytest.mark.parametrize(("validated", "expected"), [("True", True), ("False", False), (None, False)])
def test_not_before_the_node_is_validated(validated, expected):
    assert starts(JOB, OSG_NODE_VALIDATED=validated) is expected


def test_no_black_hole():
    fast = {"RecentJobDurationCount": "10", "RecentJobDurationAvg": "179.0"}
    assert not starts(JOB, **fast)
    assert starts(JOB, **fast | {"RecentJobDurationCount": "9"})
    assert starts(JOB, **fast | {"RecentJobDurationAvg": "180.0"})
    assert starts(JOB, IsBlackHole=None)


def test_no_overloaded_machine():
    assert not starts(JOB, LoadAvg="18.1")
    assert starts(JOB, LoadAvg="18.0")
    assert starts(JOB, LoadAvg=None)


@pytest.mark.parametrize(
    ("desired", "expected"), [("LAB", True), ("X, LAB", True), ("X,lab", False), ("X,Y", False), ("", False)]
)
def test_desired_sites(desired, expected):
    assert starts(JOB | {"DESIRED_Sites": desired}) is expected


@pytest.mark.parametrize(("undesired", "expected"), [("LAB", False), ("X, LAB", False), ("X,Y", True), ("", True)])
def test_undesired_sites(undesired, expected):
    assert starts(JOB | {"UNDESIRED_Sites": undesired}) is expected


def test_a_job_without_a_project_does_not_start():
    assert not starts({"RequestCpus": 1})


def test_on_a_gpu_machine_gpu_jobs_or_room():
    crowded = {"GPUs": "1", "Cpus": "8"}
    roomy = {"GPUs": "1", "Cpus": "9", "Memory": "32001", "Disk": "5000001"}
    assert not starts(JOB, **crowded)
    assert starts(JOB | {"RequestGPUs": 1}, **crowded)
    assert not starts(JOB | {"RequestGPUs": 0}, **crowded)
    assert starts(JOB, **roomy)
    assert not starts(JOB, **roomy | {"Memory": "32000"})
    assert not starts(JOB, **roomy | {"Disk": "5000000"})
    assert starts(JOB, GPUs="0", Cpus="1")


def test_mpi_only_where_there_is_mpi():
    assert not starts(JOB | {"Want_MPI": True})
    assert starts(JOB | {"Want_MPI": True}, Has_MPI="True")
    assert starts(JOB | {"Want_MPI": False})


def test_a_job_cannot_answer_for_the_machine():
    assert not starts(JOB | {"Want_MPI": True, "Has_MPI": True})


def test_only_the_project_of_the_settings():
    chosen = settings(project_name="Physics")
    assert starts(JOB, chosen)
    assert not starts(JOB | {"ProjectName": "Chemistry"}, chosen)
    assert not starts(JOB | {"ProjectName": "physics"}, chosen)


def test_a_project_name_with_quotes_is_still_one_string():
    chosen = settings(project_name='a" || True || "')
    assert not starts(JOB, chosen)
    assert starts(JOB | {"ProjectName": 'a" || True || "'}, chosen)


def test_itb_jobs_and_others_do_not_mix():
    marked = JOB | {"ITB_Sites": True}
    assert not starts(marked)
    assert starts(JOB | {"ITB_Sites": False})
    assert starts(marked, settings(itb=True))
    assert not starts(JOB, settings(itb=True))


def test_the_sites_own_clause():
    chosen = settings(start_extra="TARGET.RequestMemory <= 8000")
    assert starts(JOB | {"RequestMemory": 8000}, chosen)
    assert not starts(JOB | {"RequestMemory": 8001}, chosen)
    assert not starts(JOB, settings(start_extra="False || TARGET.RequestMemory =?= 5"))


def test_alternatives_in_the_sites_clause_do_not_open_the_other_clauses():
    assert not starts({}, settings(start_extra="False || True"))


def test_every_clause_has_an_id_a_meaning_and_parses():
    clauses = policy.clauses(settings(project_name="P", itb=True))
    assert len({clause.id for clause in clauses}) == len(clauses) == 17
    assert all(clause.meaning for clause in clauses)
    assert not [clause for clause in clauses if isinstance(classads.parse(clause.text), classads.ParseFailure)]


@pytest.mark.parametrize(("asked", "rank"), [(None, 0), (0, 0), (1, 1), (4, 4)])
def test_rank_prefers_jobs_with_gpus(asked, rank):
    job = JOB | ({"RequestGPUs": asked} if asked is not None else {})
    assert classads.parse(policy.RANK).eval(slot(settings()), classad2.ClassAd(job)) == rank


# --- what is said about GLIDEIN_Start_Extra


def judge(text, **known):
    return policy.judge(settings(start_extra=text), {"GLIDEIN_Site": '"LAB"', "TotalCpus": "8"} | known)


@pytest.mark.parametrize(
    "good", ["True", "TARGET.RequestMemory <= 8000", 'Owner == "x"', "GLIDEIN_Site =!= undefined", "TotalCpus > 4"]
)
def test_nothing_to_say(good):
    assert judge(good) == ()


def test_a_mistake_is_pointed_at():
    problems = judge("TARGET.RequestMemory <= 8000 &&& x")
    assert ids(problems) == ["start-extra-syntax"]
    assert exit_code(problems) == Exit.CONFIGURATION
    sentence, text, pointer = problems[0].found.split("\n")
    column = pointer.index("^")
    assert f"(column {column + 1})" in sentence
    assert text[column:].startswith("&&")
    assert "quote it for your shell" in problems[0].cure


def test_in_a_long_expression_the_pointer_still_points():
    long = "TARGET.RequestMemory <= 8000 && " * 10 + "x ] y && " + "z && " * 30 + "z"
    _, text, pointer = judge(long)[0].found.split("\n")
    assert len(text) <= 110
    assert text[pointer.index("^")] == "]"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("False", "false"),
        ("0", "0"),
        ("0.0", "0.0"),
        ("undefined", "undefined"),
        ("error", "error"),
        ('strcat("a.", "b")', "'a.b'"),
        ('GLIDEIN_Site == "Other"', "false"),
        ("TotalCpus > 8", "false"),
        ("TARGET.RequestCpus == 1 && False", "false"),
        ("time() < 5", "false"),
    ],
)
def test_what_can_never_be_true_is_refused_with_what_it_is_instead(text, word):
    problems = judge(text)
    assert ids(problems) == ["start-never"]
    assert f"is always {word}: START can never be true" in problems[0].found
    assert exit_code(problems) == Exit.CONFIGURATION


def test_an_attribute_that_nobody_has_is_a_warning_with_the_nearest_name():
    problems = judge("TARGET.RequestMemroy < 5 && Zzyzx")
    assert ids(problems) == ["start-extra-attribute", "start-extra-attribute"]
    assert all(problem.warning for problem in problems)
    assert "did you mean RequestMemory?" in said(problems)
    assert "Zzyzx" in said(problems)


def test_an_attribute_of_the_sites_own_file_is_known_in_any_case():
    assert judge("color == TARGET.RequestCpus", Color="7") == ()


def test_a_project_in_the_extra_clause_belongs_elsewhere():
    problems = judge('TARGET.projectname == "P"')
    assert ids(problems) == ["start-extra-project"]
    assert "OSG_PROJECT_NAME" in problems[0].cure


@pytest.mark.parametrize(
    ("attribute", "sites", "starts"),
    [
        ("DESIRED_Sites", "Other, Two Words", True),
        ("DESIRED_Sites", "Two,Words", False),
        ("UNDESIRED_Sites", "Other,Two Words", False),
        ("UNDESIRED_Sites", "Two,Words", True),
    ],
)
def test_a_site_with_a_blank_in_its_name_is_found_in_lists(attribute, sites, starts):
    machine = classad2.ClassAd({"GLIDEIN_Site": "Two Words", "OSG_NODE_VALIDATED": True})
    machine["Requirements"] = classads.parse(policy.start(Settings(site="Two Words")))
    job = classad2.ClassAd({"ProjectName": "Demo", attribute: sites, "Requirements": True})
    assert machine.symmetricMatch(job) is starts


@pytest.mark.parametrize("text", ["START", "MY.START =?= True", "Requirements", "START_EXTRA", "TARGET.x && start"])
def test_a_clause_that_mentions_start_itself_is_refused(text):
    problems = judge(text)
    assert ids(problems) == ["start-circular"]
    assert exit_code(problems) == Exit.CONFIGURATION
