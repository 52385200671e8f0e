"""Would an ordinary job start? The conditions of this slot, tried with jobs as most are."""

from ospool_ep import classads, policy
from ospool_ep.for_job import slot
from ospool_ep.for_job.advice import cure
from ospool_ep.for_job.ask import weighed
from ospool_ep.for_job.result import LATER, NO, SLOT, START, YES, Clause
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan
from ospool_ep.problem import Problem, warning
from ospool_ep.settings import Settings

_WHY = "most jobs are like it: few or none would come"


def sample(settings: Settings, gpus: bool) -> dict[str, str]:
    """A job of one CPU that asks for nothing that is rare, and is one of those that this pilot is for."""
    job = {
        "MyType": '"Job"', "ClusterId": "1", "ProcId": "0", "JobUniverse": "5", "JobStatus": "1", "Owner": '"alice"',
        "User": '"alice@ap.example.org"', "ProjectName": classads.quote(settings.project_name or "Example"),
        "RequestCpus": "1", "RequestMemory": "1000", "RequestDisk": "1048576", "JobDurationCategory": '"Medium"',
    }  # fmt: skip
    job |= {"ITB_Sites": "True"} if settings.itb else {}
    return job | ({"RequestGPUs": "1"} if gpus else {})


def judged(machine: Machine, plan: Plan) -> tuple[str, tuple[Problem, ...], str]:
    """Text, problems, and why it does not apply. Where there are GPUs the pilot is for jobs that want them."""
    gpus = bool(plan.gpus.offered)
    ours = policy.clauses(plan.settings)
    asked = [(SLOT, one.text) for one in ours]
    parts, failure = weighed(machine, slot.attributes(machine, plan), sample(plan.settings, gpus), slot.LATER, asked)
    what = "a job of 1 CPU and 1 GPU" if gpus else "a job of 1 CPU and 1000 MB"
    found = [Clause(START, one.id, one.meaning, part) for one, part in zip(ours, parts, strict=False)]
    wrong = tuple(clause for clause in found if clause.part.truth not in (YES, LATER))
    later = ", ".join(clause.id for clause in found if clause.part.truth == LATER)
    if failure:
        return (
            "",
            (_problem(f"START could not be evaluated for {what}", "GLIDEIN_Start_Extra is too much", failure),),
            "",
        )
    if not wrong:
        return f"{what} would start{f', if what HTCondor measures allows it ({later})' if later else ''}", (), ""
    return f"{what} would not start", (_wrong(what, wrong),), ""


def _wrong(what: str, wrong: tuple[Clause, ...]) -> Problem:
    told = "; ".join(f"{one.id} is {_word(one)} ({one.meaning})" for one in wrong)
    return _problem(f"START is not true for {what}: {told}", "\n".join(dict.fromkeys(map(cure, wrong))), _raw(wrong))


def _word(clause: Clause) -> str:
    return "false" if clause.part.truth == NO else clause.part.truth


def _raw(wrong: tuple[Clause, ...]) -> str:
    return "\n".join(one.part.text for one in wrong)


def _problem(found: str, cure: str, raw: str) -> Problem:
    return warning("start-ordinary-job", found, _WHY, cure, raw)
