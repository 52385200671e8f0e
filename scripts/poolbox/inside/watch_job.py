"""Runs in the access point: wait until a job ends or is held. Arguments: EVENT_LOG TIMEOUT_S.

Prints one JSON object: state (done, held, removed, waiting), exit_code, signal, hold_reason, hold_code,
events.
"""

import json
import sys

import htcondor2

FINAL = {"JOB_TERMINATED": "done", "JOB_HELD": "held", "JOB_ABORTED": "removed"}


def main() -> None:
    seen = []
    result = {"state": "waiting", "exit_code": None, "signal": None, "hold_reason": "", "hold_code": None}
    # The log blocks on inotify: nothing polls.
    for event in htcondor2.JobEventLog(sys.argv[1]).events(stop_after=int(float(sys.argv[2]))):
        seen.append(event.type.name)
        if event.type.name in FINAL:
            result["state"] = FINAL[event.type.name]
            result["exit_code"] = event.get("ReturnValue")
            result["signal"] = event.get("TerminatedBySignal")
            result["hold_reason"] = event.get("HoldReason", "")
            result["hold_code"] = event.get("HoldReasonCode")
            break
    print(json.dumps({**result, "events": seen}))


main()
