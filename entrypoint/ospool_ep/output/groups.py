"""The order in which the selftest shows its checks: what a pilot needs first comes first."""

from ospool_ep.report import Line

GROUPS: dict[str, tuple[str, ...]] = {
    "settings": ("settings", "attributes", "job env"),
    "token": ("token",),
    "scratch and limits": ("scratch", "limits", "job limits"),
    "CPUs and memory": ("CPUs", "Memory"),
    "user": ("user",),
    "Apptainer": ("apptainer", "image"),
    "CVMFS": ("cvmfs",),
    "GPUs": ("gpus",),
    "pool": ("network", "dns", "pool", "admission", "clock"),
    "proxy": ("proxy", "downloads"),
    "configuration": ("start", "config", "usual job"),
    "negotiation": ("OSPool", "HTCondor", "resource", "Pelican", "Mips"),
    "this pilot": ("pilot", "registered", "slots", "jobs", "accepting", "last"),
}
_OF = {name: group for group, names in GROUPS.items() for name in names}
_PLACE = {name: number for number, name in enumerate(_OF)}


def group(line: Line) -> str:
    """Empty for a check that nobody has put into one."""
    return _OF.get(line.name, "")


def ordered(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """By group, and within one as it is written there."""
    return tuple(sorted(lines, key=lambda line: _PLACE.get(line.name, len(_PLACE))))
