"""Jobs of every kind, sent to many pilots at once: how they ended beside what the pilots' ads promise."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import levels
import runs
from payload import TINY

from poolbox import jobs, slots
from poolbox.pilot import logs

RUN = """\
#!/bin/sh
echo "${APPTAINER_NAME:-direct} $(readlink /proc/self/ns/pid)"
exit 3
"""
# Sent first: while these fail, the others must run
BROKEN = {
    "no image": ('+SingularityImage = "/no/such/image"', "HAS_SINGULARITY", "no such file or directory"),
    "broken.sif": ("container_image = broken.sif", "SINGULARITY_CAN_USE_SIF", "image format not recognized"),
}
# Kind of job: how it asks, what makes it match, what Apptainer calls the image
KINDS = {
    "directory": (f'+SingularityImage = "{TINY}"', "HAS_SINGULARITY", "tiny"),
    "container_image": (f"container_image = {TINY}\ntransfer_container = False", "HAS_SINGULARITY", "tiny"),
    ".sif": ("container_image = my.sif", "SINGULARITY_CAN_USE_SIF", "my.sif"),
    "plain": ("", None, "direct"),
}


# Numbers of HTCondor's events in a job's log
SUBMIT, EXECUTE, EVICTED, REMOTE_ERROR = "000", "001", "004", "021"
ENDED = {"005", "009", "012"}


@dataclass(frozen=True)
class Outcome:
    """A pilot's slot ad before and after its jobs, its log, and the PID namespace of its container.

    `done`: how the promised jobs ended, by kind. `waiting`: the logs of all others, when those had ended.
    """

    ad: dict[str, str]
    ad_after: dict[str, str]
    log: str
    namespace: str
    done: dict[str, jobs.JobResult]
    waiting: dict[str, str]

    def events(self, kind):
        """What has happened to a job that still waits."""
        return re.findall(r"^(\d{3}) \(", self.waiting[kind], re.MULTILINE)


def promises(ad, attribute):
    """What an ad says of a kind of job; plain jobs need no promise."""
    return attribute is None or ad[attribute] == "true"


def send_all(pool, cases):
    """Every kind of job to every pilot, kind by kind."""
    wanted = [(case, kind) for kind in (*BROKEN, *KINDS) for case in cases]
    with ThreadPoolExecutor(4) as several:
        return dict(zip(wanted, several.map(lambda one: _send(pool, *one), wanted), strict=True))


def _send(pool, case, kind):
    directory = jobs.new_directory(pool)
    if kind == ".sif":
        pool.exec("cp", f"{TINY}.sif", f"{directory}/my.sif", user=jobs.USER)
    files = {"run.sh": RUN} | ({"broken.sif": "this is no image\n"} if kind == "broken.sif" else {})
    text = runs.description(runs.at_site(case.site), runs.PROJECT, (BROKEN | KINDS)[kind][0])
    return jobs.submit(pool, text, files, directory)


def outcomes(box, pool, booted, sent):
    """What waits when all promised jobs have ended was passed over."""
    promised = [(case, kind) for case, kind in sent if kind in KINDS and promises(booted[case].ad, KINDS[kind][1])]
    done = {key: jobs.wait_for_job(pool, sent[key], levels.PATIENCE_S) for key in promised}
    waiting = {key: _log(pool, job, _back(booted, key)) for key, job in sent.items() if key not in done}
    return {
        case: Outcome(
            ad=pilot.ad,
            ad_after=slots.slot_ads(pool, case.slot)[0],
            log=logs(box.engine, pilot.container),
            namespace=box.inside(pilot.container, "readlink", "/proc/self/ns/pid").strip(),
            done=_of(case, done),
            waiting=_of(case, waiting),
        )
        for case, pilot in booted.items()
    }


def _back(booted, key):
    """The event that a job has behind it when it waits: a broken one has failed before."""
    case, kind = key
    failed = kind in BROKEN and promises(booted[case].ad, BROKEN[kind][1])
    return EVICTED if failed else SUBMIT


def _log(pool, job, event):
    """A job's log, when it has the event in it."""
    end = time.monotonic() + 60
    while f"\n{event} (" not in f"\n{(text := jobs.read_file(pool, f'{job.directory}/log'))}":
        assert time.monotonic() < end, text
        time.sleep(1)
    return text


def _of(case, results):
    return {kind: result for (one, kind), result in results.items() if one == case}
