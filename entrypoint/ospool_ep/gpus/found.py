"""What is known of GPUs in the end. Light: a machine that has none reads nothing else."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ospool_ep.gpus.rows import Row
    from ospool_ep.gpus.seen import Device

# Of the renewal's record, below the pilot's private directory.
DIRECTORY = "gpus"


@dataclass(frozen=True)
class Gpus:
    """The table, and what is needed to use it. `inventory`: what HTCondor's own program says of them, for the startd;
    `contained`: job containers were tested with these GPUs. `note` and `opencl` are for people, `comment` is for the ad
    (what is wrong with the driver as a whole).

    `files`: the driver's libraries, name to path. `links`: HTCondor needs a directory of links to them; `plain`: so do
    jobs that run directly. `bound`: what Apptainer must be told to bind.
    """

    table: "tuple[Row, ...]" = ()
    version: str = ""
    cuda: str = ""
    directories: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    links: bool = False
    plain: bool = False
    bound: tuple[str, ...] = ()
    inventory: str = ""
    contained: bool = False
    note: str = ""
    comment: str = ""
    opencl: str = ""

    @property
    def offered(self) -> "tuple[Device, ...]":
        """Granted, enumerated, openable, known to CUDA and to HTCondor, and usable in a job's container."""
        return tuple(row.device for row in self.table if row.usable)


def summary(found: Gpus) -> str:
    """One line for people; empty where there is nothing to say."""
    parts = [_count(found) if found.table else found.note]
    if found.offered:
        parts.append(f"driver {found.version}" + (f", CUDA {found.cuda}" if found.cuda else ""))
    return "; ".join(filter(None, (*parts, found.opencl)))


def _count(found: Gpus) -> str:
    kinds: dict[str, int] = {}
    for device in found.offered:
        kinds[device.name] = kinds.get(device.name, 0) + 1
    names = ", ".join(name if count == 1 else f"{count} x {name}" for name, count in kinds.items())
    return f"{len(found.offered)} of {len(found.table)} offered" + (f": {names}" if names else "")
