"""GPUs at boot. Where there are none everything else of this package stays unread: it would double the time."""

from ospool_ep.containers.verdict import Ability
from ospool_ep.gpus import present
from ospool_ep.gpus.found import Gpus
from ospool_ep.machine import Machine
from ospool_ep.problem import Problem
from ospool_ep.settings import Settings

_NOT_GIVEN = "none given to this container, though the host has NVIDIA's driver (docker run --gpus all)"


def look(machine: Machine, settings: Settings) -> tuple[Gpus, tuple[Problem, ...]]:
    """All but the test in a job's container."""
    there = present.look(machine, settings.library_path)
    if not (there.worth_asking or there.vendors or settings.nvidia_visible):
        return Gpus(note=_NOT_GIVEN if there.module else ""), ()
    from ospool_ep.gpus import examine

    return examine.examine(machine, settings, there)


def contained(machine: Machine, found: Gpus, able: Ability, binds: tuple[str, ...]) -> tuple[Gpus, tuple[Problem, ...]]:
    """Test in a container what jobs will get in theirs.

    Where no containers are run at all jobs find their GPUs without.
    """
    if not found.offered or not able.usable:
        return found, ()
    from ospool_ep.gpus import inside

    return inside.tested(machine, found, able, binds)


def attributes(found: Gpus) -> dict[str, str]:
    """The pilot's own words on them for the machine ad; all others are HTCondor's."""
    if not (found.table or found.comment):
        return {}
    from ospool_ep.gpus import published

    return published.attributes(published.state(found))
