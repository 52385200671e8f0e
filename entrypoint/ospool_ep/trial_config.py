"""The configuration that a boot would write, tried: written where nobody looks, read back, removed."""

import shutil
import tempfile
from pathlib import Path

from ospool_ep import condor_config, config_check, instance, pilot, scratch
from ospool_ep.check import Check, Outcome
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan
from ospool_ep.problem import exit_code
from ospool_ep.report import Line

# The pilot's own directory of the image, and what may be writable where the root is not.
_PLACES = ("/run/ospool-ep", "/run", "/dev/shm", "/tmp", scratch.PATH)
_NOWHERE = f"no directory to write it to: none of {', '.join(_PLACES)} is writable"


def check(machine: Machine, plan: Plan) -> Check[None]:
    """The same problems as at boot."""

    def look() -> Outcome[None]:
        if exit_code(plan.problems):
            return Outcome(None, Line("config", "", absent="a pilot would not start with these options"))
        return Outcome(None, _tried(machine, plan))

    return Check("config", look, None)


def _tried(machine: Machine, plan: Plan) -> Line:
    place = instance.plan(machine, scratch.PATH, plan.names.instance)
    values = pilot.describe(plan, place, pilot.log_target(), plan.delegation.directory is not None)
    path = _written(machine, condor_config.render(values))
    if path is None:
        return Line("config", "", absent=_NOWHERE)
    try:
        knobs = condor_config.knobs(values)
        problems = config_check.differences(machine, str(path), knobs)
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)
    return Line("config", "" if problems else f"{len(knobs)} settings: HTCondor reads what is meant", problems)


def _written(machine: Machine, text: str) -> Path | None:
    """In a private directory, which is the caller's to remove."""
    for place in _PLACES:
        directory = ""
        try:
            directory = tempfile.mkdtemp(prefix="selftest-", dir=machine.path(place))
            path = Path(directory, "condor_config")
            path.write_text(text, encoding="utf-8")
        except OSError:
            shutil.rmtree(directory, ignore_errors=True)
            continue
        return path
    return None
