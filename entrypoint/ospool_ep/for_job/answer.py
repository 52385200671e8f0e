"""The question and its answer: from a plan and a job to clauses."""

import re
from dataclasses import dataclass

from ospool_ep import classads, policy
from ospool_ep.for_job import assume, slot, source
from ospool_ep.for_job import job as jobs
from ospool_ep.for_job.ask import weighed
from ospool_ep.for_job.job import Job
from ospool_ep.for_job.result import JOB, LATER, REQUIREMENTS, SIZE, SLOT, START, YES, Clause, Part, conjuncts
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan

# HTCondor's WithinResourceLimits, which every slot's Requirements end in.
_SIZE = (
    ("cpus", "it wants no more CPUs than the slot has", "MY.Cpus > 0 && TARGET.RequestCpus <= MY.Cpus"),
    ("memory", "nor more memory (MB)", "MY.Memory > 0 && TARGET.RequestMemory <= MY.Memory"),
    ("disk", "nor more disk (KB)", "MY.Disk > 0 && TARGET.RequestDisk <= MY.Disk"),
    ("gpus", "nor more GPUs", "TARGET.RequestGPUs =?= undefined || MY.GPUs >= TARGET.RequestGPUs"),
)
_UNIVERSES = {"7": "scheduler", "9": "grid", "12": "local"}
_STATES = {
    "2": "runs already", "3": "is being removed", "4": "has ended", "6": "runs already", "7": "is suspended",
    "5": "is on hold: no slot gets it until condor_release",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """`failure`: why the clauses could not be evaluated, if so. `notes`: what else to know of the job."""

    job: Job
    clauses: tuple[Clause, ...]
    notes: tuple[str, ...] = ()
    failure: str = ""

    @property
    def wrong(self) -> tuple[Clause, ...]:
        """Clauses that are not true, whatever HTCondor will measure."""
        return tuple(clause for clause in self.clauses if clause.part.truth not in (YES, LATER))

    @property
    def matches(self) -> bool:
        """The job would get this slot, as far as is known."""
        return not self.wrong and not self.failure


def read(machine: Machine, name: str) -> Job:
    """The job of --job NAME. Raises Refused."""
    return assume.completed(jobs.job(source.read(machine, name)))


def answer(machine: Machine, plan: Plan, job: Job) -> Answer:
    """Both directions: START and the slot's size for the job, the job's Requirements for the slot."""
    ours = policy.clauses(plan.settings)
    own = job.get("Requirements") or "True"
    asked = [(SLOT, one.text) for one in ours] + [(SLOT, text) for *_, text in _SIZE] + [(JOB, own)]
    parts, failure = weighed(machine, slot.attributes(machine, plan), job.attributes, slot.LATER, asked)
    told = [(START, one.id, one.meaning) for one in ours] + [(SIZE, id, meaning) for id, meaning, _ in _SIZE]
    clauses = [Clause(*head, part) for head, part in zip(told, parts, strict=False)]
    clauses += [Clause(REQUIREMENTS, str(number), "", part) for number, part in enumerate(conjuncts(parts[-1]), 1)]
    if parts[-1].truth != YES and all(clause.part.truth == YES for clause in clauses if clause.of == REQUIREMENTS):
        # Parts that hold, and a whole that HTCondor gives up on: too deep, too long
        clauses.append(Clause(REQUIREMENTS, "all", "", Part(parts[-1].text, parts[-1].truth)))
    return Answer(job, tuple(clauses), _notes(job), failure)


def _notes(job: Job) -> tuple[str, ...]:
    notes = [f"the first of {job.ads} ads counts"] if job.ads > 1 else []
    universe, state = job.get("JobUniverse") or "", job.get("JobStatus") or ""
    if universe in _UNIVERSES:
        notes.append(
            f"a job of the {_UNIVERSES[universe]} universe never comes to a pilot: it runs at the access point"
        )
    if state in _STATES:
        reason = f" ({job.get('HoldReason')})" if state == "5" and job.get("HoldReason") else ""
        notes.append(f"this job {_STATES[state]}{reason}")
    if job.whole and job.get("Requirements") is None:
        notes.append("this job has no Requirements")
    return (*notes, *(f"assumed, as condor_submit would: {text}" for text in job.assumed), *_unquoted(job))


def _unquoted(job: Job) -> tuple[str, ...]:
    """`ProjectName = MyProject` names another attribute, which is not there."""
    bare = re.compile(rf"(?!(true|false|undefined|error)$){classads.NAME.pattern}", re.IGNORECASE)
    found = ((name, text) for name, text in job.attributes.items() if bare.fullmatch(text) and job.get(text) is None)
    return tuple(f'{name} = {text} is no text but another attribute: {name} = "{text}"?' for name, text in found)
