"""A row of the table, and the options that are named in it."""

from dataclasses import dataclass

from ospool_ep import cures
from ospool_ep.privileges.facts import Facts
from ospool_ep.runtime import DOCKER, PODMAN

YES, NO, PARTLY, UNKNOWN = "yes", "no", "partly", "unknown"
SECCOMP = "--security-opt seccomp=unconfined"
PROFILE = "--security-opt seccomp=/path/to/ospool-ep.json"
UNMASK = "--security-opt systempaths=unconfined"
APPARMOR = "--security-opt apparmor=unconfined"
NO_NEW_PRIVILEGES = "--security-opt no-new-privileges"
FUSE = "--device /dev/fuse"


@dataclass(frozen=True)
class Row:
    """`state` is one of the four words. `found`: what was seen; `costs`: in jobs, empty where it is there; `flag`: what
    makes it `yes`, ready to paste, empty where nothing does or nothing need.
    """

    name: str
    label: str
    state: str
    found: str = ""
    costs: str = ""
    flag: str = ""


def options(facts: Facts, *words: str) -> str:
    """In the words of the runtime we are in: a command's options in one line, Kubernetes' in lines of their own."""
    between = " " if facts.runtime.engine in (DOCKER, PODMAN) else "\n"
    return between.join(cures.option(word, facts.runtime) for word in words)


def first(cure: str, facts: Facts) -> str:
    """The first line of a cure, in the words of the runtime, without the remark at its end."""
    return cures.cure(cure, facts.runtime).split("\n")[0].split("   (")[0].rstrip()
