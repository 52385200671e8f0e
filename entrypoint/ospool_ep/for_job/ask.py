"""Ask another process to evaluate clauses: whatever is in them, this one goes on."""

import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ospool_ep.for_job.result import ERROR, Part, part
from ospool_ep.machine import TIMED_OUT, Machine

_TIMEOUT_S = 10.0
# Isolated, and with our own package, wherever it lies.
_RUN = "import sys; sys.path.insert(0, {!r}); from ospool_ep.for_job.child import main; main()"


def weighed(
    machine: Machine, slot: Mapping[str, str], job: Mapping[str, str], later: frozenset[str],
    clauses: Sequence[tuple[str, str]],
) -> tuple[tuple[Part, ...], str]:  # fmt: skip
    """Each clause (owner and text) against these ads; and why there is no answer, where there is none."""
    asked = {"slot": dict(slot), "job": dict(job), "later": sorted(later), "clauses": list(clauses)}
    descriptor = os.memfd_create("for-job")
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(json.dumps(asked).encode())
        there = dataclasses.replace(machine, inherited=(*machine.inherited, descriptor))
        command = (sys.executable, "-I", "-c", _RUN.format(str(Path(__file__).parents[2])), str(descriptor))
        result = there.run(command, _TIMEOUT_S)
    finally:
        os.close(descriptor)
    try:
        return tuple(map(part, json.loads(result.stdout))), ""
    except (ValueError, RecursionError):
        late = f"no answer within {_TIMEOUT_S:g} s"
        why = late if result.status == TIMED_OUT else result.stderr.strip() or f"it ended with status {result.status}"
        return tuple(Part(text, ERROR) for _, text in clauses), why
