"""Every variable the pilot knows: one table, and the only reader of the environment."""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from ospool_ep import values
from ospool_ep.containers import binds, default_image, registry
from ospool_ep.cvmfs import names as cvmfs
from ospool_ep.log import redact


@dataclass(frozen=True)
class Row:
    """One variable. `field` is its name in Settings.

    `inherited`: not the administrator's word but a batch system's; what cannot be read is left out of the account.
    `empty_counts`: set to nothing it says something else than not set.
    """

    name: str
    field: str
    parse: Callable[[str], Any]
    default: str
    help: str
    required: bool = False
    secret: bool = False
    inherited: bool = False
    empty_counts: bool = False
    quotes: str = "\"'"


# The OSPool's own choice: weight%__image.
DISTRIBUTION = "10%__htc/rocky:8 90%__htc/rocky:9"
DISTRIBUTION_GPU = "100%__htc/rocky:9-cuda-12.6.0"


@dataclass(frozen=True)
class Settings:
    """What the administrator asked for, typed. Units are in the names."""

    site: str = ""
    resource_name: str = ""
    squid: str = ""
    start_extra: str = "True"
    project_name: str = ""
    num_cpus: int | None = None
    memory_mb: int | None = None
    slurm_cpus_on_node: int | None = None
    slurm_cpus_per_node: int | None = None
    slurm_tasks: int = 1
    slurm_memory_per_node_mb: int | None = None
    slurm_memory_per_cpu_mb: int | None = None
    disable_pid_namespaces: bool = False
    bind_extra: str = ""
    registry_mirror: str = ""
    default_distribution: str = DISTRIBUTION
    default_distribution_gpu: str = DISTRIBUTION_GPU
    cvmfs_repositories: tuple[str, ...] | None = None
    cvmfs_proxy: str = ""
    cvmfs_quota_mb: int | None = None
    cvmfs_debug: bool = False
    cvmfs_required: bool | None = None
    nvidia_visible: str = ""
    cuda_visible: str | None = None
    library_path: tuple[str, ...] = ()
    accept_jobs_hours: int = 336
    retirement_hours: int = 24
    accept_idle_minutes: int = 30
    randomize_name: bool = False
    pool: str = "ospool"
    itb: bool = False
    condor_host: tuple[str, ...] = ()
    ccb_range_low: int | None = None
    ccb_range_high: int | None = None
    extra_job_env: str = ""
    token: str = field(default="", repr=False)
    institution_id: str = ""
    country: str = "US"
    stop_seconds: int = 10
    traceback: bool = False
    passed_on: tuple[tuple[str, str], ...] = ()
    refused: tuple[str, ...] = ()


def _verbatim(value: str) -> str:
    return value


def _checked(read: Callable[[str], object]) -> Callable[[str], str]:
    """A parser that keeps the text, if it can be read."""

    def parse(value: str) -> str:
        read(values.string(value))
        return value

    return parse


TABLE: tuple[Row, ...] = (
    Row("GLIDEIN_Site", "site", values.registered, "", "Resource group registered in OSG Topology", required=True),
    Row("GLIDEIN_ResourceName", "resource_name", values.registered, "",
        "Resource registered in OSG Topology; first part of the machine name", required=True),
    Row("TOKEN", "token", _verbatim, "",
        "The token itself, where no file can be mounted; removed from every environment", secret=True),
    Row("POOL", "pool", values.host, "ospool",
        "`ospool`, `prod-ospool`, `itb-ospool`, `prod-path-facility`, `dev-path-facility`, "
        "or `host[:port]` of a central manager"),
    Row("ITB", "itb", values.truth, "false", "Integration test bed: `ospool` then means `itb-ospool`"),
    Row("CONDOR_HOST", "condor_host", values.hosts, "", "Central manager(s), instead of those of `POOL`"),
    Row("CCB_RANGE_LOW", "ccb_range_low", values.whole(1, 65535), "",
        "With `CCB_RANGE_HIGH`: pick the CCB port at random in this range"),
    Row("CCB_RANGE_HIGH", "ccb_range_high", values.whole(1, 65535), "", "See `CCB_RANGE_LOW`"),
    Row("GLIDEIN_Start_Extra", "start_extra", values.text, "True",
        "ClassAd expression a job must also satisfy (ANDed to START)"),
    Row("OSG_PROJECT_NAME", "project_name", values.registered, "", "Run jobs of this project only"),
    Row("OSG_SQUID_LOCATION", "squid", values.proxy, "",
        "HTTP proxy near the site: `http_proxy` of the pilot, and of jobs where it answers at boot; advertised"),
    Row("NUM_CPUS", "num_cpus", values.whole(1, 65536), "", "Offer at most so many CPUs"),
    Row("MEMORY", "memory_mb", values.whole(256, 1 << 30), "", "Offer at most so much memory (MB)"),
    Row("SLURM_CPUS_ON_NODE", "slurm_cpus_on_node", values.whole(1, 65536), "",
        "Set by Slurm: CPUs of the job or step on this node", inherited=True),
    Row("SLURM_JOB_CPUS_PER_NODE", "slurm_cpus_per_node", values.per_node(min), "",
        "Set by Slurm: stands in where `SLURM_CPUS_ON_NODE` is not set; the smallest number counts", inherited=True),
    Row("SLURM_STEP_TASKS_PER_NODE", "slurm_tasks", values.per_node(max), "",
        "Set by `srun`: so many pilots share the CPUs and the memory of the step", inherited=True),
    Row("SLURM_MEM_PER_NODE", "slurm_memory_per_node_mb", values.whole(0, 1 << 40), "",
        "Set by Slurm: memory of the job on this node (MB; 0: all)", inherited=True),
    Row("SLURM_MEM_PER_CPU", "slurm_memory_per_cpu_mb", values.whole(0, 1 << 40), "",
        "Set by Slurm: the same for each of its CPUs", inherited=True),
    Row("ACCEPT_JOBS_FOR_HOURS", "accept_jobs_hours", values.whole(1, 87600), "336",
        "Accept new jobs for so many hours"),
    Row("RETIREMENT_HOURS", "retirement_hours", values.whole(0, 87600), "24",
        "Then let running jobs finish for so many hours"),
    Row("ACCEPT_IDLE_MINUTES", "accept_idle_minutes", values.whole(1, 5256000), "30",
        "Leave after so many minutes without a job"),
    Row("GLIDEIN_RANDOMIZE_NAME", "randomize_name", values.truth, "false",
        "Add a random label to the machine name"),
    Row("SINGULARITY_DISABLE_PID_NAMESPACES", "disable_pid_namespaces", values.truth, "false",
        "Do not give job containers a PID namespace"),
    Row("SINGULARITY_BIND_EXTRA", "bind_extra", _checked(binds.read), "",
        "More bind mounts for job containers: `source[:place[:ro]]`, separated by commas or blanks"),
    Row("APPTAINER_REGISTRY_MIRROR", "registry_mirror", _checked(registry.address), "",
        "Registry that is asked instead of Docker Hub: `host[:port][/path]` (`http://` before it: without TLS)"),
    Row("OSG_DEFAULT_CONTAINER_DISTRIBUTION", "default_distribution", _checked(default_image.distribution),
        DISTRIBUTION, "Image of jobs that name none, by weight: a name in CVMFS, an absolute path, or `docker://`"),
    Row("OSG_DEFAULT_CONTAINER_DISTRIBUTION_GPU", "default_distribution_gpu", _checked(default_image.distribution),
        DISTRIBUTION_GPU, "The same on machines with GPUs"),
    Row("CVMFSEXEC_REPOS", "cvmfs_repositories", cvmfs.repositories, "",
        "CVMFS repositories to mount with cvmfsexec, separated by commas or blanks; the config repository comes along"),
    Row("CVMFS_HTTP_PROXY", "cvmfs_proxy", cvmfs.proxies, "",
        "Proxies of CVMFS, `http://host:3128;DIRECT` (default: `OSG_SQUID_LOCATION`, or else `auto;DIRECT`)"),
    Row("CVMFS_QUOTA_LIMIT", "cvmfs_quota_mb", values.whole(100, 1 << 30), "",
        "Size of CVMFS's cache, `/cvmfs-cache`: MB (default: 4000, or what there is room for)"),
    Row("CVMFSEXEC_DEBUG", "cvmfs_debug", values.truth, "false", "Write CVMFS's debug log to `/cvmfs-logs`"),
    Row("CVMFS_REQUIRED", "cvmfs_required", values.truth, "",
        "Refuse to start without CVMFS, and leave when all of it has died (default: true with `CVMFSEXEC_REPOS`)"),
    Row("NVIDIA_VISIBLE_DEVICES", "nvidia_visible", values.printable, "",
        "GPUs of this container, for NVIDIA's runtime: indexes, UUIDs, `all`, `none`; no others are offered",
        inherited=True),
    Row("CUDA_VISIBLE_DEVICES", "cuda_visible", values.printable, "",
        "The same for CUDA; set by Slurm, where empty or `-1` gives none", inherited=True, empty_counts=True),
    Row("LD_LIBRARY_PATH", "library_path", values.directories, "",
        "Where NVIDIA's driver has its libraries, if not in one of the usual places", inherited=True),
    Row("EXTRA_JOB_ENV", "extra_job_env", values.text, "",
        "Added to every job's environment: `NAME=value NAME='two words'`", quotes='"'),
    Row("OSG_INSTITUTION_ID", "institution_id", values.string, "", "Advertised when set"),
    Row("GLIDEIN_Country", "country", values.country, "US", "Advertised: ISO 3166 code, two letters"),
    Row("OSPOOL_EP_STOP_SECONDS", "stop_seconds", values.whole(5, 86400), "10",
        "The runtime's stop window (`docker stop -t`, `terminationGracePeriodSeconds`): jobs are evicted "
        "and everything has left within it"),
    Row("OSPOOL_EP_TRACEBACK", "traceback", values.truth, "false", "Show the traceback of a bug on the screen"),
)  # fmt: skip

# Known to today's pilots, and in the seed's examples; what this version does not do yet is said aloud.
NOT_YET: tuple[tuple[str, str], ...] = (
    ("ENABLE_REMOTE_SYSLOG", "logs go to standard output only"),
    ("SYSLOG_HOST", "logs go to standard output only"),
    ("REGISTRY_HOST", "logs go to standard output only"),
)

# Read on the host by the service package; harmless when an --env-file brings them along.
SERVICE_ONLY = ("WORKER_TEMP_DIR", "BIND_MOUNT_CVMFS", "PROVIDE_NVIDIA_GPU", "TOKEN_LOCATION")

# Programs that the pilot starts may need these to reach the network; nothing else is handed to HTCondor.
PASSED_ON = ("TZ", "https_proxy", "no_proxy", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")

# Set by what started this container; they tell where we are (runtime.py), and are nobody's settings.
RUNTIME = (
    "KUBERNETES_SERVICE_HOST",
    "APPTAINER_CONTAINER",
    "SINGULARITY_CONTAINER",
    "SLURM_JOB_ID",
    "container",
    "OSPOOL_EP_SERVICE",
)


def known_names() -> tuple[str, ...]:
    """Every variable name that somebody may set on purpose."""
    return tuple(row.name for row in TABLE) + tuple(name for name, _ in NOT_YET) + SERVICE_ONLY


def secrets_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """What the log must never show: the values of the secret rows, raw."""
    return tuple(environ[row.name] for row in TABLE if row.secret and environ.get(row.name))


def take(environ: MutableMapping[str, str]) -> dict[str, str]:
    """A copy of the environment, which is then emptied but for PASSED_ON.

    HTCondor's library reads ClassAds for us, and on its first use reads the environment as well: an
    administrator's CONDOR_CONFIG or _CONDOR_ variable could end the process there.
    """
    taken = dict(environ)
    for name in taken.keys() - set(PASSED_ON):
        del environ[name]
    environ["CONDOR_CONFIG"] = "ONLY_ENV"
    return taken


def passed_on(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The few variables that go on to HTCondor, unchanged; one with a secret in it does not."""
    given = ((name, environ.get(name, "")) for name in PASSED_ON)
    secrets = secrets_of(environ)
    return tuple((name, value) for name, value in given if value and redact(value, secrets) == value)


def runtime_marks(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of RUNTIME that are set to something."""
    return {name: environ[name] for name in RUNTIME if environ.get(name)}


def wants_traceback(environ: Mapping[str, str]) -> bool:
    """Asked where settings may not have been loaded: on the way out after a bug."""
    return values.tolerate(environ.get("OSPOOL_EP_TRACEBACK", ""), "\"'").lower() in values.TRUE_WORDS


def wants_no_colour(environ: Mapping[str, str]) -> bool:
    """NO_COLOR, as many programs understand it: set to anything. A dumb terminal has none."""
    return bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"


def wants_unicode(environ: Mapping[str, str]) -> bool:
    """The locale's character set; the first of the three variables that is set counts (POSIX).

    In the C locale Python gives itself another LC_CTYPE (PEP 538), which says nothing of the terminal.
    """
    of_characters = environ.get("LC_CTYPE", "")
    names = (environ.get("LC_ALL"), "" if of_characters in _COERCED else of_characters, environ.get("LANG"))
    locale = next(filter(None, names), "").partition("@")[0].lower()
    return locale.endswith((".utf-8", ".utf8"))


_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")
