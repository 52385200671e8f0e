"""The process that evaluates: somebody's expressions can take a machine's memory, or for ever (strcat of strcat ...).

Gets a file descriptor with the question as JSON; prints the answer.
"""

import dataclasses
import json
import os
import resource
import sys

from ospool_ep.for_job.result import JOB, SLOT
from ospool_ep.for_job.weigh import sides, weigh

_MEMORY_BYTES = 1 << 30
_CPU_S = 10


def main() -> None:
    """Runs to its end, or is killed."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(int(sys.argv[1]), "rb") as file:
        file.seek(0)
        asked = json.load(file)
    later = frozenset(asked["later"])
    seen = {owner: sides(owner, asked["slot"], asked["job"], later) for owner in (SLOT, JOB)}
    answers = [dataclasses.asdict(weigh(text, seen[owner])) for owner, text in asked["clauses"]]
    print(json.dumps(answers))
