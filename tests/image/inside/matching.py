"""Runs in the access point: which of the jobs of a list of clusters some machine would take, were it idle.

Prints their clusters.
"""

import json
import sys

import htcondor2

WHOLE = {"Cpus": "TotalSlotCpus", "Memory": "TotalSlotMemory", "Disk": "TotalSlotDisk"}


def main():
    machines = htcondor2.Collector().query(htcondor2.AdType.Startd, "PartitionableSlot")
    for machine in machines:
        for name, total in WHOLE.items():
            machine[name] = int(machine[total])
    jobs = htcondor2.Schedd().query(f"member(ClusterId, {{{', '.join(map(str, json.load(sys.stdin)))}}})")
    print(json.dumps([job["ClusterId"] for job in jobs if any(map(job.symmetricMatch, machines))]))


main()
