"""The privilege levels that a site may grant to a pilot's container, and the states in which it finds /dev/fuse."""

from contextlib import contextmanager
from dataclasses import dataclass

import runs

from poolbox import pilot, seccomp

PROFILE = seccomp.DIRECTORY / seccomp.OURS
NO_NEW_PRIVILEGES = "no-new-privileges"
# Some virtual machines cannot give CAP_SYS_RESOURCE, and `docker run --privileged` fails there: this is the rest of it.
# The devices of the host are allowed but, other than with --privileged, not in the container's /dev.
_PRIVILEGED = ("--cap-add=ALL", "--cap-drop=SYS_RESOURCE", "--device-cgroup-rule=a *:* rwm")
FUSE_DEVICE = ("c", "10", "229")
FUSE = ("missing", "present", "unreadable")
# Many boot at the same time
PATIENCE_S = 180


@dataclass(frozen=True)
class Level:
    """Options of `docker run` and of `podman run` for one level; --user and --device are not among them."""

    docker: tuple[str, ...]
    podman: tuple[str, ...]

    def options(self, engine):
        """The options as this engine spells them."""
        return {"docker": self.docker, "podman": self.podman}[engine.name]


@dataclass(frozen=True)
class Case:
    """A pilot's level, the state of its /dev/fuse, and a setting that it has (`NAME=value`, or none)."""

    level: str
    fuse: str
    setting: str = ""

    @property
    def site(self):
        """The GLIDEIN_Site of its pilot."""
        return "-".join(filter(None, (self.level, self.fuse, self.setting.partition("=")[0])))

    @property
    def slot(self):
        """A constraint that its pilot's partitionable slot meets, and no other ad."""
        return f'GLIDEIN_Site == "{self.site}" && PartitionableSlot'


def _security(*values):
    return tuple(f"--security-opt={value}" for value in values)


_MINIMUM = _security(f"seccomp={PROFILE}", NO_NEW_PRIVILEGES)
_UNCONFINED = [value for value in pilot.SECURITY["docker"] if value != NO_NEW_PRIVILEGES]

# From the least to the most; the documentation's table has the same order.
LEVELS = {
    "default": Level((), ()),
    "minimum": Level(_MINIMUM, _MINIMUM),
    "recommended": Level(_security(*pilot.SECURITY["docker"]), _security(*pilot.SECURITY["podman"])),
    "privileged": Level((*_PRIVILEGED, *_security(*_UNCONFINED, "apparmor=unconfined")), ("--privileged",)),
}


def fuse(box):
    """Options for each state of /dev/fuse. The unreadable one is a node of our own: the host's keeps its mode."""
    directory = box.new_path()
    directory.mkdir()
    made_by = ("--rm", "--user", "0", "--cap-add", "MKNOD", "--network", "none", "--entrypoint", "mknod")
    node = ("-m", "0600", "/made/fuse", *FUSE_DEVICE)
    box.engine.run("run", *made_by, "-v", f"{directory}:/made", box.image, *node)
    return dict(zip(FUSE, ((), pilot.DEVICES, ("--device", f"{directory}/fuse:/dev/fuse")), strict=True))


@contextmanager
def pilots(box, pool, token_file, cases):
    """A pilot for each case, all at once: case to container and slot ad. Removed at the end."""
    devices = fuse(box)
    names = {case: f"{pool.name}-{case.site}" for case in cases}
    try:
        for case, name in names.items():
            pilot.remove(box.engine, name)
            options = (*LEVELS[case.level].options(box.engine), *devices[case.fuse], *_variable(case))
            variables = {"GLIDEIN_Site": case.site, "GLIDEIN_ResourceName": "R"}
            pilot.start(pool, token_file, box.scratch(), env=variables, options=options, name=name, security=False,
                        devices=())  # fmt: skip
        yield {case: runs.booted(pool, case.slot, name, PATIENCE_S) for case, name in names.items()}
    finally:
        for name in names.values():
            pilot.remove(box.engine, name)


def _variable(case):
    return ("-e", case.setting) if case.setting else ()
