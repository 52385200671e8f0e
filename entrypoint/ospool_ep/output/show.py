"""The findings of the selftest in the form that was asked for: for a person at a terminal, for logs, for programs."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ospool_ep.findings import Findings
from ospool_ep.for_job import show as show_job
from ospool_ep.gpus import table
from ospool_ep.log import Log
from ospool_ep.output import document, plain, terminal
from ospool_ep.output.groups import ordered
from ospool_ep.output.options import Options
from ospool_ep.output.page import Page
from ospool_ep.privileges import ladder
from ospool_ep.problem import exit_code
from ospool_ep.report import PLAIN, Style, verdict, wrapped

_HINT = "more on each: ospool-selftest --explain ID; see docs/troubleshooting.md"


@dataclass(frozen=True)
class Form:
    """`style`: of a terminal; None in logs."""

    json: bool
    quiet: bool
    style: Style | None

    @property
    def width(self) -> int:
        """Of a row, in characters."""
        return (self.style or PLAIN).width


def form(environ: Mapping[str, str], options: Options) -> Form:
    """What was asked for, and where it goes."""
    return Form(options.json, options.quiet, None if options.json else terminal.style(environ))


def title(text: str, how: Form, log: Log) -> None:
    """Before anything is looked at."""
    if not (how.quiet or how.json):
        _say(text, how, log)


def show(found: Findings, status: int, how: Form, log: Log) -> None:
    """All of it. `status`: the exit status."""
    if how.json:
        Log(stream=sys.stdout).block(document.text(document.document(found, status), log))
        return
    page = _page(found, how)
    if how.style:
        terminal.show(page, log, how.style)
    else:
        plain.show(page, log)
    if found.answer:
        log.block(show_job.text(found.answer, how.style or PLAIN, how.quiet))
    if not exit_code(found.plan.problems) and not how.quiet:
        _say(f"a pilot would start with these options; {_admitted(found)}", how, log)


def _page(found: Findings, how: Form) -> Page:
    """`--quiet` leaves problems alone."""
    plan = found.plan
    end = verdict(plan.problems) if exit_code(plan.problems) else ""
    if how.quiet:
        return Page(tuple(replace(line, text="") for line in ordered(plan.lines) if line.problems), verdict=end)
    width = how.style.width if how.style else None
    tables = (table.text(plan.gpus, width), ladder.text(found.allowed, how.width), found.pilot.table)
    return Page(ordered(plan.lines), tuple(filter(None, tables)), _HINT, end)


def _admitted(found: Findings) -> str:
    tested = any(line.name == "admission" and line.text for line in found.plan.lines)
    return "the pool lets it in" if tested else "whether the pool accepts its token was not tested"


def _say(text: str, how: Form, log: Log) -> None:
    if how.style:
        log.block("\n".join(wrapped(text, how.width)))
    else:
        log.line(text)
