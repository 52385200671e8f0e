"""What START asks about a job's container."""

from ospool_ep import classads
from ospool_ep.containers import registry

# The image that a job names, in any of three ways.
_DOCKER = '(regexp("^docker://", TARGET.DockerImage) ? TARGET.DockerImage : strcat("docker://", TARGET.DockerImage))'
IMAGE = f"(TARGET.SingularityImage ?: (TARGET.ContainerImage ?: {_DOCKER}))"


# For jobs that name none; they run directly while it is in a repository that cannot be used.
_OUT_OF_REACH = "regexp(MY.CVMFS_UNUSABLE, MY.OSG_DEFAULT_SINGULARITY_IMAGE) =?= True"
DEFAULT = f"({_OUT_OF_REACH} ? undefined : MY.OSG_DEFAULT_SINGULARITY_IMAGE)"

# Printable ASCII without quotes and backslashes, which not every reader of ads survives (values.string).
# The last part is for PCRE, whose $ overlooks a line end: nothing follows.
PLAIN = "^[] !#-[^-~]+$(?![^.])"


def _kind(pattern: str, able: str) -> str:
    return f"(regexp({classads.quote(pattern)}, {_NAMED}) =!= True || {able})"


# An attribute of ours, so that START can be read.
_NAMED = "MY.OSG_JOB_IMAGE"
_REGISTRY = registry.SCHEME.pattern
_KINDS = (
    _kind(f"^{_REGISTRY}", "MY.SINGULARITY_CAN_USE_REGISTRY =?= True"),
    _kind("[.]sif$", "MY.SINGULARITY_CAN_USE_SIF =?= True"),
    _kind("^/cvmfs/", f"MY.SINGULARITY_CAN_USE_CVMFS =?= True && regexp(MY.CVMFS_UNUSABLE, {_NAMED}) =!= True"),
    # Other transports of Apptainer's are none for jobs; files that HTCondor brings along end in .sif.
    _kind("^[a-z0-9+.-]+:", f'regexp("^{_REGISTRY}|[.]sif$", {_NAMED})'),
)
_NAMEABLE = f"regexp({classads.quote(PLAIN)}, {_NAMED}) =?= True"
CONTAINER_START = f"{_NAMED} =?= undefined || (MY.HAS_SINGULARITY =?= True && {_NAMEABLE} && {' && '.join(_KINDS)})"

# A job whose image does not start goes back to the queue, and would come again at once, before all others. By
# user and image, which the pool's negotiators tell apart anyway: the time of a failure would cost them dearly.
FAILED_HERE = f'member(strcat(TARGET.User, " ", {_NAMED}), MY.OSG_FAILED_IMAGES)'
