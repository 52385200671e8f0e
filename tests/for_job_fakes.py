"""Jobs, a plan, and a machine on which the child that evaluates really runs."""

import dataclasses
import sys
import time
from pathlib import Path

from fakes import GOOD, CannedMachine, changed, jwt, machine, put
from ospool_ep import machine as doors
from ospool_ep import preflight
from ospool_ep.for_job import answer as answers
from ospool_ep.for_job import assume, job, slot
from ospool_ep.machine import Result

ADS = Path(__file__).parent / "job_ads"
NAMES = sorted(path.stem for path in ADS.glob("*.ad"))
VERSION = "$CondorVersion: 25.14.1 2026-10-16 PackageID: 25.14.1+dfsg-1 $\n$CondorPlatform: X86_64-Debian_ $\n"
SYSTEM = (
    ("condor_config_val ARCH", Result(0, "X86_64\nLINUX\n2\n24105\n", "")),
    ("condor_version", Result(0, VERSION, "")),
)


class Evaluating(CannedMachine):
    """Programs of the image are canned; Python runs."""

    def run(self, argv, timeout, env=None):
        if argv[0] == sys.executable:
            return doors.run(argv, timeout, env, self.inherited)
        return super().run(argv, timeout, env)


WELL = changed(*SYSTEM)


def here(root, answers=WELL, **changes):
    base = machine(root, answers=answers, **({"now": int(time.time())} | changes))
    return Evaluating(**{field.name: getattr(base, field.name) for field in dataclasses.fields(base)})


def plan(root, environ=None, attributes=None, **changes):
    """What a pilot would be here and now; `attributes`: said otherwise. The scratch volume has 100 GB."""
    put(root, "/etc/condor/tokens-orig.d/flock", jwt(exp=int(time.time()) + 9999, iat=1))
    found = preflight.preflight(here(root, **changes), GOOD | (environ or {}), "0123abcd")
    return dataclasses.replace(found, attributes=found.attributes | (attributes or {}))


def sizes(cpus=2, memory=16000, disk=100 << 20, gpus=0):
    """Of the slot, whatever the machine of the tests has."""
    amounts = {"Cpus": cpus, "Memory": memory, "Disk": disk, "GPUs": gpus}
    return {name: str(amount) for name, amount in amounts.items()}


def captured(name, changes=None):
    """A job of a queue; a change to None takes an attribute away."""
    found = job.job((ADS / f"{name}.ad").read_bytes())
    kept = found.attributes | (changes or {})
    return dataclasses.replace(found, attributes={name: text for name, text in kept.items() if text is not None})


def few(*lines):
    return assume.completed(job.job("\n".join(lines).encode()))


def answer(root, asked, environ=None, attributes=None, **changes):
    here_and_now = plan(root, environ, sizes() | (attributes or {}), **changes)
    return answers.answer(here(root, **changes), here_and_now, asked)


def ad(root, environ=None, attributes=None):
    """Of the slot."""
    return slot.attributes(here(root), plan(root, environ, sizes() | (attributes or {})))


def wrong(found):
    """Ids of START and size, texts of Requirements."""
    return [clause.id if clause.meaning else clause.part.text for clause in found.wrong]
