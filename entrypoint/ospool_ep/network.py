"""Is there a network? What is reachable over it, the daemons find out themselves."""

from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem

_INTERFACES = "/sys/class/net"


def look(machine: Machine) -> tuple[str, ...] | None:
    """Names of the network interfaces but for the loopback; None where the kernel does not show them."""
    names = tuple(entry.name for entry in machine.list(_INTERFACES))
    return tuple(name for name in names if name != "lo") if names else None


def judge(interfaces: tuple[str, ...] | None) -> tuple[Problem, ...]:
    """A pilot without one can talk to nobody."""
    if interfaces is None or interfaces:
        return ()
    why = "the pilot reaches no pool, and HTCondor's programs wait for an address"
    return (Problem("network-missing", "the container has no network", why, "leave out --network none", Exit.UNFIT),)
