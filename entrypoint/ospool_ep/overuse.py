"""Jobs that use more than their slot has are held, with a reason that their owner understands.

HTCondor's own `use POLICY : HOLD_IF_...` says the same without numbers; its phrases and subcodes (102 memory, 104 disk)
are kept, because users and access points look for them. Where a job has a cgroup of its own the kernel is faster, and
the starter gives the reason.
"""

# DiskUsage and Disk are KB, MemoryUsage and Memory MB. Undefined until a job has been measured; 13 is the VM universe.
_MEMORY = "(JobUniverse =!= 13 && MemoryUsage > Memory) =?= True"
_DISK = "(JobUniverse =!= 13 && DiskUsage > Disk) =?= True"
_OVER = f"{_MEMORY} || {_DISK}"
_MEMORY_REASON = (
    'strcat("memory usage exceeded request_memory: ", MemoryUsage, " MB used, the slot has ", Memory,'
    ' " MB; ask for more with request_memory")'
)
_DISK_REASON = (
    'strcat("disk usage exceeded allocated disk: ", DiskUsage / 1024, " MB used, the slot has ", Disk / 1024,'
    ' " MB; ask for more with request_disk")'
)


KNOBS = {
    # Measured often enough that a job is held before the container or the volume is full
    "STARTER_UPDATE_INTERVAL": "10",
    "PROCD_MAX_SNAPSHOT_INTERVAL": "5",
    "PREEMPT": _OVER,
    "WANT_SUSPEND": "False",
    "MAXJOBRETIREMENTTIME": f"ifThenElse({_OVER}, -1, 0)",
    "WANT_HOLD": _OVER,
    "WANT_HOLD_SUBCODE": f"ifThenElse({_MEMORY}, 102, 104)",
    "WANT_HOLD_REASON": f"ifThenElse({_MEMORY}, {_MEMORY_REASON}, {_DISK_REASON})",
}
