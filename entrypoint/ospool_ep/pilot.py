"""From what was found to what HTCondor is told: the last decision before acting."""

import os

from ospool_ep import job_environment, policy
from ospool_ep.condor_config import Pilot
from ospool_ep.cvmfs import knobs as cvmfs_knobs
from ospool_ep.gpus import knobs as gpus
from ospool_ep.instance import Instance
from ospool_ep.preflight import Plan


def describe(plan: Plan, place: Instance, log_target: str | None, job_cgroups: bool) -> Pilot:
    """The frozen values that the configuration is rendered from."""
    return Pilot(
        home=str(place.home),
        tokens=str(place.tokens),
        passwords=str(place.passwords),
        has_passwords=bool(plan.credentials.passwords),
        machine_name=plan.names.machine,
        daemon_name=plan.names.instance,
        managers=plan.pool.managers,
        collectors=plan.pool.collectors,
        ccb=plan.pool.ccb,
        cpus=plan.cpus,
        memory_mb=plan.memory_mb,
        start=policy.start(plan.settings),
        attributes=tuple(plan.attributes.items()),
        job_environment=job_environment.render(
            plan.settings, plan.proxy_works, gpus.library_path(str(place.gpus), plan.gpus)
        ),
        containers=str(place.containers),
        pid_namespaces=plan.setup.pid_namespaces,
        cvmfs=tuple(cvmfs_knobs.knobs(str(place.cvmfs), plan.cvmfs.state).items()),
        gpus=tuple(gpus.knobs(str(place.gpus), plan.gpus).items()),
        gpu_statements=gpus.statements(str(place.gpus), plan.gpus),
        cache_mb=plan.setup.cache_mb + plan.cvmfs.reserved_mb,
        idle_minutes=plan.settings.accept_idle_minutes,
        stop_seconds=plan.settings.stop_seconds,
        booted=plan.booted,
        log_target=log_target,
        job_cgroups=job_cgroups,
    )


def log_target() -> str | None:
    """A path by which the daemons can open our standard output; None where they cannot (a socket, another user's).

    They start with closed descriptors. Our pid stays the master's through the exec.
    """
    path = f"/proc/{os.getpid()}/fd/1"
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
    except OSError:
        return None
    return path
