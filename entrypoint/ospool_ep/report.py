"""How findings look on a screen and in `docker logs`."""

import textwrap
from dataclasses import dataclass

from ospool_ep.log import Log
from ospool_ep.problem import Exit, Problem, exit_code

_WIDTH = 121


@dataclass(frozen=True)
class Line:
    """One row of the report: what was looked at, what was found, what is wrong.

    `absent`: why the check does not apply here; then there is no text.
    """

    name: str
    text: str
    problems: tuple[Problem, ...] = ()
    absent: str = ""

    @property
    def mark(self) -> str:
        """The worst that was found."""
        if any(not problem.warning for problem in self.problems):
            return "REFUSED"
        if self.problems:
            return "warning"
        return "n/a" if self.absent and not self.text else "ok"

    @property
    def told(self) -> str:
        """What was found, or why there was nothing to look at."""
        return self.absent if self.mark == "n/a" else self.text


@dataclass(frozen=True)
class Style:
    """`width` of a row, in characters; colours and more than ASCII, only where somebody sees them."""

    width: int = _WIDTH
    colour: bool = False
    unicode: bool = False

    def painted(self, text: str, mark: str) -> str:
        """In the colour of a mark."""
        return f"\x1b[{_PAINT[mark]}m{text}\x1b[0m" if self.colour else text


_PAINT = {"ok": "32", "warning": "33", "REFUSED": "31;1", "n/a": "2", "group": "1"}
PLAIN = Style()


def show(lines: tuple[Line, ...], log: Log) -> None:
    """What was looked at, then every problem with its cure. Where there was nothing to look at nothing is said."""
    for line in lines:
        if line.text or line.problems:
            log.line(row(line))
    show_problems(tuple(problem for line in lines for problem in line.problems), log)


def row(line: Line) -> str:
    """A check in one row."""
    return f"{line.mark:<8}{line.name:<11}{line.told}".rstrip()


def show_problems(problems: tuple[Problem, ...], log: Log) -> None:
    """Every problem, and the verdict."""
    for block in blocks(problems, log):
        log.block(block)
    if exit_code(problems):
        log.line(verdict(problems))


def blocks(
    problems: tuple[Problem, ...], log: Log, style: Style = PLAIN, *, gravest_first: bool = False
) -> tuple[str, ...]:
    """Warnings first, at boot: what stopped the pilot stands last, where the cursor is."""
    ranked = sorted(problems, key=lambda one: one.warning is gravest_first)
    return tuple("\n".join(_rows(log.redacted(problem), style)) for problem in ranked)


def verdict(problems: tuple[Problem, ...]) -> str:
    """Of problems that stop the pilot."""
    fatal = sum(not problem.warning for problem in problems)
    code = exit_code(problems)
    return f"not started: {fatal} problem{'s' if fatal > 1 else ''} to correct; exit {code.value} ({_MEANING[code]})"


_MEANING = {Exit.CONFIGURATION: "configuration", Exit.PERMISSION: "token or permission", Exit.UNFIT: "machine unfit",
            Exit.BUG: "a bug of ours", Exit.AGAIN: "start it again"}  # fmt: skip
_INDENT = 11
# How lines begin that are pasted: a command's options, and Kubernetes' words for them.
_PASTED = ("docker ", "podman ", "apptainer ", "-e ", "--", "env: ", "volumeMounts: ", "resources: ", "securityContext")


def _rows(problem: Problem, style: Style) -> list[str]:
    mark = "warning" if problem.warning else "REFUSED"
    rows = ["", f"  {style.painted(f'{mark}: {problem.id}', mark)}"]
    for label, text in (("found", problem.found), ("why", problem.why), ("type", problem.cure), ("error", problem.raw)):
        for number, row in enumerate(wrapped(text, style.width - _INDENT)):
            rows.append(f"    {label + ':' if number == 0 else '':<7}{row}")
    return rows


def wrapped(text: str, width: int) -> list[str]:
    """Long sentences are wrapped; a line that is meant to be pasted or points at a column stays as it is."""
    rows: list[str] = []
    for row in text.strip("\n").split("\n"):
        keep = row != row.strip() or row.startswith(_PASTED)
        rows += [row] if keep else textwrap.wrap(row, width, break_long_words=False, break_on_hyphens=False)
    return rows
