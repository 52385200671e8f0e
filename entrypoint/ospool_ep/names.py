"""Names that no other pilot has, made from what the site registered."""

import re
from dataclasses import dataclass

# A label of a host name holds 63 characters, a host name 255 (RFC 1035).
_LABEL = 63
_HOST_NAME = 255


@dataclass(frozen=True)
class Names:
    """`machine` is the ad's Machine and the end of every daemon's name; `instance` is unique to this start."""

    machine: str
    instance: str

    @property
    def slot(self) -> str:
        """The name of the partitionable slot in the collector."""
        return f"slot1@{self.instance}@{self.machine}"


def sanitised(resource_name: str) -> str:
    """Letters, digits, dots and dashes only, at most 63; every other run of characters becomes one dash."""
    text = re.sub(r"[^A-Za-z0-9.-]+", "-", resource_name)
    return text.strip(".-")[:_LABEL].strip(".-") or "unnamed"


def choose(resource_name: str, hostname: str, instance: str, randomize: bool) -> Names:
    """The machine name starts with the resource; the instance tells two pilots of one host apart.

    HTCondor's daemons are always named with the instance: two pilots with one host name (`--network host`)
    would otherwise overwrite each other's ads (htcondor.md 9.3).
    """
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", hostname).strip(".-") or "localhost"
    labels = (sanitised(resource_name), *((instance,) if randomize else ()), host)
    return Names(".".join(labels)[:_HOST_NAME].rstrip(".-"), f"ep-{instance}")
