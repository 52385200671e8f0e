"""Plans for the selftest's output: made by the boot's own checks on a fake root, with lines of every kind."""

import dataclasses

import fakes
import gpu_fakes
from ospool_ep.findings import Findings
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.rows import rows
from ospool_ep.preflight import preflight
from ospool_ep.privileges.facts import Facts
from ospool_ep.problem import Exit, Problem, warning
from ospool_ep.report import Line
from ospool_ep.status.check import Report

FATAL = Problem("scratch-full", "what was found", "why it matters", "type this", Exit.UNFIT, "raw: error 5")
HINT = warning("shm-small", "found too", "little", "docker run --shm-size=64m, or more")
OK = Line("user", "osg (uid 1000)")
WARNED = Line("limits", "processes: 5", (HINT,))
REFUSED = Line("scratch", "/pilot, 0.1 GB free", (FATAL,))
ABSENT = Line("proxy", "", (), "OSG_SQUID_LOCATION is not set")
ALL_KINDS = (OK, WARNED, REFUSED, ABSENT)
GPUS = Gpus(rows(gpu_fakes.seen(gpu_fakes.gpu(0), gpu_fakes.failed(1)), ()), contained=True)


def real(root, environ=fakes.GOOD):
    """What the checks say of a fake root, which is made where it is not there."""
    there = root if (root / "pilot").exists() else fakes.image_root(root)
    return preflight(fakes.machine(there), environ, "0123abcd")


def plan(root, *lines, gpus=None):
    """With these lines instead."""
    return dataclasses.replace(real(root), lines=lines, gpus=gpus or Gpus())


def findings(whole, pilot=None, answer=None):
    """Of a selftest that has found this plan."""
    return Findings(whole, Facts(), pilot or Report(), answer)
