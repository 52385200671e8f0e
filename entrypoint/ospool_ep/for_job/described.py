"""The answer for programs: docs/selftest.md describes it."""

from typing import Any

from ospool_ep.for_job.advice import cure
from ospool_ep.for_job.answer import Answer
from ospool_ep.for_job.result import Part, deciding


def described(answer: Answer) -> dict[str, Any]:
    """One object; `matches` is null where the clauses could not be evaluated."""
    return {
        "matches": None if answer.failure else answer.matches,
        "ads": answer.job.ads,
        "notes": list(answer.notes),
        "error": answer.failure,
        "clauses": [
            {
                "of": clause.of,
                "id": clause.id,
                "meaning": clause.meaning,
                "expression": clause.part.text,
                "value": clause.part.truth,
                "because": [_because(part) for part in deciding(clause.part)],
                "cure": cure(clause),
            }
            for clause in answer.clauses
        ],
    }


def _because(part: Part) -> dict[str, Any]:
    attributes = [
        {"name": one.name, "owner": one.owner, "value": one.value, "measured_later": one.later} for one in part.values
    ]
    return {"expression": part.text, "value": part.truth, "attributes": attributes}
