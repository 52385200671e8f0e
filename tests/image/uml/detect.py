"""Runs in User-mode Linux: the boot's own checks of capacity, as one line of JSON. Arguments: NAME."""

import json
import sys

from ospool_ep import capacity_checks
from ospool_ep.machine import Machine
from ospool_ep.settings import Settings

machine, settings = Machine(), Settings()
cpus = capacity_checks.cpus(machine, settings).look()
found = (
    cpus,
    capacity_checks.memory(machine, settings).look(),
    capacity_checks.limits(machine, lambda: cpus.value.amount).look(),
    capacity_checks.job_cgroups(machine).look(),
)
lines = {outcome.line.name: outcome.line for outcome in found}
texts = {name: line.text for name, line in lines.items()}
problems = [problem.id for line in lines.values() for problem in line.problems]
print(json.dumps({"case": sys.argv[1], "problems": problems, **texts}))
