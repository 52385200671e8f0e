"""How a running pilot is shown: a few lines, and a table of its jobs."""

from ospool_ep.columns import aligned
from ospool_ep.log import printable
from ospool_ep.report import Line
from ospool_ep.status.found import RUNNING, Collector, Ended, Job, Pilot, Slot
from ospool_ep.status.judge import age, judge
from ospool_ep.token_problems import clock

_HEAD = ("slot", "job", "project", "state", "for", "CPUs", "memory", "disk", "GPUs")
_GB = 1024


def lines(pilot: Pilot | None, now: int) -> tuple[Line, ...]:
    """Nothing without a pilot."""
    if pilot is None:
        return ()
    problems = judge(pilot, now)
    first = Line("pilot", _who(pilot, now), tuple(one for one in problems if one.id != "pilot-not-registered"))
    if not pilot.collectors and pilot.slot is None:
        return (first,)
    found = tuple(one for one in problems if one.id == "pilot-not-registered")
    registered = "; ".join(_collector(one, now) for one in pilot.collectors)
    rows = (first, Line("registered", registered, found), *(_offer(pilot, pilot.slot, now) if pilot.slot else ()))
    return (*rows, Line("last", _last(pilot, now)))


def _who(pilot: Pilot, now: int) -> str:
    name = pilot.name.partition("@")[0]
    up = f"up {age(now - pilot.booted)}" if pilot.booted else ""
    mips = f"Mips {pilot.slot.mips}" if pilot.slot and pilot.slot.mips else ""
    mips = "no Mips yet" if pilot.slot and not mips else mips
    state = "" if pilot.state == RUNNING else f"{pilot.state}{': ' if pilot.why else ''}{pilot.why}"
    return ", ".join(filter(None, (name, f"pid {pilot.pid}", up, mips, state)))


def _collector(one: Collector, now: int) -> str:
    if one.registered:
        return f"{one.host} (its ad is {age(now - one.updated)} old)"
    if one.denied:
        return f"{one.host} lets this token advertise, and nobody look"
    return (
        f"{one.host}: {'not there' if one.registered is False else 'not known'}{': ' if one.error else ''}{one.error}"
    )


def _offer(pilot: Pilot, slot: Slot, now: int) -> tuple[Line, ...]:
    free = f"{slot.cpus.free} of {slot.cpus.total} CPUs, {slot.memory_mb.free} of {slot.memory_mb.total} MB memory"
    free += f", {slot.disk_mb.free / _GB:.1f} of {slot.disk_mb.total / _GB:.1f} GB disk"
    free += f", {slot.gpus.free} of {slot.gpus.total} GPUs" if slot.gpus.total else ""
    count = f"{len(pilot.jobs) or 'no'} job{'' if len(pilot.jobs) == 1 else 's'} now, {slot.jobs_started} started"
    ended = f"; {_ended(pilot.last_job, now)}" if pilot.last_job else ""
    return Line("slots", f"free: {free}"), Line("jobs", count + ended), Line("accepting", _accepting(slot, now))


def _ended(job: Ended, now: int) -> str:
    project = f" ({job.project})" if job.project else ""
    return f"the last ended {age(now - job.when)} ago: {job.id}{project}, {job.how}"


def _accepting(slot: Slot, now: int) -> str:
    over = slot.accepts_until <= now
    until = clock(slot.accepts_until)
    text = f"no new jobs since {until}" if over else f"new jobs for {age(slot.accepts_until - now)} (until {until})"
    text += f"; leaves in {age(slot.leaves - now)}"
    return text + (f", or in {age(slot.leaves_idle - now)} if no job comes" if slot.leaves_idle else "")


def _last(pilot: Pilot, now: int) -> str:
    """The last problem."""
    found = [f"{age(now - pilot.trouble.when)} ago: {pilot.trouble.what}"] if pilot.trouble else []
    return "; ".join([*found, *(pilot.slot.comments if pilot.slot else ())]) or "no problem is known"


def table(pilot: Pilot | None, now: int) -> str:
    """The jobs; empty where there is none."""
    if pilot is None or not pilot.jobs:
        return ""
    cells = [_HEAD, *(tuple(map(printable, _cells(job, now))) for job in pilot.jobs)]
    return "\n".join(aligned(cells))


def _cells(job: Job, now: int) -> tuple[str, ...]:
    since = age(now - job.started) if job.started else ""
    sizes = (str(job.cpus), f"{job.memory_mb} MB", f"{job.disk_mb} MB", str(job.gpus))
    return (job.slot, job.id, job.project, f"{job.state}/{job.activity}", since, *sizes)
