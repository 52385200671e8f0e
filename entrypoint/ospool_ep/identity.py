"""Who we are: a uid that nobody has heard of gets a passwd entry, because Apptainer insists on one."""

from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, warning

# Read by libnss-extrausers. Writable for everybody in the image: no program there is setuid and asks it.
PASSWD = "/var/lib/extrausers/passwd"
_NAME = "pilot"


def ensure(machine: Machine) -> tuple[str, tuple[Problem, ...]]:
    """The user's name. Adds the missing entry inside the container; nothing outside it changes."""
    name = machine.user_name()
    if machine.uid == 0:
        return "root", (_root(),)
    if name is not None:
        return name, ()
    try:
        with machine.path(PASSWD).open("a", encoding="ascii") as file:
            file.write(f"{_NAME}:x:{machine.uid}:{machine.gid}:OSPool pilot:/pilot:/bin/sh\n")
    except OSError as error:
        found = f"uid {machine.uid} has no passwd entry, and {PASSWD} cannot be written"
        cure = "--user 1000   (or, with --read-only: -v FILE:/var/lib/extrausers/passwd with a line for this uid)"
        why = "Apptainer refuses an unknown uid: container jobs will not match"
        return f"uid {machine.uid}", (warning("user-unknown", found, why, cure, str(error)),)
    return _NAME, ()


def _root() -> Problem:
    why = "HTCondor as root works differently, and other people's jobs would be a step away from the host's root"
    return Problem("user-root", "the container runs as root", why, "--user osg", Exit.PERMISSION)
