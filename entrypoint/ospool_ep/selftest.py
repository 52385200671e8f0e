"""`ospool-selftest`: the boot's own checks, shown, and nothing else.

It has no second opinion: what is green here boots, what the boot refuses is refused here in the same words.
"""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

from ospool_ep import VERSION, instance
from ospool_ep.boot import run
from ospool_ep.log import Log
from ospool_ep.machine import Machine
from ospool_ep.preflight import preflight
from ospool_ep.problem import Problem, Refused, exit_code
from ospool_ep.report import show
from ospool_ep.settings import take


def main(_started: float) -> NoReturn:
    """Exit status 0, or the boot's code for the first failure."""
    os._exit(run(_selftest, sys.argv[1:], take(os.environ), "SELFTEST"))


def _selftest(arguments: list[str], environ: Mapping[str, str], log: Log) -> int:
    if arguments:
        cure = "docker run --rm <the pilot's options> --entrypoint ospool-selftest IMAGE"
        raise Refused(Problem("argument", f"unknown argument {arguments[0]!r}", "the selftest takes none", cure))
    log.line(f"ospool-selftest {VERSION}")
    plan = preflight(Machine(), environ, instance.new_name())
    show(plan.lines, log)
    code = exit_code(plan.problems)
    if code == 0:
        log.line("a pilot would start with these options; whether the pool accepts its token is not tested here")
    return code
