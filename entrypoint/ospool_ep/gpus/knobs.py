"""HTCondor's configuration of all that concerns GPUs."""

from ospool_ep.gpus.found import Gpus

RENEWAL = "/usr/libexec/ospool-ep/gpus"
# With the driver's patience no more than a minute, also where it hangs.
PERIOD_S = 45
# Cron jobs of the startd: ours, and HTCondor's own monitor, which `use feature:GPUs` defines.
CRON = "DEVICES GPUs_MONITOR"


def statements(record: str, found: Gpus) -> tuple[str, ...]:
    """What comes before all settings. `record`: the directory of what boot and renewal know."""
    return ("use feature:GPUs", f"include ifexist : {record}/withdrawn") if found.offered else ()


def knobs(record: str, found: Gpus) -> dict[str, str]:
    """Without GPUs nobody looks for any, and the ad says 0.

    The startd is given what condor_gpu_discovery said at boot: asking again it would wait for a driver that hangs by
    then.
    """
    if not found.offered:
        return {"STARTD_DETECT_GPUS": "0", "MACHINE_RESOURCE_GPUs": "0"}
    cron = {
        "MACHINE_RESOURCE_INVENTORY_GPUS": f"/usr/bin/cat {record}/inventory",
        "STARTD_CRON_DEVICES_EXECUTABLE": RENEWAL,
        "STARTD_CRON_DEVICES_ARGS": record,
        "STARTD_CRON_DEVICES_MODE": "Periodic",
        "STARTD_CRON_DEVICES_PERIOD": f"{PERIOD_S}s",
    }
    return cron | ({"STARTD_ENVIRONMENT": f'"LD_LIBRARY_PATH={record}/lib"'} if found.links else {})


def library_path(record: str, found: Gpus) -> str:
    """For jobs that run directly, where the loader does not find the driver; empty where it does."""
    return f"{record}/lib" if found.offered and found.plain else ""
