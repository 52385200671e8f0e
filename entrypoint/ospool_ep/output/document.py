"""The selftest for programs. The schema only grows: docs/selftest.md describes it."""

import json
from typing import Any

from ospool_ep import VERSION
from ospool_ep.findings import Findings
from ospool_ep.for_job.described import described
from ospool_ep.log import Log
from ospool_ep.output.groups import group, ordered
from ospool_ep.preflight import Plan
from ospool_ep.privileges import ladder
from ospool_ep.problem import Problem
from ospool_ep.report import Line

SCHEMA = 1
_STATUS = {"REFUSED": "failure", "n/a": "not applicable"}


def document(found: Findings, status: int) -> dict[str, Any]:
    """`status`: the exit status."""
    plan, allowed = found.plan, found.allowed
    return {
        "schema": SCHEMA,
        "program": "ospool-selftest",
        "version": VERSION,
        "exit_status": status,
        "would_start": not any(not problem.warning for problem in plan.problems),
        "checks": [_check(line) for line in ordered(plan.lines)],
        "gpus": _gpus(plan),
        "runtime": plan.runtime.text,
        "privilege_level": ladder.level(allowed),
        "privileges": ladder.rows(allowed),
        "pilot": found.pilot.document,
        "job": described(found.answer) if found.answer else None,
    }


def _check(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "group": group(line),
        "status": _STATUS.get(line.mark, line.mark),
        "found": line.told,
        "problems": [_problem(one) for one in line.problems],
    }


def _problem(one: Problem) -> dict[str, Any]:
    return {
        "id": one.id,
        "severity": "warning" if one.warning else "failure",
        "found": one.found,
        "why": one.why,
        "cure": one.cure,
        "error": one.raw,
        "exit_status": int(one.exit_code),
    }


def _gpus(plan: Plan) -> list[dict[str, Any]]:
    if not plan.gpus.table:
        return []
    from ospool_ep.gpus import table

    return [dict(zip(table.NAMES, cells, strict=True)) for cells in table.rows(plan.gpus)]


def text(whole: dict[str, Any], log: Log) -> str:
    """As JSON, without the log's secrets. They are taken out before: what JSON has quoted would not be found."""
    return json.dumps(_clean(whole, log), indent=1)


def _clean(value: Any, log: Log) -> Any:
    if isinstance(value, dict):
        return {key: _clean(one, log) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(one, log) for one in value]
    return log.clean(value) if isinstance(value, str) else value
