"""The selftest's command line."""

import argparse
from dataclasses import dataclass
from typing import NoReturn

from ospool_ep.problem import Problem, Refused

USAGE = "docker run --rm <the pilot's options> --entrypoint ospool-selftest IMAGE [options]"


@dataclass(frozen=True)
class Options:
    """`explain`: an id, or empty; `job`: the name of a file, - for standard input, or empty."""

    json: bool = False
    quiet: bool = False
    strict: bool = False
    offline: bool = False
    explain: str = ""
    job: str = ""


class _Parser(argparse.ArgumentParser):
    """A wrong option is answered like any other wrong input."""

    def error(self, message: str) -> NoReturn:
        raise Refused(Problem("argument", message, "the selftest does not know what is wanted", USAGE))


def parse(arguments: tuple[str, ...]) -> Options:
    """Raises Refused, and SystemExit for --help."""
    return Options(**vars(_parser().parse_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        "ospool-selftest", usage=USAGE, allow_abbrev=False,
        description="Check everything that a pilot with these options would need; change nothing, join nothing.",
        epilog="Exit status: 0 where a pilot would start (with --job: and the job would come to it, else 1), "
        "otherwise the pilot's own code for the first failure.",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="for programs: one document, described in docs/selftest.md")
    parser.add_argument("--quiet", action="store_true", help="show what is wrong, and nothing else")
    parser.add_argument("--strict", action="store_true", help="end with 1 where there are only warnings")
    parser.add_argument("--offline", action="store_true", help="ask neither the pool nor the proxy")
    parser.add_argument(
        "--explain",
        metavar="ID",
        default="",
        help="the long text on a finding (gpu-lost, ...); list: all ids; no check",
    )
    parser.add_argument(
        "--job",
        metavar="FILE",
        default="",
        help="say clause by clause why this job would or would not come: its ad as condor_q -l prints it, or some "
        "lines Attr = value; the container must have the file (-v $PWD/job.ad:/job.ad:ro ... --job /job.ad), or gets "
        "it on standard input (docker run -i ... --job - < job.ad)",
    )
    return parser
