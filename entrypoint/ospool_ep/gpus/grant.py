"""Which GPUs were given to this container: NVIDIA_VISIBLE_DEVICES and CUDA_VISIBLE_DEVICES, in all their spellings.

Sources: NVIDIA's documentation of its container runtime and of CUDA's environment variables, Slurm's of GRES.
"""

import re
from dataclasses import dataclass

from ospool_ep.gpus.seen import Device
from ospool_ep.problem import shorten

NVIDIA, CUDA = "NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"
# What a runtime that was told nothing does: whatever is here was put here by other means (CDI, --device).
_SILENT = ("", "void")
_ALL = "all"
# 10000 is HTCondor's word for none, NoDevFiles Slurm's.
_NOTHING = ("none", "na", "n/a", "void", "nodevfiles", "-1", "10000", "")
# CDI's way to name a device: `nvidia.com/gpu=0`.
_CDI = re.compile(r"^[A-Za-z0-9./-]+=")
# The runtime was asked with files there instead of with names.
_FILES = "/var/run/nvidia-container-devices"


@dataclass(frozen=True)
class Grant:
    """What one variable says. `entries`: indexes, `GPU:INSTANCE`, UUIDs or their beginnings; none: no GPU."""

    variable: str
    text: str
    entries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Granted:
    """UUIDs that one variable gives, and its entries that are nothing here."""

    grant: Grant
    uuids: frozenset[str]
    unknown: tuple[str, ...] = ()


def asks(text: str) -> bool:
    """Whether NVIDIA_VISIBLE_DEVICES asks for GPUs: `all`, or some."""
    return text.lower() not in _NOTHING


def nvidia(text: str) -> Grant | None:
    """None where it restricts nothing."""
    words = _words(text)
    if text.lower() in (*_SILENT, _ALL) or text == _FILES or _ALL in map(str.lower, words):
        return None
    return Grant(NVIDIA, shorten(text), () if text.lower() in _NOTHING else words)


def cuda(text: str | None) -> Grant | None:
    """None where it restricts nothing: not set, or `all`. Set and empty gives none.

    CUDA reads up to the first entry that is none (`0,-1,1` gives the first alone).
    """
    if text is None or text.lower() == _ALL:
        return None
    words = () if text.lower() in _NOTHING else _words(text)
    end = next((number for number, word in enumerate(words) if word.lower() in _NOTHING), len(words))
    return Grant(CUDA, shorten(text), words[:end])


def _words(text: str) -> tuple[str, ...]:
    return tuple(shorten(word) for word in (_CDI.sub("", part.strip()) for part in text.split(",")) if word)


def granted(grant: Grant, devices: tuple[Device, ...]) -> Granted:
    """Of the devices that are visible. A GPU that is divided is given with all its instances.

    CUDA ends at the first entry that it does not know.
    """
    names = [(entry, _named(entry, devices)) for entry in grant.entries]
    missing = [entry for entry, uuids in names if uuids is None]
    if grant.variable == CUDA and missing:
        names = names[: names.index((missing[0], None))]
    found = frozenset[str]().union(*(uuids for _, uuids in names if uuids))
    if grant.variable == NVIDIA and missing and all(map(_NUMBER.fullmatch, missing)):
        return _renumbered(grant, devices, found, missing)
    return Granted(grant, found, tuple(missing))


def _renumbered(grant: Grant, devices: tuple[Device, ...], found: frozenset[str], missing: list[str]) -> Granted:
    """NVIDIA_VISIBLE_DEVICES has the host's numbers, and its runtime leaves out all other GPUs: where no more are
    visible than were named by number these are the ones, whatever their numbers are here.
    """
    numbers = {entry.partition(":")[0] for entry in grant.entries if _NUMBER.fullmatch(entry)}
    named = [_named(one, devices) for one in grant.entries if not _NUMBER.fullmatch(one)]
    by_name = frozenset[str]().union(*(uuids for uuids in named if uuids))
    left = [one for one in devices if not one.parent and one.uuid not in by_name]
    if len(left) > len(numbers):
        return Granted(grant, found, tuple(missing))
    whole = {one.uuid for one in left if one.uuid}
    return Granted(grant, found | whole | {one.uuid for one in devices if one.parent in whole})


_NUMBER = re.compile("[0-9]{1,9}(:[0-9]{1,9})?")


def _named(entry: str, devices: tuple[Device, ...]) -> frozenset[str] | None:
    """The UUIDs that an entry stands for: of a GPU and of its instances, or of one instance. None where it is nothing
    here; empty where it is a GPU that does not even say its UUID.
    """
    if _NUMBER.fullmatch(entry):
        return _numbered(entry, devices)
    if not entry.upper().startswith(("GPU-", "MIG-")):
        return None
    alike = {one.uuid for one in devices if one.uuid.lower().startswith(entry.lower())}
    return frozenset(alike | {one.uuid for one in devices if one.parent in alike}) if len(alike) == 1 else None


def _numbered(entry: str, devices: tuple[Device, ...]) -> frozenset[str] | None:
    gpu, colon, part = entry.partition(":")
    meant = [one for one in devices if not one.parent and one.index == int(gpu)]
    whole = {one.uuid for one in meant if one.uuid}
    parts = {one.uuid for one in devices if one.parent in whole and (not colon or one.index == int(part))}
    if not meant or (colon and not parts):
        return None
    return frozenset(parts if colon else whole | parts)
