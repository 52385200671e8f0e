#!/usr/bin/env python3
"""Run the pilot's own look at the GPUs on a machine that has some, and compare it with what others say there.

Needs NVIDIA's driver, Python 3.11 or newer and pynvml (nvidia-ml-py); no network, no HTCondor, no Apptainer. Exit
status 0: all that could be compared agrees; 1: something differs, or nothing could be compared.
"""

import dataclasses
import os
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "entrypoint"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gpu import compare, sources
from gpu.compare import Finding, Source
from ospool_ep.gpus import agree, driver, grant, judge, look, opencl, present, seen
from ospool_ep.gpus.cuda import Cuda
from ospool_ep.gpus.discovery import Discovered
from ospool_ep.gpus.found import Gpus
from ospool_ep.gpus.present import Present
from ospool_ep.gpus.rows import Row, rows
from ospool_ep.gpus.seen import Seen
from ospool_ep.machine import Machine, Result
from ospool_ep.problem import Problem

MARKS = {True: "ok", False: "DIFFERS", None: "not checked"}


def main() -> int:
    machine = Machine()
    start = time.monotonic()
    there = present.look(machine, tuple(filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))))
    print(f"Python {platform.python_version()}, Linux {platform.release()}, uid {machine.uid}")
    print(f"files  {1000 * (time.monotonic() - start):.1f} ms: {_files(there)}")
    start = time.monotonic()
    result = ask(machine, there)
    said = dataclasses.replace(seen.understood(result.stdout), stuck="")
    print(f"probe  {time.monotonic() - start:.2f} s, status {result.status}: driver {said.driver or '-'}, "
          f"CUDA {said.cuda or '-'}, {len(said.devices)} devices  {said.words}")  # fmt: skip
    if result.status != 0:
        print(f"no: the probe did not end well: {result.stderr.strip()[-600:]}")
        return 1
    given = _given(said)
    table = rows(said, given)
    _show(said, table, judge.judge(there, said, "", given, table))
    findings = everything(machine, there, said, table)
    return _report(findings)


def ask(machine: Machine, there: Present) -> Result:
    """As the pilot does, with the Python that runs this: pynvml may be anywhere here."""
    words = (sys.executable, str(Path(look.__file__)), *there.directories)
    return machine.run(words, seen.PATIENCE_S, {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))})


def _given(said: Seen) -> tuple[grant.Granted, ...]:
    variables = (os.environ.get(grant.NVIDIA, ""), os.environ.get(grant.CUDA))
    grants = (grant.nvidia(variables[0]), grant.cuda(variables[1]))
    return tuple(grant.granted(one, said.devices) for one in grants if one)


def everything(machine: Machine, there: Present, said: Seen, table: tuple[Row, ...]) -> tuple[Finding, ...]:
    others = sources.everybody(machine, said)
    cuda = others[-1]
    vendors = opencl.ask(machine, there.vendors, there.directories)
    libraries = driver.look(machine, said, there.directories)
    found = Gpus(table, directories=there.directories, files=libraries.files, links=libraries.links)
    used, theirs = agree.ask(machine, found, said) if found.offered else (None, None)
    return (
        *compare.compare(said, others),
        *compare.usable(table, cuda),
        *((_cuda(used, cuda), _htcondor(found, theirs)) if used and theirs else ()),
        *compare.opencl(vendors, cuda, sources.clinfo(machine)),
    )


def _cuda(used: Cuda, source: Source) -> Finding:
    """Our question to CUDA, and the one of cuda_list.py."""
    ours, theirs = (sorted(map(compare.key, uuids)) for uuids in (used.uuids, [one.uuid for one in source.gpus or ()]))
    said = " ".join(ours) or used.words or used.stuck
    return Finding(source.name, "look.py --cuda", said, " ".join(theirs) or source.absent, ours == theirs)


def _htcondor(found: Gpus, theirs: Discovered) -> Finding:
    """condor_gpu_discovery as the boot runs it, with the links to libraries that it needs."""
    name, what, ours = "condor_gpu_discovery", "list of GPUs", {device.id for device in found.offered}
    if theirs.result.status == 127:
        return Finding(name, what, "", "it is not here", None)
    words = " ".join(sorted(theirs.ids)) or theirs.result.stderr.strip()[-300:] or "none"
    return Finding(name, what, " ".join(sorted(ours)), words, theirs.sound and ours == theirs.ids)


def _files(there: Present) -> str:
    parts = (*there.nodes, *there.directories, *there.vendors, "the kernel's module" if there.module else "")
    return ", ".join(filter(None, parts)) or "nothing"


def _show(said: Seen, table: tuple[Row, ...], problems: tuple[Problem, ...]) -> None:
    for one in said.libraries:
        how = "the loader finds it" if one.found else "the loader does not find it"
        print(f"  {one.name:<18} {one.path or one.error}" + (f" ({how})" if one.path else ""))
    for row in table:
        one = row.device
        print(f"  {one.index} {one.uuid} {one.name}, {one.memory_mb} MB, {one.capability}, {one.node or 'no node'}: "
              + (row.why or "usable"))  # fmt: skip
    for problem in problems:
        print(f"  a pilot would say: {problem.id}: {problem.found}  {problem.raw}")


def _report(findings: tuple[Finding, ...]) -> int:
    for one in findings:
        print(f"{MARKS[one.ok]:<12} {one.source}: {one.what}: {_values(one)}")
    good = compare.verdict(findings)
    told = {mark: sum(MARKS[one.ok] == mark for one in findings) for mark in MARKS.values()}
    print("yes:" if good else "no:", ", ".join(f"{count} {mark}" for mark, count in told.items()))
    if not told[MARKS[True]]:
        print("nothing here could be compared: is there a GPU, with its driver?")
    return 0 if good else 1


def _values(one: Finding) -> str:
    if one.ok is None:
        return one.theirs
    return one.ours if one.ours == one.theirs else f"{one.ours}  /  {one.theirs}"


if __name__ == "__main__":
    sys.exit(main())
