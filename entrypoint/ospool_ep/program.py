"""What all our programs have in common: nothing ends in a traceback."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from ospool_ep import VERSION, runtime
from ospool_ep.log import Log, redact
from ospool_ep.machine import Machine
from ospool_ep.problem import Exit, Refused, exit_code
from ospool_ep.report import show_problems
from ospool_ep.settings import runtime_marks, secrets_of, wants_traceback

TRACEBACK = Path("/tmp/ospool-ep-traceback.txt")  # in the container; named on the screen


def run(command: Callable[[Log], int], environ: Mapping[str, str], name: str, stream: TextIO | None = None) -> int:
    """The exit code of a command; `name` begins its lines on `stream` (standard output)."""
    log = Log(secrets_of(environ), stream or sys.stdout, name)
    try:
        return command(log)
    except Refused as refused:
        from ospool_ep import cures

        here = runtime.look(Machine(), runtime_marks(environ))
        show_problems(cures.told(refused.problems, here), log)
        return exit_code(refused.problems)
    except Exception as error:  # noqa: BLE001 - the last line of defence
        return _bug(error, environ, log)


def _bug(error: Exception, environ: Mapping[str, str], log: Log) -> int:
    """One line on the screen; the traceback in a file, or on the screen when asked for."""
    import traceback  # costs milliseconds that a boot without bugs can save

    text = redact("".join(traceback.format_exception(error)), log.secrets)
    if wants_traceback(environ):
        log.block(text)
        kept = "shown above"
    else:
        kept = _keep(text)
    log.line(f"bug: {type(error).__name__}: {error} (ospool-ep {VERSION}; traceback {kept}); exit {Exit.BUG.value}")
    return Exit.BUG


def _keep(text: str) -> str:
    try:
        TRACEBACK.write_text(text, encoding="utf-8")
    except OSError:
        return "with -e OSPOOL_EP_TRACEBACK=1"
    return f"in {TRACEBACK}, or on the screen with -e OSPOOL_EP_TRACEBACK=1"
