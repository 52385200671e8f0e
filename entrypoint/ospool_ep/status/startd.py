"""Ask the pilot's own startd for its slots, not the pool."""

import re

from ospool_ep import policy
from ospool_ep.machine import Machine
from ospool_ep.settings import Settings
from ospool_ep.status import ads
from ospool_ep.status.found import Amount, Job, Slot
from ospool_ep.status.place import Place, Unknown

TIMEOUT_S = 4.0
# Clauses of START that do not depend on the job
_OWN = ("accepting", "validated", "black-hole", "load", "cvmfs-lost")
_COMMENTS = ("SINGULARITY_COMMENT", "CVMFS_COMMENT", "GPUS_COMMENT")
_ATTRIBUTES = (
    *("Name", "SlotType", "State", "Activity", "Cpus", "Memory", "Disk", "GPUs", "TotalSlotCpus", "TotalSlotMemory"),
    *("TotalSlotDisk", "TotalSlotGPUs", "DaemonStartTime", "Mips", "JobStarts", "NumDynamicSlots"),
    *("NumDynamicSlotsTime", "ACCEPT_IDLE_MINUTES", "GLIDEIN_ToRetire", "GLIDEIN_ToDie", "JobId", "JobStart"),
    *("RemoteProject", *_COMMENTS, "OSG_NODE_VALIDATED", "IsBlackHole", "RecentJobDurationCount"),
    *("RecentJobDurationAvg", "HasExcessiveLoad", "LoadAvg", "DetectedCpus", "CVMFS_LOST"),
)
_ADDRESS = re.compile(r"<([^<>?]+)[?][^<>]*?\b(sock=[^&<>]+)[^<>]*>")


class NotThere(Unknown):
    """The startd has not begun yet, or has gone."""


def ask(machine: Machine, place: Place) -> tuple[Slot, tuple[Job, ...]]:
    """The partitionable slot, and the jobs in its dynamic slots. Raises NotThere or Unknown."""
    where = _address(machine, place)
    command = ("condor_status", "-direct", where, "-long", "-attributes", ",".join(_ATTRIBUTES))
    said = machine.run(command, TIMEOUT_S, place.environment)
    if said.status != 0:
        raise Unknown(f"condor_startd does not answer: {cause(said.stderr)}")
    try:
        return read(said.stdout)
    except ValueError as error:
        raise Unknown(f"the answer of condor_startd cannot be read: {error}") from error


def _address(machine: Machine, place: Place) -> str:
    """Its port on this machine: with all that is in the file, programs may go by way of the CCB."""
    try:
        said = machine.text(f"{place.log}/.startd_address")
    except FileNotFoundError as error:
        raise NotThere("condor_startd is not up") from error
    except OSError as error:
        raise Unknown(f"the address of condor_startd cannot be read: {error}") from error
    found = _ADDRESS.match(said)
    return f"<{found[1]}?{found[2]}>" if found else said.partition("\n")[0]


def cause(stderr: str) -> str:
    """The first words of an HTCondor program's error; what follows is advice for others."""
    rows = [row.strip() for row in stderr.splitlines()]
    said = [row for row in rows[: next((n for n, row in enumerate(rows) if row.startswith("Extra Info")), None)] if row]
    known = [row for row in said if re.match(r"[A-Z]+:[0-9]+:", row)]
    return "; ".join(known or said[:2]) or "it gives no reason"


def read(text: str) -> tuple[Slot, tuple[Job, ...]]:
    """From what condor_status prints. Raises ValueError."""
    found = ads.parse(text)
    whole = next((ad for ad in found if ads.text(ad, "SlotType") == "Partitionable"), None)
    if whole is None:
        raise ValueError("no partitionable slot")
    return _slot(whole), tuple(_job(ad) for ad in found if ads.text(ad, "SlotType") == "Dynamic")


def _slot(ad: ads.Ad) -> Slot:
    idle = ads.number(ad, "NumDynamicSlotsTime") if not ads.number(ad, "NumDynamicSlots") else 0
    minutes = ads.number(ad, "ACCEPT_IDLE_MINUTES")
    return Slot(
        cpus=Amount(ads.number(ad, "Cpus"), ads.number(ad, "TotalSlotCpus")),
        memory_mb=Amount(ads.number(ad, "Memory"), ads.number(ad, "TotalSlotMemory")),
        disk_mb=Amount(ads.number(ad, "Disk") >> 10, ads.number(ad, "TotalSlotDisk") >> 10),
        gpus=Amount(ads.number(ad, "GPUs"), ads.number(ad, "TotalSlotGPUs")),
        started=ads.number(ad, "DaemonStartTime"),
        mips=ads.number(ad, "Mips"),
        jobs_started=ads.number(ad, "JobStarts"),
        idle_since=idle,
        leaves_idle=idle + 60 * minutes if idle and minutes else 0,
        accepts_until=ads.number(ad, "GLIDEIN_ToRetire"),
        leaves=ads.number(ad, "GLIDEIN_ToDie"),
        refuses=_refuses(ad),
        comments=tuple(filter(None, (ads.text(ad, name) for name in _COMMENTS))),
    )


def _refuses(ad: ads.Ad) -> tuple[str, ...]:
    return tuple(one.id for one in policy.clauses(Settings()) if one.id in _OWN and ads.false(ad, one.text))


def _job(ad: ads.Ad) -> Job:
    return Job(
        id=ads.text(ad, "JobId"),
        project=ads.text(ad, "RemoteProject"),
        slot=ads.text(ad, "Name").partition("@")[0],
        state=ads.text(ad, "State"),
        activity=ads.text(ad, "Activity"),
        started=ads.number(ad, "JobStart"),
        cpus=ads.number(ad, "Cpus"),
        memory_mb=ads.number(ad, "Memory"),
        disk_mb=ads.number(ad, "Disk") >> 10,
        gpus=ads.number(ad, "GPUs"),
    )
