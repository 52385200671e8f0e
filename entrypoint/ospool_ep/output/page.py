"""What is shown to people, whatever the form."""

from dataclasses import dataclass

from ospool_ep.problem import Problem
from ospool_ep.report import Line


@dataclass(frozen=True)
class Page:
    """In this order: what was looked at, tables, problems, a hint on these, a verdict where something is refused."""

    lines: tuple[Line, ...]
    tables: tuple[str, ...] = ()
    hint: str = ""
    verdict: str = ""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of all lines."""
        return tuple(problem for line in self.lines for problem in line.problems)
