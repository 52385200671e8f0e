"""What a person is told when something is wrong: found, why it matters, what to type."""

from dataclasses import dataclass
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the container (sysexits.h, so that systemd names them); documented in the README."""

    OK = 0
    UNFIT = 69  # EX_UNAVAILABLE: the machine cannot do what was asked
    BUG = 70  # EX_SOFTWARE: ours
    AGAIN = 75  # EX_TEMPFAIL: start it again; what it has lost will be back
    PERMISSION = 77  # EX_NOPERM: token or permission
    CONFIGURATION = 78  # EX_CONFIG: a setting or a mounted file


@dataclass(frozen=True)
class Problem:
    """One finding.

    `id` is stable (documentation and scripts refer to it), `cure` can be pasted or typed, `raw` is the
    error of the program below us, unabridged. A problem is fatal unless `warning` is true.
    """

    id: str
    found: str
    why: str
    cure: str
    exit_code: Exit = Exit.CONFIGURATION
    raw: str = ""
    warning: bool = False


def shorten(text: str, limit: int = 80) -> str:
    """At most `limit` characters of what somebody wrote, for quoting it back."""
    return text if len(text) <= limit else text[: limit - 3] + "..."


def warning(id: str, found: str, why: str, cure: str, raw: str = "") -> Problem:
    """A problem that is told but does not stop the pilot."""
    return Problem(id, found, why, cure, Exit.OK, raw, warning=True)


def exit_code(problems: tuple[Problem, ...]) -> Exit:
    """The code of the first fatal problem (problems come in the order of the table of checks)."""
    return next((problem.exit_code for problem in problems if not problem.warning), Exit.OK)


class Refused(Exception):
    """Raised where an act fails although its check passed; ends in the same report as a check."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__(", ".join(problem.id for problem in problems))
        self.problems = problems
