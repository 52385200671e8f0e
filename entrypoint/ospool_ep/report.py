"""How findings look on a screen and in `docker logs`."""

import textwrap
from dataclasses import dataclass

from ospool_ep.log import Log
from ospool_ep.problem import Exit, Problem, exit_code

_WIDTH = 110


@dataclass(frozen=True)
class Line:
    """One row of the report: what was looked at, what was found, what is wrong."""

    name: str
    text: str
    problems: tuple[Problem, ...] = ()

    @property
    def mark(self) -> str:
        """The worst that was found."""
        if any(not problem.warning for problem in self.problems):
            return "REFUSED"
        return "warning" if self.problems else "ok"


def show(lines: tuple[Line, ...], log: Log, table: str = "") -> None:
    """What was looked at, a table of details, then every problem with its cure."""
    for line in lines:
        if line.text or line.problems:
            log.line(f"{line.mark:<8}{line.name:<11}{line.text}".rstrip())
    if table:
        log.block(f"\n{table}")
    show_problems(tuple(problem for line in lines for problem in line.problems), log)


def show_problems(problems: tuple[Problem, ...], log: Log) -> None:
    """Warnings first: what stopped the pilot stands last, where the cursor is."""
    for problem in sorted(problems, key=lambda problem: not problem.warning):
        log.block("\n".join(_rows(log.redacted(problem))))
    fatal = sum(not problem.warning for problem in problems)
    if fatal:
        code = exit_code(problems)
        log.line(
            f"not started: {fatal} problem{'s' if fatal > 1 else ''} to correct; exit {code.value} ({_MEANING[code]})"
        )


_MEANING = {Exit.CONFIGURATION: "configuration", Exit.PERMISSION: "token or permission", Exit.UNFIT: "machine unfit",
            Exit.BUG: "a bug of ours", Exit.AGAIN: "start it again"}  # fmt: skip


def _rows(problem: Problem) -> list[str]:
    rows = ["", f"  {'warning' if problem.warning else 'REFUSED'}: {problem.id}"]
    for label, text in (("found", problem.found), ("why", problem.why), ("type", problem.cure), ("error", problem.raw)):
        for number, row in enumerate(_wrapped(text)):
            rows.append(f"    {label + ':' if number == 0 else '':<7}{row}")
    return rows


def _wrapped(text: str) -> list[str]:
    """Long sentences are wrapped; a line that is meant to be pasted or points at a column stays as it is."""
    rows: list[str] = []
    for row in text.strip("\n").split("\n"):
        keep = row != row.strip() or row.startswith(("docker ", "-e ", "podman"))
        rows += [row] if keep else textwrap.wrap(row, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return rows
