"""Python in a process of its own before a real pseudo-terminal of a chosen size."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

_PATHS = os.pathsep.join(str(Path(__file__).parents[1] / name) for name in ("entrypoint", "tests"))
_LONGEST_S = 60.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*[mK]")


def before(program, columns=100, env=None, both=True):
    """What a program (text) writes to a terminal as its standard output and error; `both` false: to the error alone."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": _PATHS, "LANG": "C.UTF-8", "TERM": "xterm"} | (env or {})
    out = theirs if both else subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=out, stderr=theirs, env=environ)
    os.close(theirs)
    try:
        said = _read(ours)
        assert process.wait(_LONGEST_S) == 0, said.decode()
    finally:
        process.kill()
        os.close(ours)
    return said.decode().replace("\r\n", "\n")


def _read(descriptor):
    """Up to the end, which a terminal gives as an error."""
    said, end = b"", time.monotonic() + _LONGEST_S
    while time.monotonic() < end and select.select([descriptor], [], [], _LONGEST_S)[0]:
        try:
            more = os.read(descriptor, 1 << 16)
        except OSError:
            break
        if not more:
            break
        said += more
    return said


def uncoloured(text):
    return _COLOUR.sub("", text)
