"""Read the written configuration back with HTCondor's own code: what it says must be what was meant."""

from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem

# A circular macro makes the reader spin for ever.
_TIMEOUT_S = 20.0


def differences(machine: Machine, path: str, meant: dict[str, str]) -> tuple[Problem, ...]:
    """Ask condor_config_val for every knob of the file at `path`."""
    names = tuple(meant)
    result = machine.run(("condor_config_val", *names), _TIMEOUT_S, {"CONDOR_CONFIG": path})
    said = result.stdout.split("\n")
    if result.status != 0 or len(said) < len(names):
        return (_refused(result.stderr.strip() or result.stdout.strip()[-500:]),)
    wrong = [(name, text) for name, text in zip(names, said, strict=False) if text.strip() != meant[name].strip()]
    return tuple(_different(name, meant[name], text) for name, text in wrong)


def _refused(error: str) -> Problem:
    why = "HTCondor cannot read the configuration that this pilot wrote"
    return Problem(
        "config-unreadable", "condor_config_val refuses the written configuration", why, _REPORT, Exit.BUG, error
    )


_REPORT = "this is our bug: please report it with the output of --print-config (it holds no secret)"


def _different(name: str, meant: str, said: str) -> Problem:
    found = f"{name} reads back as\n{said}\nbut was meant to be\n{meant}"
    return Problem("config-different", found, "HTCondor would do something else than was checked", _REPORT, Exit.BUG)
