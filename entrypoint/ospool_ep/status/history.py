"""What went wrong here before: jobs that have ended, containers that did not start."""

from contextlib import suppress
from pathlib import Path

from ospool_ep import jwt
from ospool_ep.containers import failures, record
from ospool_ep.machine import Machine
from ospool_ep.status import ads
from ospool_ep.status.found import Ended, Trouble
from ospool_ep.status.place import Place

_TIMEOUT_S = 2.0
_ATTRIBUTES = (
    *("ClusterId", "ProcId", "ProjectName", "CompletionDate", "JobState", "ExitBySignal", "ExitSignal", "ExitCode"),
    *("JobDuration", "StarterExitStatus", "VacateReason"),
)


def last_job(machine: Machine, place: Place) -> Ended | None:
    """The one that ended last, as the startd remembers it; None where none has."""
    path = f"{place.log}/startd_history"
    if not machine.path(path).exists():
        return None
    command = ("condor_history", "-file", path, "-limit", "1", "-long", "-attributes", ",".join(_ATTRIBUTES))
    said = machine.run(command, _TIMEOUT_S, place.environment)
    try:
        return next(map(_ended, ads.parse(said.stdout)), None)
    except ValueError:
        return None


def _ended(ad: ads.Ad) -> Ended:
    exited = ads.text(ad, "JobState") == "Exited"
    id = f"{ads.number(ad, 'ClusterId')}.{ads.number(ad, 'ProcId')}"
    how = _how(ad) if exited else f"could not be run (condor_starter: {ads.number(ad, 'StarterExitStatus')})"
    return Ended(id, ads.text(ad, "ProjectName"), ads.number(ad, "CompletionDate"), how, failed=not exited)


def _how(ad: ads.Ad) -> str:
    signal = ads.number(ad, "ExitSignal")
    how = f"signal {signal}" if signal else f"exit status {ads.number(ad, 'ExitCode')}"
    return f"{ads.text(ad, 'VacateReason') or how} after {ads.number(ad, 'JobDuration')} s"


def trouble(machine: Machine, place: Place, job: Ended | None) -> Trouble | None:
    """The latest: a container that this machine, or a user's image, did not let start, or a job that did not run."""
    path = Path(place.home) / record.DIRECTORY / "failures"
    found = [Trouble(one.when, _words(one)) for one in failures.read(machine.path(str(path)))]
    if job and job.failed:
        found.append(Trouble(job.when, f"job {job.id} {job.how}"))
    return max(found, key=lambda one: one.when, default=None)


def _words(failure: failures.Failure) -> str:
    """Whose image it was is nobody's business here."""
    if failure.what == failures.IMAGE:
        return f"a job's own container image did not start: {failure.why.partition(' ')[2]}"
    return f"a container did not start ({failure.what}): {failure.why}"


def token_expires(machine: Machine, place: Place) -> int | None:
    """When the last of the pilot's own copies of tokens expires; None where one does not, or none is there."""
    found = []
    with suppress(OSError):
        for entry in machine.list(place.tokens):
            found.append(jwt.decode(entry.name, machine.text(f"{place.tokens}/{entry.name}").strip()))
    ends = [one.expires for one in found if one]
    return None if None in ends else max((end for end in ends if end is not None), default=None)
