"""Runs in the access point as the user: follows many jobs' logs until each of them has ended, or for a time.

Reads a list of directories; argument: TIMEOUT_S. Prints for each job what poolbox/inside/watch_job.py prints for one,
and its standard output and error.
"""

import json
import sys
import time
from pathlib import Path

import htcondor2

FINAL = {"JOB_TERMINATED": "done", "JOB_HELD": "held", "JOB_ABORTED": "removed"}


class Followed:
    """One job."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.log = htcondor2.JobEventLog(str(self.directory / "log"))
        self.events, self.last = [], None

    def read(self):
        """The next events; whether the job has ended."""
        for event in () if self.ended else self.log.events(stop_after=0):
            self.events.append(event.type.name)
            if event.type.name in FINAL:
                self.last = event
                break
        return self.ended

    @property
    def ended(self):
        return self.last is not None

    def said(self):
        last = self.last or {}
        return {
            "state": FINAL[self.events[-1]] if self.last else "waiting",
            "exit_code": last.get("ReturnValue"),
            "signal": last.get("TerminatedBySignal"),
            "hold_reason": last.get("HoldReason", ""),
            "hold_code": last.get("HoldReasonCode"),
            "stdout": text(self.directory / "out"),
            "stderr": text(self.directory / "err"),
            "events": self.events,
        }


def text(path):
    return path.read_text(errors="replace") if path.exists() else ""


def main(timeout_s):
    followed = [Followed(directory) for directory in json.load(sys.stdin)]
    end = time.monotonic() + timeout_s
    while not all(list(map(Followed.read, followed))) and time.monotonic() < end:
        time.sleep(0.2)
    print(json.dumps([one.said() for one in followed]))


main(float(sys.argv[1]))
