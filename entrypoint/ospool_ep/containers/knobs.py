"""HTCondor's configuration of job containers. Source: HTCondor 25.14, singularity.cpp and starter.cpp (SpawnJob)."""

from ospool_ep.containers import requirements
from ospool_ep.containers.command import FRONT, INSIDE

RETEST = "/usr/libexec/ospool-ep/retest"
# Seconds between two starts of the retest, which itself decides when to test.
_PERIOD_S = 30


# The image that a job runs in: its own, or else the default one, if that can be had now.
_IMAGE = f"({requirements.IMAGE} ?: {requirements.DEFAULT})"


def knobs(record: str, pid_namespaces: bool) -> dict[str, str]:
    """Every payload in a container where HAS_SINGULARITY is true: in its own image, or in the default one.

    Not USE_DEFAULT_CONTAINER: a job that says of itself what it wants (WantContainer) goes around it. And without
    SINGULARITY_BIND_EXPR a job names its own binds, the token's directory among them.
    """
    return {
        "SINGULARITY": FRONT,
        "SINGULARITY_TARGET_DIR": INSIDE,
        "STARTER_NESTED_SCRATCH": "False",
        "SINGULARITY_USE_PID_NAMESPACES": str(pid_namespaces),
        "SINGULARITY_BIND_EXPR": '""',
        "SINGULARITY_RUN_TEST_BEFORE_JOB": "True",
        "SINGULARITY_JOB": f"MY.HAS_SINGULARITY =?= True && {_IMAGE} =!= undefined",
        "SINGULARITY_IMAGE_EXPR": _IMAGE,
        "STARTD_CRON_CONTAINERS_EXECUTABLE": RETEST,
        "STARTD_CRON_CONTAINERS_ARGS": record,
        "STARTD_CRON_CONTAINERS_MODE": "Periodic",
        "STARTD_CRON_CONTAINERS_PERIOD": f"{_PERIOD_S}s",
    }
