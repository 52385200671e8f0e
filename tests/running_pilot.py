"""A container in which a pilot runs, as a temporary root; HTCondor's programs answer as they did beside a real one."""

import os
from pathlib import Path

import fakes
from ospool_ep.machine import Result

CAPTURES = Path(__file__).parent / "captures/status"
NAME = "ep-49deaefc@demo-ep.7e245a18c085"
HOME, PRIVATE = "/pilot/ep-49deaefc", "/run/ospool-ep/ep-49deaefc"
BUSY = (CAPTURES / "busy.txt").read_text()
REFUSED = (CAPTURES / "refused.txt").read_text()
IDLE = BUSY.partition("\n\n")[0].replace("NumDynamicSlots = 1", "NumDynamicSlots = 0") + "\n\n"
ADDRESS = (
    "<192.0.2.3:38455?CCBID=192.0.2.2:9618%3faddrs%3d192.0.2.2-9618%26sock%3dcollector#1&PrivNet=demo-ep.7e245a18c085"
    "&addrs=192.0.2.3-38455&alias=demo-ep.7e245a18c085&noUDP&sock=startd_1_43af>"
)
# When that was
NOW, BOOTED = 1_795_886_620, 1_795_886_549
DENIED = 'SECMAN:2010:Received "DENIED" from server for user pilot@lab using method IDTOKENS.'
SLOT = f'LastHeardFrom = {NOW - 20}\nMyType = "Machine"\nName = "slot1@{NAME}"\n\n'
MASTER = f'LastHeardFrom = {NOW - 20}\nMyType = "DaemonMaster"\nName = "{NAME}"\n\n'
ENDED = f"""ClusterId = 2
CompletionDate = {NOW - 300}
ExitBySignal = true
ExitSignal = 15
JobDuration = 13.140161
JobState = "Exited"
ProcId = 0
ProjectName = "P"
StarterExitStatus = 0

"""


def process(root, pid, *words, ns="mnt:[1]", **environ):
    """One of the container's processes."""
    fakes.put(root, f"/proc/{pid}/cmdline", "\0".join((*words, "")))
    fakes.put(root, f"/proc/{pid}/environ", "".join(f"{name}={value}\0" for name, value in environ.items()))
    if ns:
        link = root / f"proc/{pid}/ns/mnt"
        link.parent.mkdir(parents=True)
        link.symlink_to(ns)


def answers(*first, collectors="cm.example.org"):
    """Those of a busy and healthy pilot, after some others."""
    values = f"{HOME}/log\n{NAME}\n{PRIVATE}/tokens.d\n{collectors}\n"
    return (
        *first,
        ("condor_config_val LOG", Result(0, values, "")),
        ("condor_status -direct <192.0.2.3:38455?sock=startd_1_43af> -long", Result(0, BUSY, "")),
        ("condor_status -pool", Result(0, MASTER + SLOT, "")),
        ("condor_ping", Result(0, "Authorized: TRUE\n", "")),
        ("condor_history", Result(0, ENDED, "")),
    )


def container(root, said=None, **changes):
    """A machine with a running pilot as PID 1."""
    process(root, 1, "/usr/sbin/condor_master", "-f", CONDOR_CONFIG=f"{PRIVATE}/condor_config", HOME=HOME)
    process(root, "self", "python3")
    config = fakes.put(root, f"{PRIVATE}/condor_config", "")
    fakes.put(root, f"{PRIVATE}/tokens.d/00-flock", fakes.jwt() + "\n")
    fakes.put(root, f"{HOME}/log/startd_history", "")
    fakes.put(root, f"{HOME}/log/.startd_address", f"{ADDRESS}\n$CondorVersion: 25.14.1\n")
    os.utime(config, (BOOTED, BOOTED))
    uid = config.stat().st_uid
    return fakes.machine(root, **({"answers": said or answers(), "now": NOW, "uid": uid} | changes))
