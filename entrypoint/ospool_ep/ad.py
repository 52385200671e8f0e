"""What the machine ad says (ospool.md section 5), as far as settings and the first tests decide it."""

from dataclasses import dataclass

from ospool_ep import CONTAINER_TAG, classads, policy
from ospool_ep.containers import requirements
from ospool_ep.pools import Pool
from ospool_ep.process_limits import ProcessLimits
from ospool_ep.settings import Settings

# The interface that jobs may require; it only grows. 861 is what the public pilot said in 2026-08.
GLIDEIN_VERSION = 861
# Mentioned in START, these make the pilot one for somebody, not for the whole OSPool.
OWNERS = {
    "owner",
    "user",
    "osguser",
    "projectname",
    "acctgroup",
    "acctgroupuser",
    "accountinggroup",
    "x509userproxysubject",
}


@dataclass(frozen=True)
class Lifetime:
    """When the pilot stops accepting jobs, and when it leaves: seconds since 1970."""

    to_retire: int
    to_die: int


def lifetime(settings: Settings, now: int) -> Lifetime:
    """Count from the boot."""
    to_retire = now + settings.accept_jobs_hours * 3600
    return Lifetime(to_retire, to_retire + settings.retirement_hours * 3600)


def attributes(
    settings: Settings, pool: Pool, life: Lifetime, tested: dict[str, str], limits: ProcessLimits
) -> dict[str, str]:
    """Attribute name to ClassAd expression. `tested`: those about job containers and CVMFS."""
    host = {"SHM_AVAILABLE": str(limits.shm_free_kb)}
    return _site(settings, pool) | _life(settings, life) | _policy(settings, pool) | tested | host


def _site(settings: Settings, pool: Pool) -> dict[str, str]:
    texts = {
        "GLIDEIN_Site": settings.site,
        "GLIDEIN_ResourceName": settings.resource_name,
        "GLIDEIN_Country": settings.country,
        "GLIDECLIENT_Group": pool.group,
        "GLIDEIN_ContainerTag": CONTAINER_TAG,
        "OSG_SITE_NAME": settings.resource_name,
    }
    optional = {
        "OSG_PROJECT_NAME": settings.project_name,
        "OSG_SQUID_LOCATION": settings.squid,
        "OSG_INSTITUTION_ID": settings.institution_id,
    }
    texts |= {name: text for name, text in optional.items() if text}
    return {name: classads.quote(text) for name, text in texts.items()}


def _life(settings: Settings, life: Lifetime) -> dict[str, str]:
    return {
        "GLIDEIN_ToRetire": str(life.to_retire),
        "GLIDEIN_ToDie": str(life.to_die),
        "ACCEPT_JOBS_FOR_HOURS": str(settings.accept_jobs_hours),
        "ACCEPT_IDLE_MINUTES": str(settings.accept_idle_minutes),
    }


def _policy(settings: Settings, pool: Pool) -> dict[str, str]:
    return {
        "IsOsgVoContainer": "True",
        "Is_ITB_Site": str(settings.itb),
        "OSPool": str(_for_everybody(settings, pool)),
        "OSG_GLIDEIN_VERSION": str(GLIDEIN_VERSION),
        "OSG_NODE_VALIDATED": "True",  # the checks have passed: this is only written by a boot that goes on
        "OSG_PROJECT_RESTRICTION": policy.project_restriction(settings),
        "START_EXTRA": settings.start_extra,
        "IsBlackHole": policy.BLACK_HOLE,
        "HasExcessiveLoad": policy.EXCESSIVE_LOAD,
        "RoomForCPUOnlyJobs": policy.ROOM_FOR_CPU_ONLY,
        "OSG_JOB_IMAGE": requirements.IMAGE,
        "SINGULARITY_START_CLAUSE": requirements.CONTAINER_START,
    }


def _for_everybody(settings: Settings, pool: Pool) -> bool:
    expression = classads.parse(settings.start_extra)
    if isinstance(expression, classads.ParseFailure):
        return False
    restricted = OWNERS.intersection(name.lower() for name in classads.references(expression))
    return pool.production and not settings.project_name and not restricted
