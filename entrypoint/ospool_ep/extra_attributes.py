"""/etc/osg/extra-attributes.cfg: `key = expression` lines that the site adds to the machine ad."""

import re
from dataclasses import dataclass

from ospool_ep import classads, jwt, macros
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Problem

PATH = "/etc/osg/extra-attributes.cfg"
_WHY = "the pilot does not start with an attribute that would be missing or wrong in its ad"
# An attribute is a configuration macro of the same name, so these would change how the daemons work
# instead of what the ad says. The fixed names come from HTCondor itself; these families have no fixed names.
_KNOB_FAMILIES = re.compile(
    r"(STARTD|STARTER|MASTER|SLOT_TYPE|SLOT\d*|SLOTS|NUM_SLOTS|MACHINE_RESOURCE|SEC|ALLOW|DENY|DAEMON|SHARED_PORT|"
    r"PROCD|GPUS?|FILETRANSFER|CONDOR)(_.*)?|.*_(LOG|DEBUG|ARGS|ENVIRONMENT)",
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
# These words begin statements of the configuration language.
_STATEMENTS = frozenset(("use", "if", "elif", "else", "endif", "include", "error", "warning"))
_DUMP_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Attribute:
    """One attribute of the machine ad: `text` is a complete ClassAd expression in HTCondor's old syntax."""

    name: str
    text: str


def taken(machine: Machine) -> frozenset[str]:
    """Names of HTCondor's knobs and of its job and machine attributes, lower case; none where it does not answer."""
    dump = machine.run(("condor_config_val", "-dump"), _DUMP_TIMEOUT_S, {"CONDOR_CONFIG": "ONLY_ENV"})
    if dump.status != 0:
        return frozenset()
    names = {line.partition("=")[0].strip().lower() for line in dump.stdout.splitlines() if "=" in line}
    return frozenset(names | {name.lower() for name in classads.known_attributes()})


def read(machine: Machine) -> tuple[tuple[Attribute, ...], tuple[Problem, ...]]:
    """The file's attributes, none when there is no file."""
    if not machine.path(PATH).exists():
        return (), ()
    try:
        text = machine.read(PATH).decode("utf-8")
    except OSError as error:
        cure = f"mount a file (not a directory) that uid {machine.uid} may read; on the host: chmod a+r FILE"
        return (), (
            Problem("extra-attributes-unreadable", f"{PATH} cannot be read", _WHY, cure, Exit.PERMISSION, str(error)),
        )
    except UnicodeDecodeError as error:
        return (), (
            Problem("extra-attributes-encoding", f"{PATH} is not UTF-8", _WHY, "save it as UTF-8", raw=str(error)),
        )
    names = taken(machine)
    return parse(text, names) if names else ((), (_unchecked(),))


def _unchecked() -> Problem:
    found = f"condor_config_val does not answer, so the names in {PATH} cannot be checked"
    cure = "give the container a network (HTCondor hangs without an interface, as with --network none)"
    return Problem("extra-attributes-unchecked", found, _WHY, cure, Exit.UNFIT)


def parse(text: str, names: frozenset[str]) -> tuple[tuple[Attribute, ...], tuple[Problem, ...]]:
    """Attributes in order, and one problem for each bad line, with its number."""
    good: dict[str, Attribute] = {}
    problems = []
    # Only \n ends a line: splitlines() would also split at a form feed or U+2028 inside a value.
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        attribute, reason = _line(line, good, names)
        if attribute:
            good[attribute.name.lower()] = attribute
        else:
            problems.append(_bad(number, line, reason))
    return tuple(good.values()), tuple(problems)


def _line(line: str, good: dict[str, Attribute], names: frozenset[str]) -> tuple[Attribute | None, str]:
    name, equals, text = (part.strip() for part in line.partition("="))
    if jwt.inside(name):
        return None, "holds a token (JSON Web Token), which does not belong here"
    if not equals:
        return None, "has no = (values cannot go on over several lines)"
    if not classads.NAME.fullmatch(name):
        return None, f"{name!r} is not an attribute name (a letter or _, then letters, digits and _)"
    if name.lower() in good:
        return None, f"{name} is already set further up"
    if name.lower() in names | _STATEMENTS or _KNOB_FAMILIES.fullmatch(name) or _PILOT_FAMILIES.fullmatch(name):
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
    shown = "" if jwt.inside(line) else line if len(line) <= 80 else line[:77] + "..."
    found = f"{PATH} line {number}: {reason}\n{shown}"
    return Problem(
        "extra-attributes-line", found, _WHY, f'correct line {number}; the form is  NAME = "text"  or  NAME = 42'
    )
