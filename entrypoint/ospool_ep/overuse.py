"""Jobs that use more than their slot has are held, with a reason that their owner understands.

HTCondor's own `use POLICY : HOLD_IF_...` says the same without numbers, and believes what the job ad brings along from
other machines; its phrases and subcodes (102 memory, 104 disk) are kept, because users and access points look for them.
"""

# Only the starter's reports set JobState: before the first, usage is an earlier run's, elsewhere. 13: VM universe.
_MEASURED = "JobUniverse =!= 13 && TARGET.JobState =!= undefined"
# DiskUsage and Disk are KB, MemoryUsage and Memory MB.
_MEMORY = f"({_MEASURED} && MemoryUsage > Memory) =?= True"
_DISK = f"({_MEASURED} && DiskUsage > Disk) =?= True"
_OVER = f"{_MEMORY} || {_DISK}"
_MEMORY_REASON = (
    'strcat("memory usage exceeded request_memory: ", int(ceiling(MemoryUsage)), " MB used, the slot has ", Memory,'
    ' " MB; ask for more with request_memory")'
)
_DISK_REASON = (
    'strcat("disk usage exceeded allocated disk: ", int(ceiling(DiskUsage / 1024.0)), " MB used, the slot has ",'
    ' Disk / 1024, " MB; ask for more with request_disk")'
)
# Memory that processes share counts once (PSS), as it would in a cgroup. Reading it costs 15 ms per GB: hence not more
# often. In a cgroup the kernel counts, and the starter reports no PSS.
_SAMPLED = {
    "USE_PSS": "True",
    "MEMORY_USAGE_METRIC": "((ProportionalSetSizeKb ?: ResidentSetSize) + 1023) / 1024",
    "PROCD_MAX_SNAPSHOT_INTERVAL": "10",
}


def knobs(job_cgroups: bool) -> dict[str, str]:
    """HTCondor's settings. Usage is reported often enough that a job is held before the container is full."""
    return ({} if job_cgroups else _SAMPLED) | {
        "STARTER_UPDATE_INTERVAL": "10",
        "PREEMPT": _OVER,
        "WANT_SUSPEND": "False",
        "MAXJOBRETIREMENTTIME": f"ifThenElse({_OVER}, -1, 0)",
        "WANT_HOLD": _OVER,
        "WANT_HOLD_SUBCODE": f"ifThenElse({_MEMORY}, 102, 104)",
        "WANT_HOLD_REASON": f"ifThenElse({_MEMORY}, {_MEMORY_REASON}, {_DISK_REASON})",
    }
