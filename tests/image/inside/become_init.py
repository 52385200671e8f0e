"""Becomes the pilot's init, as PID 1 of the pilot does. Arguments: a shell script, and names of signals.

The script is a payload's, as condor_master is one: a grandchild. A shell between them stands in for cvmfsexec: it
passes no signal on, and ends as the payload does. The signals are sent while nobody can hear them, before init starts;
the payload says with a file /tmp/ready that it can.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

INIT = "/usr/libexec/ospool-ep/init"
LEAVE = "/tmp/leave"
PR_SET_CHILD_SUBREAPER = 36
STANDIN = """\
bash -c "echo \\$\\$ >/tmp/payload.new; mv /tmp/payload.new /tmp/payload; $1" payload
status=$?
eval "$STANDIN_END"
exit $status
"""


def main():
    script, *pending = sys.argv[1:]
    if "LEAVE" in os.environ:
        Path(LEAVE).write_text(os.environ["LEAVE"])
    if "ORPHANS_FIRST" in os.environ:  # the script makes some before init can have them
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    standin = subprocess.Popen(("bash", "-c", STANDIN, "standin", script))
    while not Path("/tmp/ready" if pending else "/tmp/payload").exists():
        os.sched_yield()
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    for name in pending:
        os.kill(os.getpid(), signal.Signals[name])
    payload = Path("/tmp/payload").read_text().strip()
    if "IGNORE_CHILDREN" in os.environ:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    os.execv(INIT, (INIT, str(standin.pid), payload, LEAVE))


main()
