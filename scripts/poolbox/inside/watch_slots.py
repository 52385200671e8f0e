"""Runs in the central manager: wait for a slot ad. Arguments: CONSTRAINT TIMEOUT_S POLL_S [gone].

Prints `watching` when it has asked once, then `EPOCH_SECONDS NAME` of the first ad seen (with `gone`:
EPOCH_SECONDS when there is none left). Exit status 1 after the time-out.
"""

import sys
import time

import htcondor2


def main() -> int:
    constraint, timeout_s, poll_s = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    gone = sys.argv[4:] == ["gone"]
    collector = htcondor2.Collector()
    end = time.monotonic() + timeout_s
    first = True
    while True:
        ads = collector.query(htcondor2.AdType.Startd, constraint, projection=["Name"])
        if first:
            print("watching", flush=True)
            first = False
        if bool(ads) != gone:
            print(f"{time.time():.3f} {ads[0]['Name'] if ads else ''}", flush=True)
            return 0
        if time.monotonic() > end:
            return 1
        time.sleep(poll_s)


sys.exit(main())
