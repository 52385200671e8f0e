"""HTCondor's configuration of all that concerns CVMFS."""

from ospool_ep.cvmfs.record import State

RENEWAL = "/usr/libexec/ospool-ep/cvmfs"
PERIOD_S = 120
# The slot that owns everything has no job left. The master follows a startd that has gone.
_SHUTDOWN = "CVMFS_LOST =?= True && NumDynamicSlots =?= 0"


def knobs(record: str, state: State) -> dict[str, str]:
    """Nothing where there is no CVMFS. `record`: the directory of what boot and renewal know."""
    if not state.source:
        return {}
    cron = {
        "STARTD_CRON_CVMFS_EXECUTABLE": RENEWAL,
        "STARTD_CRON_CVMFS_ARGS": record,
        "STARTD_CRON_CVMFS_MODE": "Periodic",
        "STARTD_CRON_CVMFS_PERIOD": f"{PERIOD_S}s",
    }
    return cron | ({"STARTD.DAEMON_SHUTDOWN": _SHUTDOWN} if state.leave else {})
