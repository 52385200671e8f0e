"""What our probe says against what others say, in frozen values: nothing here asks a machine."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ospool_ep.gpus.opencl import OpenCL
from ospool_ep.gpus.rows import Row
from ospool_ep.gpus.seen import Device, Seen

# How a source's list of GPUs must relate to ours; OURS: it was made from ours
SAME, MORE, FEWER, OURS = "the same", "at least ours", "at most ours", ""
NVIDIA_PLATFORM = "NVIDIA CUDA"


@dataclass(frozen=True)
class Gpu:
    """A GPU or an instance as somebody else has it; None and empty: they do not say. Memory in MB."""

    uuid: str
    name: str = ""
    memory_mb: int | None = None
    capability: str = ""
    minor: int | None = None


@dataclass(frozen=True)
class Source:
    """`absent`: why it could not be asked. `gpus`: None where it lists none by UUID. `slack`: of memory, as a part."""

    name: str
    driver: str = ""
    cuda: str = ""
    gpus: tuple[Gpu, ...] | None = None
    relation: str = SAME
    slack: float = 0.0
    absent: str = ""


@dataclass(frozen=True)
class Finding:
    """One comparison: what both say. `ok` is None where nothing could be compared, and `theirs` says why."""

    source: str
    what: str
    ours: str
    theirs: str
    ok: bool | None


def compare(seen: Seen, sources: tuple[Source, ...]) -> tuple[Finding, ...]:
    """Each source with the probe."""
    return tuple(finding for source in sources for finding in _source(seen, source))


def _source(seen: Seen, source: Source) -> Iterator[Finding]:
    if source.absent:
        yield Finding(source.name, "everything", "", source.absent, None)
        return
    if seen.failed:
        silent = Finding(source.name, "list of GPUs", f"NVML: {seen.words}", _uuids(source.gpus or ()), None)
        yield replace(silent, ok=False) if source.gpus and source.relation == SAME else silent
        return
    for what, ours, theirs in (("driver", seen.driver, source.driver), ("CUDA version", seen.cuda, source.cuda)):
        if theirs:
            yield Finding(source.name, what, ours, theirs, ours == theirs)
    if source.gpus is not None:
        if source.relation:
            yield _lists(seen, source, source.gpus)
        for theirs_one in source.gpus:
            for device in seen.devices:
                if key(device.uuid) == key(theirs_one.uuid):
                    yield from _gpu(source, device, theirs_one)


def key(uuid: str) -> str:
    """The digits alone: CUDA has no prefixes."""
    return uuid.partition("-")[2].lower()


def _lists(seen: Seen, source: Source, gpus: tuple[Gpu, ...]) -> Finding:
    ours, theirs = ({key(one.uuid) for one in listed if one.uuid} for listed in (seen.devices, gpus))
    good = {SAME: ours == theirs, MORE: ours <= theirs, FEWER: bool(theirs) and theirs <= ours}[source.relation]
    what = f"list of GPUs ({source.relation})"
    return Finding(source.name, what, _uuids(seen.devices), _uuids(gpus), good)


def _uuids(devices: tuple[Device, ...] | tuple[Gpu, ...]) -> str:
    return " ".join(sorted(one.uuid for one in devices if one.uuid)) or "none"


def _gpu(source: Source, ours: Device, theirs: Gpu) -> Iterator[Finding]:
    """What both know of one."""
    for what, mine, other in (
        ("name", ours.name, theirs.name),
        ("capability", ours.capability, theirs.capability),
        ("minor number", ours.minor, theirs.minor),
    ):
        if other not in ("", None):
            yield Finding(source.name, f"{ours.id} {what}", str(mine), str(other), mine == other)
    if theirs.memory_mb is not None:
        distance = abs((ours.memory_mb or 0) - theirs.memory_mb)
        close = distance <= max(1.0, source.slack * theirs.memory_mb)
        yield Finding(source.name, f"{ours.id} memory", f"{ours.memory_mb} MB", f"{theirs.memory_mb} MB", close)


def usable(table: tuple[Row, ...], source: Source) -> tuple[Finding, ...]:
    """There is one that we can use. What CUDA can use we must not find unusable, unless it was not given to us."""
    names = " ".join(row.device.id for row in table if row.usable)
    rows = {key(row.device.uuid): row for row in table if row.id != "gpu-not-granted"}
    both = [rows[key(one.uuid)] for one in source.gpus or () if key(one.uuid) in rows]
    return (
        Finding("the pilot", "GPUs that it can use", names or "none", names or "some", bool(names)),
        *(Finding(source.name, f"{row.device.id} can be used", row.why or "yes", "yes", row.usable) for row in both),
    )


def opencl(found: OpenCL, cuda: Source, platforms: tuple[str, ...] | None) -> tuple[Finding, ...]:
    """`platforms`: as clinfo lists them, None without it."""
    if not found.vendors:
        return (Finding("OpenCL", "vendors", "none", "no file in /etc/OpenCL/vendors", None),)
    findings = [Finding("the loader", one.icd, one.error or "opens", "opens", not one.error) for one in found.vendors]
    if found.stuck or found.loader:
        return (*findings, Finding("libOpenCL.so.1", "platforms", found.stuck or found.loader, "not listed", None))
    counts = dict(found.platforms)
    if cuda.gpus is not None and NVIDIA_PLATFORM in counts:
        ours, theirs = counts[NVIDIA_PLATFORM], len(cuda.gpus)
        findings.append(Finding("CUDA", "devices of its OpenCL platform", str(ours), str(theirs), ours == theirs))
    if platforms is None:
        return (*findings, Finding("clinfo", "platforms", ", ".join(counts), "it is not here", None))
    same = sorted(counts) == sorted(platforms)
    return (*findings, Finding("clinfo", "platforms", ", ".join(counts), ", ".join(platforms), same))


def verdict(findings: tuple[Finding, ...]) -> bool:
    """Something was compared, and nothing differs."""
    said = [one.ok for one in findings if one.ok is not None]
    return bool(said) and all(said)
