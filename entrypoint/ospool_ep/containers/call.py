"""A call of Apptainer as HTCondor's starter makes it (its singularity.cpp): taken apart, changed, put together.

Some words in it are the job's (mount_under_scratch, the image): whatever could be taken for an option is refused.
"""

from dataclasses import dataclass, replace

from ospool_ep.containers.command import INSIDE

# All options that HTCondor gives; those with a value first.
_WITH_VALUE = frozenset({"-S", "-W", "-B", "--pwd", "--home"})
_FLAGS = frozenset({"-C", "--contain", "--ipc", "--cleanenv", "--nv", "--rocm"})
_GLOBAL = frozenset({"-s", "-q"})
_ACTIONS = frozenset({"exec", "run", "test"})


@dataclass(frozen=True)
class Call:
    """`apptainer GLOBAL... ACTION OPTIONS... IMAGE COMMAND...`; an option and its value are one tuple."""

    before: tuple[str, ...]
    action: str
    options: tuple[tuple[str, ...], ...]
    image: str
    command: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The arguments again."""
        options = tuple(word for option in self.options for word in option)
        return (*self.before, self.action, *options, self.image, *self.command)

    def value(self, name: str) -> str:
        """What follows an option; empty where it is not given."""
        return next((option[1] for option in self.options if option[0] == name), "")

    @property
    def sources(self) -> tuple[str, ...]:
        """What is mounted into the container."""
        return tuple(option[1].partition(":")[0] for option in self.options if option[0] == "-B")

    def at_home(self) -> "Call":
        """The home is the scratch directory, under the name that it has inside."""
        return replace(self, options=tuple(map(_at_home, self.options)))

    def working_in(self, directory: str) -> "Call":
        """With another directory for what Apptainer makes for this container, /tmp among it."""
        options = (("-W", directory) if option[0] == "-W" else option for option in self.options)
        return replace(self, options=tuple(options))

    def bound(self, binds: tuple[str, ...]) -> "Call":
        """With more mounts."""
        return replace(self, options=(*self.options, *(("-B", bind) for bind in binds)))


def parse(words: tuple[str, ...]) -> Call:
    """ValueError for everything that HTCondor does not say, or that leaves out what a job must have."""
    at = next((number for number, word in enumerate(words) if word not in _GLOBAL), len(words))
    if at == len(words) or words[at] not in _ACTIONS:
        raise ValueError(f"it is not called as HTCondor does: {' '.join(words[: at + 1])!r}")
    options, rest = _options(words[at + 1 :])
    if not rest or [option[0] for option in options].count("-W") != 1:
        raise ValueError("it is not called as HTCondor does")
    return Call(words[:at], words[at], options, rest[0], rest[1:])


def _options(words: tuple[str, ...]) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    options: list[tuple[str, ...]] = []
    while words and words[0].startswith("-"):
        if words[0] in _WITH_VALUE and len(words) > 1 and words[1].startswith("/"):
            options, words = [*options, words[:2]], words[2:]
        elif words[0] in _FLAGS:
            options, words = [*options, words[:1]], words[1:]
        else:
            raise ValueError(f"{' '.join(words[:2])!r} is no option of a job's container")
    return tuple(options), words


def _at_home(option: tuple[str, ...]) -> tuple[str, ...]:
    return ("--home", f"{option[1]}:{INSIDE}") if option[0] == "--home" and ":" not in option[1] else option
