"""What is wrong with a running pilot. Nothing of it is a reason not to start one, so all of it are warnings."""

from ospool_ep import policy
from ospool_ep.problem import Problem, warning
from ospool_ep.settings import Settings
from ospool_ep.status.found import SILENT, STARTING, STOPPING, Collector, Pilot
from ospool_ep.token_problems import clock, duration

# The first ad may need so long
_FRESH_S = 60


def judge(pilot: Pilot, now: int) -> tuple[Problem, ...]:
    """The most important first."""
    if pilot.state == SILENT:
        return (_silent(pilot), *_unregistered(pilot, now))
    if pilot.state in (STARTING, STOPPING):
        return ()
    return (*_unregistered(pilot, now), *_refuses(pilot))


def _silent(pilot: Pilot) -> Problem:
    why = "it runs no jobs; by itself it leaves within minutes where its startd cannot live"
    return warning("pilot-silent", pilot.why, why, "docker restart PILOT")


def _unregistered(pilot: Pilot, now: int) -> tuple[Problem, ...]:
    """Registered with one of them is enough; where none lets us look nothing is known."""
    if pilot.registered or not pilot.collectors or all(one.denied for one in pilot.collectors):
        return ()
    errors = [f"{one.host}: {one.error}" for one in pilot.collectors if one.error]
    if not errors and now - pilot.booted < _FRESH_S:
        return ()
    hosts = ", ".join(one.host for one in pilot.collectors)
    found = f"no collector {'has' if pilot.registered is False else 'says that it has'} this pilot: {hosts}"
    cause, cure = _cause(pilot, now)
    why = "only a pilot that its pool knows gets jobs"
    return (warning("pilot-not-registered", f"{found}; {cause}" if cause else found, why, cure, "\n".join(errors)),)


def _cause(pilot: Pilot, now: int) -> tuple[str, str]:
    """In words, and what to type."""
    if pilot.token_expires is not None and pilot.token_expires <= now:
        cause = f"the token that it has copied when it started expired {clock(pilot.token_expires)}"
        return cause, "put a new token in the mounted file, then: docker restart PILOT"
    said = "\n".join(one.error for one in pilot.collectors)
    if "AUTHENTICATE" in said:
        return "its token is refused", "ask the pool for a token of its own, then: docker restart PILOT"
    if "DENIED" in said:
        return (
            "its token may not advertise there",
            "ask the pool to let this token's subject advertise (ADVERTISE_STARTD)",
        )
    if any(_unreachable(one) for one in pilot.collectors):
        return (
            "the pool cannot be reached from here",
            "let this machine reach the pool's hosts (TCP, port 9618); it joins by itself then",
        )
    return "the pool would take its ad", "wait five minutes and look again; then: docker restart PILOT"


def _unreachable(one: Collector) -> bool:
    return any(word in one.error for word in ("no answer", "connect", "unknown host", "contact"))


def _refuses(pilot: Pilot) -> tuple[Problem, ...]:
    """A pilot that has served its time is as it should be."""
    slot = pilot.slot
    clauses = [one for one in (slot.refuses if slot else ()) if one != "accepting"]
    if slot is None or not clauses:
        return ()
    meanings = {clause.id: clause.meaning for clause in policy.clauses(Settings())}
    told = "; ".join(f"{id} (a job starts only if {meanings[id]})" for id in clauses)
    cure = "nothing: it takes jobs again when that has passed; what it costs is in the lines above"
    return (warning("pilot-takes-no-job", f"no job can start now: {told}", "the pilot stands idle", cure),)


def age(seconds: int) -> str:
    """How long ago."""
    return duration(max(0, seconds))
