"""Many jobs at once, each as poolbox.jobs does it for one: a process in the access point for all of them."""

import json
from pathlib import Path

from poolbox import jobs
from poolbox.pool import SUBMIT_DIR

INSIDE = Path(__file__).parent / "inside"


def submit(pool, wanted):
    """Submit in order: key to (description, files, directory or None for a new one). Key to job."""
    said = _inside(pool, "submit_many.py", SUBMIT_DIR, [(directory, *rest) for *rest, directory in wanted.values()])
    return {key: jobs.Job(*job) for key, job in zip(wanted, said, strict=True)}


def results(pool, sent, timeout_s=0):
    """How jobs have ended, as soon as all have; after `timeout_s` some are `waiting`. Key to result."""
    said = _inside(pool, "watch_many.py", f"{timeout_s}", [job.directory for job in sent.values()], timeout_s)
    made = (jobs.JobResult(**{**one, "events": tuple(one["events"])}) for one in said)
    return dict(zip(sent, made, strict=True))


def matching(pool, sent):
    """Keys of the jobs in the queue that some pilot would take, were it idle."""
    clusters = _inside(pool, "matching.py", "", [job.cluster for job in sent.values()])
    return {key for key, job in sent.items() if job.cluster in clusters}


def _inside(pool, script, argument, given, timeout_s=0):
    text = (INSIDE / script).read_text(encoding="utf-8")
    command = ("python3", "-I", "-c", text, argument)
    return json.loads(pool.exec(*command, user=jobs.USER, input=json.dumps(given), timeout=timeout_s + 60).stdout)
