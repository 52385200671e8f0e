"""/etc/osg/extra-attributes.cfg: `key = expression` lines that the site adds to the machine ad."""

import re
from dataclasses import dataclass

from ospool_ep import classads, jwt, macros
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem, shorten
from ospool_ep.reserved import reserved

PATH = "/etc/osg/extra-attributes.cfg"
_WHY = "the pilot does not start with an attribute that would be missing or wrong in its ad"
# So many bad lines are shown one by one.
_SHOWN = 20


@dataclass(frozen=True)
class Attribute:
    """One attribute of the machine ad: `text` is a complete ClassAd expression in HTCondor's old syntax."""

    name: str
    text: str


def read(machine: Machine) -> tuple[tuple[Attribute, ...], tuple[Problem, ...]]:
    """The file's attributes, none when there is no file."""
    path = machine.path(PATH)
    if path.is_dir():
        return (), (_directory(),)
    try:
        text = machine.read(PATH).decode("utf-8") if path.exists() else ""
    except OSError as error:
        return (), (_unreadable(machine.uid, error),)
    except UnicodeDecodeError as error:
        found = f"{PATH} is not UTF-8"
        return (), (Problem("extra-attributes-encoding", found, _WHY, "save it as UTF-8", raw=str(error)),)
    return parse(text)


def _directory() -> Problem:
    found = f"{PATH} is a directory: most likely the path on the host, left of the colon in -v, does not exist"
    return Problem("extra-attributes-directory", found, _WHY, f"docker run -v /path/to/file:{PATH}")


def _unreadable(uid: int, error: OSError) -> Problem:
    cure = f"on the host: chmod a+r the file (uid {uid} reads it)"
    return Problem("extra-attributes-unreadable", f"{PATH} cannot be read", _WHY, cure, Exit.PERMISSION, str(error))


def parse(text: str) -> tuple[tuple[Attribute, ...], tuple[Problem, ...]]:
    """Attributes in order, and one problem for each bad line, with its number; a few for a file full of them."""
    good: dict[str, Attribute] = {}
    problems: list[Problem] = []
    # Only \n ends a line: splitlines() would also split at a form feed or U+2028 inside a value.
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        attribute, reason = _line(line, good)
        if attribute:
            good[attribute.name.lower()] = attribute
        else:
            problems.append(_bad(number, line, reason))
    more = len(problems) - _SHOWN
    return tuple(good.values()), (*problems[:_SHOWN], *((_more(more),) if more > 0 else ()))


def _more(count: int) -> Problem:
    cure = "correct the lines above; the same mistake is likely"
    return Problem("extra-attributes-more", f"{PATH}: {count} more bad lines", _WHY, cure)


def _line(line: str, good: dict[str, Attribute]) -> tuple[Attribute | None, str]:
    name, equals, text = (part.strip() for part in line.partition("="))
    if jwt.inside(name):
        return None, "holds a token (JSON Web Token), which does not belong here"
    if not equals:
        return None, "has no = (values cannot go on over several lines)"
    if not classads.NAME.fullmatch(name):
        return None, f"{name!r} is not an attribute name (a letter or _, then letters, digits and _)"
    if name.lower() in good:
        return None, f"{name} is already set further up"
    if reserved(name):
        return None, f"{name} is a name that the pilot or HTCondor uses itself"
    if jwt.inside(text):
        return None, f"{name} holds a token (JSON Web Token), and everybody can read the machine ad"
    value = classads.parse(text)
    if isinstance(value, classads.ParseFailure):
        return None, f"{value}{_hint(text)}"
    hindrance = macros.obstacle(text)
    return (None, f"contains {hindrance}, which HTCondor cannot express") if hindrance else (Attribute(name, text), "")


def _hint(text: str) -> str:
    if text.count('"') % 2:
        return "; a double quote is missing"
    return '; text needs double quotes: "..."' if re.fullmatch(r"[\w ./:@+-]+", text) else ""


def _bad(number: int, line: str, reason: str) -> Problem:
    shown = "" if jwt.inside(line) else shorten(line)
    found = f"{PATH} line {number}: {reason}\n{shown}"
    return Problem(
        "extra-attributes-line", found, _WHY, f'correct line {number}; the form is  NAME = "text"  or  NAME = 42'
    )


def summary(attributes: tuple[Attribute, ...]) -> str:
    """One line for people; nothing where there is nothing."""
    names = [attribute.name for attribute in attributes]
    more = f", and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"extra: {', '.join(names[:_SHOWN])}{more}" if names else ""
