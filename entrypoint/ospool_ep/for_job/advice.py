"""What would make a clause true: a sentence for each clause of START, and for attributes that jobs ask for."""

import re

from ospool_ep.cvmfs import names
from ospool_ep.for_job.result import JOB, REQUIREMENTS, SIZE, Clause, Value, deciding

_APPTAINER = "job containers must run here: see `apptainer` in the selftest above, and its cure"
_SIF = (
    "docker or podman: --device /dev/fuse   (readable and writable by the pilot's uid on the host: chmod 666 /dev/fuse)"
)
# Id of a clause of START to what makes it true.
OF_START = {
    "accepting": "start a new pilot: this one takes no more jobs (ACCEPT_JOBS_FOR_HOURS)",
    "long-job": "-e ACCEPT_JOBS_FOR_HOURS=336 -e RETIREMENT_HOURS=40   (40 hours are left then), or a job that is not "
    'marked Long (+JobDurationCategory = "Medium")',
    "validated": "the pilot's own checks: correct what the selftest says above",
    "black-hole": "jobs that do not end within three minutes, ten times in a row: look at why they fail",
    "load": "less load on this machine",
    "cvmfs-lost": "start the pilot again: the CVMFS that it has mounted is dead",
    "desired-sites": "a pilot whose GLIDEIN_Site is in the job's +DESIRED_Sites, or a job that names no other sites",
    "undesired-sites": "a job whose +UNDESIRED_Sites do not name this site",
    "project": 'in the submit file: +ProjectName = "MyProject"',
    "gpu": "a job that asks for GPUs (request_gpus = 1), or more than 8 CPUs, 32000 MB and 5 GB of disk per GPU here",
    "container": f"an image of a kind that runs here, or: {_APPTAINER}",
    "image-failed": "wait some minutes: the image has just failed to start here, and will be tried again",
    "tool-daemon": "a job without tool_daemon_cmd",
    "mpi": "Has_MPI = True in /etc/osg/extra-attributes.cfg, where this machine has MPI",
    "only-project": "a job of the project of OSG_PROJECT_NAME, or leave out -e OSG_PROJECT_NAME",
    "itb": "-e ITB=true for jobs with +ITB_Sites = True, and ITB=false for all others",
    "start-extra": "another -e GLIDEIN_Start_Extra=..., or a job for which it is true",
}
_MEMORY = (
    "a pilot with more memory (-e MEMORY=..., docker or podman: --memory) where the machine has it, "
    "or a job with less request_memory"
)
_CPUS = (
    "a pilot with more CPUs (-e NUM_CPUS=..., docker or podman: --cpus) where the machine has them, "
    "or a job with less request_cpus"
)
_DISK = "a larger volume: docker run -v /worker-temp-dir:/pilot, or a job with less request_disk"
_GPUS = "docker run --gpus all   (and see `gpus` in the selftest above), or a job without request_gpus"
# The same for the size of the slot.
OF_SIZE = {"cpus": _CPUS, "memory": _MEMORY, "disk": _DISK, "gpus": _GPUS}
_ELSEWHERE = "nothing to type here: the job wants another machine or another site"
_REGISTRY = "images of registries must be to be had here: see `image` in the selftest above"
_CVMFS_IMAGES = "-e CVMFSEXEC_REPOS=singularity.opensciencegrid.org, or docker run -v /cvmfs:/cvmfs:shared"
_PLUGINS = "this image has no plugin for these URLs: another protocol, or the access point's own transfer"
_SYSTEM = "nothing to type: this pilot does not advertise the system that jobs see"
_RESTRICTED = "a pilot for all projects in the OSPool: without OSG_PROJECT_NAME, with POOL=ospool"
# The first pattern that an attribute of the slot matches, whatever its case.
_OF_ATTRIBUTE = (
    (r"(Total|TotalSlot|Detected)?Memory", _MEMORY),
    (r"(Total|TotalSlot|Detected)?Cpus", _CPUS),
    (r"(Total|TotalSlot)?Disk", _DISK),
    (r"(Total|TotalSlot|Detected|Available)?GPUs(_.*)?|CUDA.*", _GPUS),
    (r"HasSIF|SINGULARITY_CAN_USE_SIF", _SIF),
    (r"SINGULARITY_CAN_USE_REGISTRY|SINGULARITY_DISK_IS_FULL", _REGISTRY),
    (r"SINGULARITY_CAN_USE_CVMFS|CVMFS_UNUSABLE", _CVMFS_IMAGES),
    (r"Has(Container|SandboxImage|DockerURL|PidNamespaces|UserNamespaces|Singularity)", _APPTAINER),
    (r"(HAS_|GWMS_)?SINGULARITY(_.*)?|CONTAINERSW_.*", _APPTAINER),
    (r"HasFileTransferPluginMethods", _PLUGINS),
    (r"OSGVO_OS_.*|OSG_OS_.*", _SYSTEM),
    (r"Arch|OpSys.*|Microarch|has_(avx|sse|ssse).*|Cpu(Model|Family).*|CondorVersion", _ELSEWHERE),
    (r"Machine|Name|UidDomain|FileSystemDomain|GLIDEIN_.*|OSG_SITE_NAME", _ELSEWHERE),
    (r"OSPool", _RESTRICTED),
)


def cure(clause: Clause) -> str:
    """Empty where the clause is true."""
    values = [value for part in deciding(clause.part) for value in part.values]
    if not values and not list(deciding(clause.part)):
        return ""
    if any(value.later for value in values):
        return "nothing to type: HTCondor measures it after the start"
    if clause.of == SIZE:
        return OF_SIZE[clause.id]
    if clause.of != REQUIREMENTS:
        return OF_START[clause.id]
    cures = dict.fromkeys(_of_value(value) for value in values)
    return "\n".join(filter(None, cures)) or "a job that does not ask for this"


def _of_value(value: Value) -> str:
    if value.owner == JOB:
        return f"the job lacks {value.name}: its submit file must say it" if value.value == "undefined" else ""
    repository = re.fullmatch(r"HAS_CVMFS_(\w+)", value.name, re.IGNORECASE)
    if repository:
        return _repository(repository[1])
    for pattern, text in _OF_ATTRIBUTE:
        if re.fullmatch(pattern, value.name, re.IGNORECASE):
            return text
    if value.value != "undefined":
        return ""
    return (
        f"where it is true of this machine, in /etc/osg/extra-attributes.cfg: {value.name} = ..., "
        "otherwise a job that does not ask for it"
    )


def _repository(suffix: str) -> str:
    known = {names.attribute(name).lower(): name for name in names.WORTH}
    name = known.get(suffix.lower(), "the repository's full name")
    return f"-e CVMFSEXEC_REPOS={name}, or docker run -v /cvmfs:/cvmfs:shared where the host has it"
