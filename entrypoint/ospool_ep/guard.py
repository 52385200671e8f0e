"""The first module: a program that cannot even be imported still ends with one line and the code of a bug."""

import importlib
import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn


def start(module: str) -> NoReturn:
    """Import a program and hand it the moment of its first line (time.monotonic())."""
    started = time.monotonic()
    # What is opened later must not become our standard output
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # The kernel drops signals that a PID 1 has no handler for: `docker stop` must work from the first moment.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    try:
        program = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - a damaged installation can raise anything
        _broken(error)
    program.main(started)
    os._exit(0)


def _stopped(number: int, _frame: FrameType | None) -> None:
    os._exit(128 + number)


def _broken(error: Exception) -> NoReturn:
    """Nothing of ours can be relied upon here but the exit code of a bug (problem.Exit.BUG)."""
    if os.environ.get("OSPOOL_EP_TRACEBACK", "0") not in ("", "0", "false", "no"):
        import traceback

        traceback.print_exception(error, file=sys.stdout)
    hint = "traceback on the screen with -e OSPOOL_EP_TRACEBACK=1"
    print(f"bug: {type(error).__name__}: {error} (while the program was loaded; {hint}); exit 70", flush=True)
    os._exit(70)
