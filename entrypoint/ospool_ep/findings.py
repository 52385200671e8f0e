"""Everything that one run of the selftest has found."""

from dataclasses import dataclass

from ospool_ep.for_job.answer import Answer
from ospool_ep.preflight import Plan
from ospool_ep.privileges.facts import Facts
from ospool_ep.status.check import Report


@dataclass(frozen=True)
class Findings:
    """`plan`: the boot's, with the lines of the selftest's own checks; `pilot`: the one that runs here, if any;
    `answer`: to --job; `allowed`: what this container may do.
    """

    plan: Plan
    allowed: Facts
    pilot: Report
    answer: Answer | None
