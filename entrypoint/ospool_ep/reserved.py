"""Names that an attribute of the site must not have."""

import re
from functools import cache

from ospool_ep import classads

# An attribute is a configuration macro of the same name, so these would change how the daemons work
# instead of what the ad says. The fixed names come from HTCondor itself; these families have no fixed names.
_KNOB_FAMILIES = re.compile(
    r"(STARTD|STARTER|MASTER|SLOT_TYPE|SLOT\d*|SLOTS|NUM_SLOTS|MACHINE_RESOURCE|SEC|ALLOW|DENY|DAEMON|SHARED_PORT|"
    r"PROCD|GPUS?|FILETRANSFER|CONDOR|CGROUP|WANT|HOLD|USE|DOLLAR)(_.*)?|.*_(LOG|DEBUG|ARGS|ENVIRONMENT|EXCEEDED)|"
    r".*_(HOOK|PLUGIN)(_.*)?",
    re.IGNORECASE,
)
# The pilot's side of the interface (ospool.md section 5), whether this boot writes the attribute or not.
_PILOT_FAMILIES = re.compile(
    r"(GLIDEIN|GLIDECLIENT|GWMS|OSG|OSGVO|SINGULARITY|CONTAINERSW|CVMFS|HAS_CVMFS)_.*|OSPool|START|RANK|HAS_SINGULARITY|"
    r"Is_?ITB_Site|IsOsgVoContainer|IsBlackHole|HasExcessiveLoad|RoomForCPUOnlyJobs|START_EXTRA|ACCEPT_.*|http_proxy.*|"
    r"PORT_\d+|OUTBOUND_FIREWALL|UID_MAPPED|MappedUser|SHM_AVAILABLE|ULIMIT_.*|VIRTUALIZATION_TECHNOLOGY|"
    r"HAS_(cx16|f16c|avx.*)",
    re.IGNORECASE,
)
# Words of the configuration language and of ClassAds.
_WORDS = frozenset((
    *("use", "if", "elif", "else", "endif", "include", "error", "warning"),
    *("true", "false", "undefined", "is", "isnt", "my", "target", "parent", "other", "self", "root"),
))  # fmt: skip


@cache
def _fixed() -> frozenset[str]:
    return frozenset(name.lower() for name in classads.known("attributes") | classads.known("knobs") | _WORDS)


def reserved(name: str) -> bool:
    """Whether the pilot or HTCondor uses the name: as attribute, as knob, or as a word of a language."""
    families = (_KNOB_FAMILIES, _PILOT_FAMILIES)
    return name.lower() in _fixed() or any(family.fullmatch(name) for family in families)
