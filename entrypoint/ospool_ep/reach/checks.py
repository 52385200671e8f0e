"""The checks of the network, one line each. The boot does not make them: it starts, and HTCondor tries again and again.

preflight.py runs them where the selftest asks for them.
"""

from collections.abc import Callable, Sequence
from functools import partial

from ospool_ep.check import Check, Outcome
from ospool_ep.known import Known
from ospool_ep.machine import Machine
from ospool_ep.reach import admission, clock, fetch, pool_problems, proxy_problems, stages
from ospool_ep.reach.addresses import CCB, COLLECTOR
from ospool_ep.reach.connect import Reached
from ospool_ep.reach.stages import Absent, Stages
from ospool_ep.report import Line


def checks(
    machine: Machine, known: Known, pages: Sequence[fetch.Page] = fetch.PAGES, total_s: float = stages.TOTAL_S
) -> tuple[Check[None], ...]:
    """Starts to ask at once; a check that crashes is a warning, for a pilot could start."""
    asked = stages.begin(machine, known, pages, total_s)
    lines: dict[str, Callable[[], Line]] = {
        "dns": partial(_names, asked),
        "pool": partial(_servers, asked),
        "admission": partial(_admission, asked),
        "clock": partial(_clock, asked),
        "downloads": partial(_downloads, asked, known.settings.squid),
    }
    return tuple(Check(name, partial(_looked, name, line), None, spare=True) for name, line in lines.items())


def _looked(name: str, line: Callable[[], Line]) -> Outcome[None]:
    try:
        return Outcome(None, line())
    except Absent as absent:
        return Outcome(None, Line(name, "", absent=str(absent)))


def _names(asked: Stages) -> Line:
    names = asked.names()
    if all(server.literal for server in asked.servers):
        raise Absent("the pool is given by addresses")
    known = sum(bool(name.addresses) for name in names)
    text = f"{known} of {len(names)} hosts of the pool have an address"
    return Line("dns", text, pool_problems.of_names(asked.servers, names))


def _servers(asked: Stages) -> Line:
    reached = asked.reached()
    counts = [_count(reached, role) for role in (COLLECTOR, CCB)]
    return Line("pool", f"{', '.join(counts)} answer", pool_problems.of_servers(reached))


def _count(reached: Sequence[Reached], role: str) -> str:
    those = [one for one in reached if role in one.server.roles]
    good = [str(one.server) for one in those if not one.trouble]
    return f"{len(good)} of {len(those)} {role}s" + (f" ({', '.join(good)})" if good else "")


def _admission(asked: Stages) -> Line:
    heard = asked.heard()
    return Line("admission", admission.summary(heard), admission.judge(heard))


def _clock(asked: Stages) -> Line:
    """The pool names its sessions by the time; a page from outside has a date."""
    sources = (_of_pool, _of_pages)
    seen = tuple(one for source in sources for one in source(asked))
    if not seen:
        raise Absent("neither the pool nor a proxy says what time it is")
    return Line("clock", clock.summary(seen[0]), clock.judge(seen))


def _of_pool(asked: Stages) -> tuple[clock.Difference, ...]:
    try:
        heard = asked.heard()
    except Absent:
        return ()
    return tuple(
        clock.difference("the pool", one.answer.clock, one.before, one.after)
        for one in heard
        if one.answer.clock is not None
    )


def _of_pages(asked: Stages) -> tuple[clock.Difference, ...]:
    try:
        fetched = asked.fetched()
    except Absent:
        return ()
    return tuple(one.ahead for one in fetched if one.ahead is not None)


def _downloads(asked: Stages, proxy: str) -> Line:
    fetched = asked.fetched()
    return Line("downloads", proxy_problems.summary(proxy, fetched), proxy_problems.judge(proxy, fetched))
