"""A job's ad from its text: as `condor_q -l` prints it, or a few lines of somebody's own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ospool_ep import classads
from ospool_ep.for_job.source import USAGE
from ospool_ep.problem import Problem, Refused, shorten

_LINE = re.compile(r"\s*(?:\+|MY\.)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=(?![=?!])\s*(?P<text>.*?)\s*", re.IGNORECASE)
# What HTCondor's programs print beside ads, and comments.
_BESIDE = re.compile(r"(--\s|#|Dry-Run job|\d+ job\(s\) dry-run).*")
_SUBMIT = re.compile(
    r"\s*(queue\b(?!\s*=).*|(executable|universe|request_\w+|should_transfer_files|\w+_transfer_\w+)\s*=.*)", re.I
)
# Every queued job has it; nobody writes it by hand.
_WHOLE = "clusterid"
_WHY = "the job cannot be compared with this pilot"
_UNITS = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])B?", re.IGNORECASE)
_MEGABYTES = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2}


@dataclass(frozen=True)
class Job:
    """`attributes`: names, as they are spelled, to ClassAd text. `ads`: how many there were; the first one counts.

    `whole`: it comes from a queue. `assumed`: what was added to a few lines, in words.
    """

    attributes: Mapping[str, str]
    ads: int = 1
    whole: bool = True
    assumed: tuple[str, ...] = ()

    def get(self, name: str) -> str | None:
        """An attribute's text, however its name is spelled."""
        return next((text for one, text in self.attributes.items() if one.lower() == name.lower()), None)


def job(data: bytes) -> Job:
    """Raises Refused, with the line where it is no ad."""
    text = _decoded(data)
    _other_format(text)
    groups = _groups(text)
    whole = [group for group in groups if any(_named(row, _WHOLE) for _, row in group)]
    rows = whole[0] if whole else [row for group in groups for row in group]
    if not rows:
        raise Refused(Problem("job-empty", "--job: no line of the form Attr = value", _WHY, USAGE))
    attributes: dict[str, str] = {}
    for number, row in rows:
        name, value = _attribute(number, row)
        spelled = next((one for one in attributes if one.lower() == name.lower()), name)
        attributes[spelled] = value
    return Job(attributes, len(groups) if whole else 1, bool(whole))


def _decoded(data: bytes) -> str:
    if b"\0" in data[:4096] or data[:2] in (b"\x1f\x8b", b"PK"):
        raise Refused(Problem("job-binary", "--job: this is not a text", _WHY, USAGE))
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")


def _other_format(text: str) -> None:
    """Formats that people have at hand, and that are told apart at once."""
    start = text.lstrip()[:200]
    for beginning, what in (("<", "XML"), ("{", "JSON"), ("[", "JSON, or ClassAds in the new syntax")):
        if start.startswith(beginning):
            cure = f"condor_q -l 123.0 > job.ad   (without -json or -xml)\n{USAGE}"
            raise Refused(Problem("job-format", f"--job: this looks like {what}", _WHY, cure))


def _groups(text: str) -> list[list[tuple[int, str]]]:
    """Rows with their numbers; blank rows are between ads."""
    groups: list[list[tuple[int, str]]] = [[]]
    for number, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            groups.append([])
        elif not _BESIDE.match(row.strip()):
            groups[-1].append((number, row))
    return [group for group in groups if group]


def _named(row: str, name: str) -> bool:
    match = _LINE.fullmatch(row)
    return match is not None and match["name"].lower() == name


def _attribute(number: int, row: str) -> tuple[str, str]:
    if _SUBMIT.fullmatch(row):
        found = f"--job: line {number} is one of a submit description: {shorten(row.strip())}"
        cure = f"condor_submit -dry-run job.ad job.sub   (prints the ad that it would send)\n{USAGE}"
        raise Refused(Problem("job-format", found, _WHY, cure))
    match = _LINE.fullmatch(row)
    if not match:
        found = f"--job: line {number} is not of the form Attr = value: {shorten(row.strip())}"
        raise Refused(Problem("job-syntax", found, _WHY, USAGE))
    name, value = match["name"], re.sub(r"[\x00-\x1f\x7f]", " ", match["text"])
    failure = classads.parse(value)
    if isinstance(failure, classads.ParseFailure):
        found = f"--job: line {number}: {name} = {shorten(value)}: not a ClassAd expression: {failure}"
        raise Refused(Problem("job-syntax", found, _WHY, _cure(name, value)))
    return name, value


def _cure(name: str, value: str) -> str:
    units = _UNITS.fullmatch(value.strip("\"'"))
    if units and name.lower() in ("requestmemory", "requestdisk"):
        amount = float(units[1]) * _MEGABYTES[units[2].upper()]
        return f"{name} = {int(amount)}" if name.lower() == "requestmemory" else f"{name} = {int(amount * 1024)}"
    if re.fullmatch(r"[\w .,:@/+-]+", value):
        return f'{name} = "{value}"   (texts stand in double quotes)'
    return f"correct this line; as the access point has it: condor_q -l 123.0 | grep {name}"
