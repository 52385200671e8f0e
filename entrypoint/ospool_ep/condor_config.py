"""What HTCondor is told: frozen values in, settings out.

Numbers in comments are facts of HTCondor 25.14 found by experiment.
"""

from dataclasses import dataclass

from ospool_ep import config_text, delegation, joining, overuse, policy, scratch
from ospool_ep.containers import knobs as container_knobs
from ospool_ep.gpus import knobs as gpus

# The end of the stop window that is not for jobs: a second to go over to a fast stop, _KILLING_S for a starter
# that does not answer (after a job whose program did not start, 25.14's never does), a second for goodbyes.
_GOODBYE_S = 4
_KILLING_S = 2
# A startd that is not up by then, counted from the boot, will not come up.
_STARTD_PATIENCE_S = 60
_TIME_FORMAT = '"%Y-%m-%dT%H:%M:%S%z $(SUBSYSTEM) "'


@dataclass(frozen=True)
class Pilot:
    """Everything that the configuration depends on. Paths are those the daemons will see.

    `cvmfs` and `gpus`: their own parts of it; `cache_mb`: on the scratch volume, for pulled images and CVMFS.
    """

    home: str
    tokens: str
    passwords: str
    has_passwords: bool
    machine_name: str
    daemon_name: str
    managers: tuple[str, ...]
    collectors: tuple[str, ...]
    ccb: tuple[str, ...]
    cpus: int
    memory_mb: int
    start: str
    attributes: tuple[tuple[str, str], ...]
    job_environment: str
    containers: str
    pid_namespaces: bool
    cvmfs: tuple[tuple[str, str], ...]
    gpus: tuple[tuple[str, str], ...]
    gpu_statements: tuple[str, ...]
    cache_mb: int
    idle_minutes: int
    stop_seconds: int
    booted: int
    log_target: str | None
    job_cgroups: bool


def knobs(pilot: Pilot) -> dict[str, str]:
    """Name to meant value, in the order of the file. `render` adds a few statements."""
    parts = (
        _places(pilot),
        _pool(pilot),
        _names(pilot),
        _offer(pilot),
        _policy(pilot),
        _life(pilot),
        _jobs(pilot),
        dict(pilot.cvmfs),
        dict(pilot.gpus),
    )
    merged = {name: value for part in parts for name, value in part.items()}
    published = dict(pilot.attributes)
    return merged | published | {"STARTD_ATTRS": " ".join(published), "MASTER_ATTRS": _master_attributes(published)}


def render(pilot: Pilot) -> str:
    """The whole file. The statements are ours alone: no user's text comes near what is meant to be expanded."""
    statements = (joining.SECURITY, f"DEBUG_TIME_FORMAT = {_TIME_FORMAT}")
    return config_text.render((*statements, *pilot.gpu_statements), knobs(pilot))


def _places(pilot: Pilot) -> dict[str, str]:
    return joining.directories(pilot.home) | _logs(pilot.log_target)


def _logs(target: str | None) -> dict[str, str]:
    """Daemons lose their standard output: they open the container's by path (a size limit would seek, and fail).

    Starters read only the knob of their slot type; STARTER_LOG itself must stay a file, or the startd's
    probe of the starter's abilities dies and nothing matches.
    """
    if target is None:
        return {}
    # SHARED_PORT keeps its file: every few minutes it prints a page of lines that do not say whose they are.
    daemons = ("MASTER", "STARTD")
    paths = {f"{name}_LOG": target for name in daemons} | {"SLOT_TYPE_1.STARTER_LOG": target}
    limits = {f"MAX_{name}_LOG": "0 s" for name in (*daemons, "STARTER")}
    return paths | limits | {"STARTER_LOG_NAME_APPEND": "False"}


def _pool(pilot: Pilot) -> dict[str, str]:
    own = {"DAEMON_LIST": "MASTER STARTD", "SHARED_PORT_PORT": "0"}
    hosts = joining.hosts(pilot.managers, pilot.collectors, pilot.ccb)
    return own | hosts | joining.credentials(pilot.tokens, pilot.passwords, pilot.has_passwords)


def _names(pilot: Pilot) -> dict[str, str]:
    """A hostname that does not resolve is fine, and a uid without a passwd entry needs MASTER_NAME."""
    return {
        "NETWORK_HOSTNAME": pilot.machine_name,
        "UID_DOMAIN": pilot.machine_name,
        "FILESYSTEM_DOMAIN": pilot.machine_name,
        "MASTER_NAME": f"{pilot.daemon_name}@{pilot.machine_name}",
        "STARTD_NAME": f"{pilot.daemon_name}@{pilot.machine_name}",
    }


def _offer(pilot: Pilot) -> dict[str, str]:
    """One partitionable slot owns everything."""
    return {
        "NUM_CPUS": str(pilot.cpus),
        "MEMORY": str(pilot.memory_mb),
        "RESERVED_DISK": str(scratch.RESERVE_MB + pilot.cache_mb),
        "NUM_SLOTS": "1",
        "NUM_SLOTS_TYPE_1": "1",
        "SLOT_TYPE_1": "100%",
        "SLOT_TYPE_1_PARTITIONABLE": "True",
    }


def _policy(pilot: Pilot) -> dict[str, str]:
    """IS_OWNER: START is false without a job (ProjectName), and the slot would sit in the Owner state."""
    return {"START": pilot.start, "RANK": policy.RANK, "IS_OWNER": "False"}


def _life(pilot: Pilot) -> dict[str, str]:
    """Leave when idle, when the startd cannot live, and within the runtime's stop window.

    The master's expression is evaluated with its updates; DaemonStartTime would be undefined where the
    collector cannot be resolved, so the time is absolute. HTCondor's own benchmarks delay a stop by up to
    a minute; a cron job does not, and the pool's negotiator insists on Mips.
    """
    vacate = max(1, pilot.stop_seconds - _GOODBYE_S)
    return {
        "STARTD_NOCLAIM_SHUTDOWN": str(pilot.idle_minutes * 60),
        "MASTER_UPDATE_INTERVAL": "60",
        "MASTER.DAEMON_SHUTDOWN_FAST": f"(STARTD_StartTime =?= 0) && (time() > {pilot.booted + _STARTD_PATIENCE_S})",
        "SHUTDOWN_GRACEFUL_TIMEOUT": str(vacate + 1),
        "MachineMaxVacateTime": str(vacate),
        "KILLING_TIMEOUT": str(_KILLING_S),
        "RunBenchmarks": "False",
        "STARTD_CRON_JOBLIST": _cron(pilot),
        "STARTD_CRON_MIPS_EXECUTABLE": "/usr/libexec/condor/condor_mips",
        "STARTD_CRON_MIPS_MODE": "OneShot",
        "STARTD_CRON_AUTOPUBLISH": "If_Changed",
    }


def _cron(pilot: Pilot) -> str:
    return " ".join(
        ["MIPS CONTAINERS", *(["CVMFS"] if pilot.cvmfs else []), *([gpus.CRON] if pilot.gpu_statements else [])]
    )


def _jobs(pilot: Pilot) -> dict[str, str]:
    environment = pilot.job_environment.replace('"', '""')
    always = {
        "CREATE_CGROUP_WITHOUT_ROOT": str(pilot.job_cgroups),
        "BASE_CGROUP": delegation.BASE,
        "STARTER_JOB_ENVIRONMENT": f'"{environment}"',
    }
    return overuse.knobs(pilot.job_cgroups) | always | container_knobs.knobs(pilot.containers, pilot.pid_namespaces)


def _master_attributes(published: dict[str, str]) -> str:
    return " ".join(name for name in published if name.startswith(("GLIDE", "ACCEPT_", "IsOsg", "OSG_SITE", "OSPool")))
