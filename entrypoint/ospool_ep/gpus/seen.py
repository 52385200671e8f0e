"""What the driver has said, in frozen values, and the question to it."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ospool_ep.gpus import look
from ospool_ep.machine import TIMED_OUT, Machine

# A driver that nobody has used for a while starts its devices first: a few seconds each.
PATIENCE_S = 15.0
_PROGRAM = Path(look.__file__)
# CUDA starts no device without it.
UVM = "/dev/nvidia-uvm"


@dataclass(frozen=True)
class Library:
    """A library of the driver's. `found`: by the loader itself; `path` is empty where there is none."""

    name: str
    path: str = ""
    found: bool = False
    error: str = ""


@dataclass(frozen=True)
class Device:
    """A GPU, or a part of one (MIG: `parent` is its GPU's UUID, `of` its index; `index` counts there). MB.

    `mig`: a GPU that can be used through its parts alone; `minor` tells its node in /dev; `failed` and `words` are
    NVML's (0: it knows everything that it was asked).
    """

    index: int
    uuid: str = ""
    name: str = ""
    memory_mb: int | None = None
    capability: str = ""
    minor: int | None = None
    mig: bool = False
    parent: str = ""
    of: int | None = None
    failed: int = 0
    words: str = ""

    @property
    def id(self) -> str:
        """HTCondor's name for it: the first eight digits of a GPU, the whole of an instance."""
        return self.uuid if self.uuid.startswith("MIG-") else self.uuid[: len("GPU-") + 8]

    @property
    def node(self) -> str:
        """What a program must open to use it; empty where the driver has no such files (WSL)."""
        return "" if self.minor is None else f"/dev/nvidia{self.minor}"


@dataclass(frozen=True)
class Seen:
    """`nodes`: the driver's files in /dev, each with the errno's name of an attempt to open it (empty: it opens).

    `failed`: NVML's code where it gave none at all (0: it works). `stuck`: what it was about when it did not come
    back; empty where it did.
    """

    libraries: tuple[Library, ...] = ()
    driver: str = ""
    cuda: str = ""
    devices: tuple[Device, ...] = ()
    nodes: tuple[tuple[str, str], ...] = ()
    failed: int = 0
    words: str = ""
    stuck: str = ""

    def library(self, name: str) -> Library:
        """By its name."""
        return next((one for one in self.libraries if one.name == name), Library(name))

    def closed(self, device: Device) -> tuple[str, str]:
        """The node that keeps programs from a device, and the name of its errno; empty ones where none does."""
        nodes = dict(self.nodes)
        own = nodes.get(device.node, "ENOENT") if device.node else ""
        return (device.node, own) if own else (UVM, nodes[UVM]) if nodes.get(UVM) else ("", "")


def ask(machine: Machine, directories: tuple[str, ...], patience_s: float = PATIENCE_S) -> Seen:
    """Ask the driver. `directories`: where its libraries lie, if the loader does not know them."""
    result = machine.run(("python3", "-I", str(_PROGRAM), *directories), patience_s)
    seen = understood(result.stdout)
    if result.status == TIMED_OUT:
        return dataclasses.replace(seen, stuck=seen.stuck or "starting")
    if result.status == 0:
        return dataclasses.replace(seen, stuck="")
    # A library can end the process it is loaded into
    words = result.stderr.strip()[-300:] or f"status {result.status}"
    return dataclasses.replace(seen, stuck="", failed=-1, words=f"{seen.stuck}: {words}")


def told(stdout: str) -> list[dict[str, Any]]:
    """The lines of one of our programs. Half a line was cut off; a library may print what it likes."""
    found = []
    for line in stdout.splitlines():
        with suppress(ValueError, RecursionError):
            found.append(json.loads(line))
    return [one for one in found if isinstance(one, dict)]


def understood(stdout: str) -> Seen:
    """From what the program has said."""
    return functools.reduce(_with, told(stdout), Seen())


def _with(seen: Seen, said: dict[str, Any]) -> Seen:
    if "doing" in said:
        return dataclasses.replace(seen, stuck=said["doing"])
    if "library" in said:
        one = Library(said["library"], said.get("path", ""), said.get("found", False), said.get("error", ""))
        return dataclasses.replace(seen, libraries=(*seen.libraries, one))
    if "device" in said:
        return dataclasses.replace(seen, devices=(*seen.devices, Device(said.pop("device"), **said)))
    if "instance" in said:
        parent = next((one.uuid for one in seen.devices if one.index == said["of"] and not one.parent), "")
        whole = next((one for one in seen.devices if one.uuid == parent), Device(0))
        return dataclasses.replace(seen, devices=(*seen.devices, _part(whole, said)))
    if "node" in said:
        return dataclasses.replace(seen, nodes=(*seen.nodes, (said["node"], said["error"])))
    known = {"driver", "cuda", "failed", "words"} & said.keys()
    return dataclasses.replace(seen, **{name: said[name] for name in known})


def _part(whole: Device, said: Mapping[str, Any]) -> Device:
    """NVML does not say everything of an instance: the GPU's node is its own, and its capability."""
    return Device(
        index=said["instance"],
        uuid=said["uuid"],
        name=said["name"],
        memory_mb=said["memory_mb"],
        capability=said["capability"] or whole.capability,
        minor=whole.minor,
        parent=whole.uuid,
        of=whole.index,
    )
