"""Who else knows of the GPUs: nvidia-smi, the kernel's files, /dev, CUDA. Each is asked, and understood, by itself."""

import json
import os
import re
import shutil
import stat
import sys
from pathlib import Path

from gpu.compare import FEWER, MORE, OURS, SAME, Gpu, Source
from ospool_ep.gpus.present import CUDA
from ospool_ep.gpus.seen import Seen
from ospool_ep.machine import Machine, Result

_SMI, _PROC, _CUDA = "nvidia-smi", "/proc/driver/nvidia", "CUDA"
_FIELDS = ("uuid", "name", "memory.total", "compute_cap", "driver_version")
_TIMEOUT_S = 60.0
# CUDA keeps a part of the memory for itself
_CUDA_SLACK = 0.05
_KERNEL_MODULE = re.compile(r"Kernel Module(?: for \S+)? +(\d+[.]\d+(?:[.]\d+)?)")
_INSTANCE = re.compile(r"^\s+MIG .*\(UUID: (MIG-[^)]+)\)", re.MULTILINE)
_HEADER = re.compile(r"CUDA[A-Z ]* Version: *(\d+[.]\d+)")


def everybody(machine: Machine, seen: Seen) -> tuple[Source, ...]:
    """In the order of the report."""
    return (nvidia_smi(machine), proc(machine), nodes(machine, seen), cuda(machine, seen))


def nvidia_smi(machine: Machine) -> Source:
    if shutil.which(_SMI) is None:
        return Source(_SMI, absent="it is not here")
    path = _own()
    query = f"--query-gpu={','.join(_FIELDS)}"
    table = machine.run((_SMI, query, "--format=csv,noheader,nounits"), _TIMEOUT_S, path)
    if table.status != 0:
        return Source(_SMI, absent=_words(table))
    listed = machine.run((_SMI, "-L"), _TIMEOUT_S, path)
    header = machine.run((_SMI,), _TIMEOUT_S, path)
    return smi_says(table.stdout, listed.stdout, header.stdout)


def smi_says(table: str, listed: str, header: str) -> Source:
    """From the query's table, -L (which has the instances) and the plain call (which has CUDA's version)."""
    rows = [[word.strip() for word in line.split(",")] for line in table.splitlines() if line.strip()]
    gpus = [Gpu(row[0], row[1], int(row[2]) if row[2].isdigit() else None, _known(row[3])) for row in rows]
    gpus += [Gpu(uuid) for uuid in _INSTANCE.findall(listed)]
    version = _HEADER.search(header)
    return Source(_SMI, driver=_known(rows[0][4]) if rows else "", cuda=version[1] if version else "", gpus=tuple(gpus))


def _known(word: str) -> str:
    return "" if word.startswith("[") else word


def proc(machine: Machine) -> Source:
    """What the kernel's module says of itself; the GPUs are the host's, and in many containers none is shown."""
    try:
        version = _KERNEL_MODULE.search(machine.text(f"{_PROC}/version"))
    except OSError as error:
        return Source(_PROC, absent=str(error))
    texts = [machine.text(str(path)) for path in sorted(Path(f"{_PROC}/gpus").glob("*/information"))]
    return Source(_PROC, driver=version[1] if version else "", gpus=information(texts) or None, relation=MORE)


def information(texts: list[str]) -> tuple[Gpu, ...]:
    """Of each GPU; before its first use the kernel does not know the UUID, and then it cannot be compared."""
    gpus = []
    for text in texts:
        rows = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
        minor = rows.get("Device Minor", "")
        gpus.append(Gpu(rows.get("GPU UUID", ""), rows.get("Model", ""), minor=int(minor) if minor else None))
    return () if any("?" in one.uuid or not one.uuid for one in gpus) else tuple(gpus)


def nodes(machine: Machine, seen: Seen) -> Source:
    """The numbers of the device files that our probe's minor numbers lead to."""
    name = "/dev"
    paths = {one.uuid: one.node for one in seen.devices if one.node and not one.parent}
    if not paths:
        return Source(name, absent="the driver names no device file")
    return Source(name, gpus=tuple(Gpu(uuid, minor=_minor(path)) for uuid, path in paths.items()), relation=OURS)


def _minor(path: str) -> int:
    """-1 where it is no character device that opens."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC))
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return -1
    return os.minor(found.st_rdev) if stat.S_ISCHR(found.st_mode) else -1


def cuda(machine: Machine, seen: Seen) -> Source:
    """A process of its own lists the devices; where there are instances CUDA shows one alone."""
    library = seen.library(CUDA).path
    if not library:
        return Source(_CUDA, absent=f"{CUDA} does not open")
    program = Path(__file__).with_name("cuda_list.py")
    beside = {"LD_LIBRARY_PATH": library.rpartition("/")[0]}
    result = machine.run((sys.executable, str(program), library), _TIMEOUT_S, beside)
    return cuda_says(result, any(one.mig for one in seen.devices))


def cuda_says(result: Result, divided: bool) -> Source:
    if result.status != 0:
        return Source(_CUDA, absent=_words(result))
    said = json.loads(result.stdout)
    gpus = tuple(Gpu(**one) for one in said["gpus"])
    relation = FEWER if divided else SAME
    return Source(_CUDA, cuda=said["cuda"], gpus=gpus, relation=relation, slack=_CUDA_SLACK)


def clinfo(machine: Machine) -> tuple[str, ...] | None:
    """Names of OpenCL's platforms; None where it is not here."""
    if shutil.which("clinfo") is None:
        return None
    said = machine.run(("clinfo", "-l"), _TIMEOUT_S, _own()).stdout
    return tuple(re.findall(r"^Platform #\d+: (.*)$", said, re.MULTILINE))


def _own() -> dict[str, str]:
    """The site's way to programs of its own and to their libraries."""
    return {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}


def _words(result: Result) -> str:
    lines = f"{result.stdout}\n{result.stderr}".strip().splitlines()
    return f"status {result.status}: {lines[-1] if lines else 'nothing said'}"
