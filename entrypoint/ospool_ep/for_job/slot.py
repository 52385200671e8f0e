"""The ad that this pilot would send: its own attributes, and what HTCondor adds to them (seen of 25.14.1).

tests/image/test_selftest_job.py compares it with the ad of a pilot that runs.
"""

import contextlib
import re
from collections.abc import Iterator

from ospool_ep import classads, policy, scratch
from ospool_ep.containers.record import BELIEVED
from ospool_ep.for_job import gpu_ads
from ospool_ep.machine import Machine
from ospool_ep.preflight import Plan

_TIMEOUT_S = 5.0
# What only a startd that runs can say, in lower case.
LATER = frozenset((
    "acceptedwhiledraining", "activationrequests", "addressv1", "authenticatedidentity", "authenticationmethod",
    "canhibernate", "claimrequests", "clockday", "clockmin", "collector_host_string", "condorloadavg",
    "condorscratchdir", "consoleidle", "cpubusy", "daemoncoredutycycle", "daemonlastreconfigtime",
    "daemonstarttime", "detecteddisk", "enteredcurrentactivity", "enteredcurrentstate", "executevolume",
    "hardwareaddress", "hascommonfilestransfer", "hasrotationalscratch", "hassshd", "hibernationlevel",
    "hibernationstate", "islocalstartd", "iswakeable", "keyboardidle", "kflops", "lastbenchmark", "lastheardfrom",
    "lastupdate", "machinemaxvacatetime", "mappingmethod", "mips", "monitorselfage", "monitorselfcpuusage",
    "monitorselfimagesize", "monitorselftime", "monitorselfresidentsetsize", "myaddress", "mycurrenttime",
    "numpids", "startdipaddr", "starterabilitylist", "subnetmask", "timetolive", "totalcondorloadavg",
    "totalloadavg", "totaltimeunclaimedidle", "totalvirtualmemory", "updatesequencenumber", "updatestotal",
    "virtualmemory",
))  # fmt: skip
_ABILITIES = (
    "HasFileTransfer", "HasReconnect", "HasJobDeferral", "HasTDP", "HasIOProxy", "HasPerFileEncryption", "HasOsUser",
    "HasTransferInputRemaps", "HasSelfCheckpointTransfers", "HasJobTransferPlugins", "HasJICLocalConfig",
    "HasJICLocalStdin", "HasStartDaemonAd", "HasJobNetworking",
)  # fmt: skip
# Of the plugins that HTCondor brings.
_TRANSFER = "box,data,dav,davs,file,ftp,gdrive,http,https,onedrive,s3,gs"
_FEATURES = ("ssse3", "sse4_1", "sse4_2", "avx", "avx2", "avx512f", "avx512dq", "avx512_vnni")
# Of the x86-64 psABI: what the levels 2, 3 and 4 need more than the one before.
_LEVELS = (
    ("cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"),
    ("abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"),
    ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"),
)


def attributes(machine: Machine, plan: Plan) -> dict[str, str]:
    """Attribute name to ClassAd text."""
    standing = {
        "MyType": '"Machine"', "State": '"Unclaimed"', "Activity": '"Idle"', "PartitionableSlot": "True",
        "SlotType": '"Partitionable"', "SlotTypeID": "1", "SlotID": "1", "TotalSlots": "1", "NumDynamicSlots": "0",
        "SlotWeight": "Cpus", "CurrentRank": "0.0", "JobStarts": "0",
        "Start": policy.start(plan.settings), "Rank": policy.RANK,
    }  # fmt: skip
    return (
        standing
        | _names(plan)
        | _size(machine, plan)
        | _system(machine)
        | _abilities(plan)
        | dict(_gpus(plan))
        | plan.attributes
    )


def _names(plan: Plan) -> dict[str, str]:
    machine = classads.quote(plan.names.machine)
    return {
        "Machine": machine, "UidDomain": machine, "FileSystemDomain": machine, "Name": classads.quote(plan.names.slot),
    }  # fmt: skip


def _size(machine: Machine, plan: Plan) -> dict[str, str]:
    """What no job has taken a share of yet."""
    kept_mb = scratch.RESERVE_MB + plan.setup.cache_mb + plan.cvmfs.reserved_mb
    disk_kb = max(0, (scratch.look(machine).free_mb - kept_mb) << 10)
    amounts = {"Cpus": plan.cpus, "Memory": plan.memory_mb, "Disk": disk_kb}
    load = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        # HTCondor gives a slot no more of the load than it has CPUs
        load["LoadAvg"] = str(min(float(plan.cpus), float(machine.text("/proc/loadavg").split()[0])))
    return load | {
        f"{prefix}{name}": str(amount) for name, amount in amounts.items() for prefix in ("", "Total", "TotalSlot")
    }


def _system(machine: Machine) -> dict[str, str]:
    """HTCondor's own words where they are cheap."""
    names = ("ARCH", "OPSYS", "DETECTED_CPUS", "DETECTED_MEMORY")
    said = machine.run(("condor_config_val", *names), _TIMEOUT_S, {"CONDOR_CONFIG": "ONLY_ENV"}).stdout.split("\n")
    told = dict(zip(("Arch", "OpSys", "DetectedCpus", "DetectedMemory"), said, strict=False))
    found = {name: text if text.isdigit() else classads.told(text) for name, text in told.items() if text}
    version = machine.run(("condor_version",), _TIMEOUT_S).stdout.split("\n")
    for name, line in zip(("CondorVersion", "CondorPlatform"), version, strict=False):
        if line:
            found[name] = '"' + line.replace('"', "'") + '"'
    return found | dict(_distribution(machine)) | dict(_processor(machine))


def _distribution(machine: Machine) -> Iterator[tuple[str, str]]:
    """Of the image: jobs in containers see their own."""
    with contextlib.suppress(OSError):
        pairs = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', machine.text("/etc/os-release"), re.MULTILINE))
        name, major = pairs.get("NAME", "").split(" ")[0], pairs.get("VERSION_ID", "0").split(".")[0]
        yield "OpSysName", classads.told(name)
        yield "OpSysShortName", classads.told(name)
        yield "OpSysAndVer", classads.told(f"{name}{major}")
        yield "OpSysLongName", classads.told(pairs.get("PRETTY_NAME", ""))
        yield "OpSysLegacy", '"LINUX"'
        if major != "0":
            yield "OpSysMajorVer", major


def _processor(machine: Machine) -> Iterator[tuple[str, str]]:
    """Of the first one."""
    with contextlib.suppress(OSError):
        first = machine.text("/proc/cpuinfo").split("\n\n")[0]
        said = dict(re.findall(r"^([^\t:\n]+?)\s*: (.*)$", first, re.MULTILINE))
        for name, label in (("CpuFamily", "cpu family"), ("CpuModelNumber", "model"), ("CpuCacheSize", "cache size")):
            if match := re.match(r"\d+", said.get(label, "")):
                yield name, match[0]
        flags = frozenset(said.get("flags", "").split())
        yield from ((f"has_{feature}", "True") for feature in _FEATURES if feature in flags)
        level = next(
            (number for number, needs in enumerate(_LEVELS, 1) if not flags.issuperset(needs)), len(_LEVELS) + 1
        )
        if flags:
            yield "Microarch", classads.quote(f"x86_64-v{level}")


def _abilities(plan: Plan) -> dict[str, str]:
    """Of starter and Apptainer: HTCondor's test and ours have the same answer."""
    usable = plan.state.containers >= BELIEVED
    containers = ("HasSingularity", "HasContainer", "HasSandboxImage", "HasDockerURL", "HasUserNamespaces")
    found = dict.fromkeys(_ABILITIES, "True") | {"HasVM": "False"}
    found["HasFileTransferPluginMethods"] = classads.quote(_TRANSFER)
    if usable:
        found |= dict.fromkeys(containers, "True")
        found |= {"HasPidNamespaces": str(plan.setup.pid_namespaces)}
        found |= {"HasSIF": "True"} if plan.state.sif >= BELIEVED else {}
    return found | ({} if usable else {"HasSingularity": "False"})


def _gpus(plan: Plan) -> Iterator[tuple[str, str]]:
    for name in ("GPUs", "TotalGPUs", "TotalSlotGPUs", "DetectedGPUs"):
        yield name, str(len(plan.gpus.offered))
    if plan.gpus.offered:
        yield from gpu_ads.attributes(plan.gpus.inventory)
