"""Turn the text of one environment variable into a value, or say in words why not (ValueError)."""

import re
from collections.abc import Callable

from ospool_ep import macros

TRUE_WORDS = ("y", "yes", "t", "true", "1", "on")
FALSE_WORDS = ("n", "no", "f", "false", "0", "off")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:]+\]")
_HOST_PORT = re.compile(rf"(?P<host>{_HOST.pattern})(:(?P<port>[0-9]{{1,5}}))?(?P<sinful>\?sock=[A-Za-z0-9_.-]+)?")


def tolerate(raw: str, quotes: str) -> str:
    """Drop what env files leave around a value: blanks, a carriage return, one pair of surrounding quotes.

    `docker --env-file` and systemd hand quotes over literally. A value that only begins and ends with a
    quote (`"a" == "b"`) keeps them.
    """
    text = raw.strip()
    if len(text) >= 2 and text[0] == text[-1] and text[0] in quotes and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def text(value: str) -> str:
    """Any printable text that HTCondor's configuration can carry unchanged."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid UTF-8") from None
    control = re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", value)
    if control:
        what = "a line break" if control.group() in "\n\r" else f"the control character {control.group()!r}"
        raise ValueError(f"contains {what} at character {control.start() + 1}")
    hindrance = macros.half(value)
    if hindrance:
        raise ValueError(f"contains {hindrance}, which HTCondor's configuration cannot express")
    return value


def string(value: str) -> str:
    """Text that becomes a ClassAd string; a backslash before a quote has no spelling there.

    One at the end reaches the collector, but an access point that reads the slot's ad takes it for an escaped quote:
    its shadow dies (NTreceivers.cpp:216), and the pilot eats jobs.
    """
    if '\\"' in text(value):
        raise ValueError('contains a backslash followed by a double quote (\\"), which ClassAds cannot express')
    if value.endswith("\\"):
        raise ValueError("ends in a backslash, which not every reader of ClassAds understands")
    return value


def registered(value: str) -> str:
    """A name of OSG Topology: `...` was copied from an example."""
    if not any(character.isalnum() for character in string(value)):
        raise ValueError("is a placeholder, not a name")
    return value


def proxy(value: str) -> str:
    """An HTTP proxy: `host[:port]`, with or without http:// before it; returned with it."""
    match = re.fullmatch(r"(https?://)?([^/]+)/?", string(value))
    if not match or not any(character.isalnum() for character in match[2]) or not _is_host(match[2]):
        raise ValueError("is not the address of an HTTP proxy (http://squid.example.org:3128)")
    return (match[1] or "http://") + match[2]


def printable(value: str) -> str:
    """Whatever another program has set, fit to be shown."""
    return "".join(character if character.isprintable() else "?" for character in value)


def directories(value: str) -> tuple[str, ...]:
    """Absolute paths, separated by colons; what the loader takes beside them is left out."""
    return tuple(path for path in value.split(":") if path.startswith("/") and path.isprintable())


def truth(value: str) -> bool:
    """A word of TRUE_WORDS or FALSE_WORDS in any case."""
    if value.lower() in TRUE_WORDS:
        return True
    if value.lower() in FALSE_WORDS:
        return False
    raise ValueError(f"is neither true ({', '.join(TRUE_WORDS)}) nor false ({', '.join(FALSE_WORDS)})")


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """A parser of whole numbers within bounds."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", value) or not lowest <= int(value) <= highest:
            raise ValueError(f"is not a whole number from {lowest} to {highest}")
        return int(value)

    return parse


def per_node(choose: Callable[[list[int]], int]) -> Callable[[str], int]:
    """A parser of Slurm's short form: `72(x2),36` are nodes of 72, 72 and 36; which of them is ours is not known."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[1-9][0-9]{0,5}(\(x[0-9]+\))?(,[1-9][0-9]{0,5}(\(x[0-9]+\))?)*", value):
            raise ValueError("is not a list of numbers as Slurm writes it")
        return choose([int(node.split("(")[0]) for node in value.split(",")])

    return parse


def hosts(value: str) -> tuple[str, ...]:
    """Host names or addresses with an optional port, separated by commas or blanks."""
    names = tuple(name for name in re.split(r"[,\s]+", value) if name)
    for name in names:
        host(name)
    if not names:
        raise ValueError("names no host")
    return names


def host(value: str) -> str:
    """`host`, `host:port` or `host:port?sock=name`."""
    if not _is_host(value):
        raise ValueError(f"{value!r} is not a host name with an optional port (cm.example.org or cm.example.org:9618)")
    return value


def _is_host(value: str) -> bool:
    match = _HOST_PORT.fullmatch(value)
    return match is not None and 0 < int(match["port"] or 1) < 65536


def country(value: str) -> str:
    """Two letters of ISO 3166."""
    if not re.fullmatch(r"[A-Za-z]{2}", value):
        raise ValueError("is not a country code of two letters")
    return value.upper()
