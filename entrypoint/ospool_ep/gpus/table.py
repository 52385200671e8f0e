"""The GPUs for people: what each is, who can use it, and why not."""

from ospool_ep.columns import aligned
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.rows import Row
from ospool_ep.gpus.seen import Device

_HEAD = ("index", "name", "UUID", "memory", "capability", "HTCondor", "job container", "why not")
# The same for programs.
NAMES = ("index", "name", "uuid", "memory", "capability", "htcondor", "job_container", "why_not")
_NOT_INSIDE = "gpu-job-container"


def rows(found: Gpus) -> tuple[tuple[str, ...], ...]:
    """One for each GPU."""
    return tuple(_cells(row, found) for row in found.table)


def text(found: Gpus, width: int | None = None) -> str:
    """For people; empty where there is none. One below the other where a row would be wider than `width`."""
    if not found.table:
        return ""
    cells = [_HEAD, *rows(found)]
    lines = aligned(cells)
    too_wide = width is not None and max(map(len, lines)) > width
    return "\n\n".join(map(_upright, cells[1:])) if too_wide else "\n".join(lines)


def _upright(row: tuple[str, ...]) -> str:
    """One GPU, a line for each column that says something."""
    wide = max(map(len, _HEAD))
    return "\n".join(f"  {name:<{wide}}  {cell}" for name, cell in zip(_HEAD, row, strict=True) if cell)


def _cells(row: Row, found: Gpus) -> tuple[str, ...]:
    device = row.device
    memory = "?" if device.memory_mb is None else f"{device.memory_mb} MB"
    known = (device.name or "?", device.uuid or "?", memory, device.capability or "?")
    htcondor = row.usable or row.id == _NOT_INSIDE
    contained = "not tested" if row.usable and not found.contained else _word(row.usable)
    return (_index(device), *known, _word(htcondor), contained, row.why)


def _index(device: Device) -> str:
    """As NVIDIA_VISIBLE_DEVICES would name it: an instance with its GPU before it."""
    return str(device.index) if device.of is None else f"{device.of}:{device.index}"


def _word(yes: bool) -> str:
    return "yes" if yes else "no"
