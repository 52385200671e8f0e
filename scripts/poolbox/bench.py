"""How long a pilot takes from `docker run` to its slot in the collector, beside a bare condor_master."""

from __future__ import annotations

import dataclasses
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poolbox import condor, cvmfs, pilot, slots, workdir
from poolbox.engine import Engine
from poolbox.pilot import Process
from poolbox.pool import INSIDE, Pool, PoolError

SLOT_TIMEOUT_S = 60
GOAL_RATIO = 1.25
GOAL_OWN_S = 0.4
GOAL_DETECTION_MS = 5
GOAL_TESTS_S = 0.25
GOAL_CVMFS_S = 0.1
DETECTION_ROUNDS = 50
BOOT_LINE = re.compile(r"\bexec condor_master after ([0-9.]+) s\b")  # written by ospool_ep.boot
BARE_CONFIG = "/etc/bare-pilot.conf"
BARE_COMMAND = "cd /pilot && mkdir -p log run lock spool execute && exec condor_master -f"


@dataclass(frozen=True)
class Run:
    """One start: `docker run` to slot ad, in seconds; the entrypoint's own part of it, if it said so."""

    slot_s: float
    own_s: float | None
    processes: tuple[Process, ...]


@dataclass(frozen=True)
class Pair:
    """A pilot and a bare condor_master, one right after the other."""

    pilot: Run
    bare: Run

    @property
    def ratio(self) -> float:
        return self.pilot.slot_s / self.bare.slot_s


def pairs(pool: Pool, directory: Path, count: int, show: Callable[[str], None]) -> list[Pair]:
    """Measure `count` pairs in turn, in `directory` of the host ; PoolError when a slot never comes."""
    done = []
    for number in range(1, count + 1):
        pair = Pair(_pilot(pool, directory, f"bench-pilot-{number}"), _bare(pool, directory, f"bench-bare-{number}"))
        own = "" if pair.pilot.own_s is None else f"{pair.pilot.own_s:.3f} s"
        show(f"{number:>4}{pair.pilot.slot_s:>10.2f} s{pair.bare.slot_s:>10.2f} s{pair.ratio:>10.2f}{own:>14}")
        done.append(pair)
    return done


def tests_add(pool: Pool, untested: str, directory: Path, count: int) -> str:
    """A line about what the tests of job containers add to a start: the same pilot with and without, in turn."""
    without = dataclasses.replace(pool, image=untested)
    added = []
    for number in range(1, count + 1):
        tested = _pilot(pool, directory, f"bench-tested-{number}").slot_s
        added.append(tested - _pilot(without, directory, f"bench-untested-{number}").slot_s)
    figures = f"{statistics.median(added):+.2f} s ({min(added):+.2f} to {max(added):+.2f})"
    return f"tests of job containers: {figures} from `run` to slot ad (goal {GOAL_TESTS_S} s, not judged)"


def cvmfs_adds(pool: Pool, directory: Path, count: int) -> str:
    """A line about what looking at a healthy /cvmfs adds to the entrypoint's part: with one and without, in turn."""
    script = "from ospool_ep.cvmfs import names; print(names.CONFIG, *names.WORTH)"
    said = pool.engine.run("run", "--rm", "--entrypoint", "python3", pool.image, "-c", script).stdout
    with cvmfs.host(pool.engine, pool.image, pool.name) as host:
        for repository in said.split():
            host.serve(repository)
        bound = ("-v", f"{host.path}:/cvmfs:shared")
        added = [_own_s(pool, directory, n, bound) - _own_s(pool, directory, n) for n in range(1, count + 1)]
    figures = f"{statistics.median(added):+.3f} s ({min(added):+.3f} to {max(added):+.3f})"
    asked = f"a bound /cvmfs of {len(said.split())} repositories"
    return f"{asked}: {figures} from the entrypoint's first line to exec (goal {GOAL_CVMFS_S} s, not judged)"


def detection(engine: Engine, image: str) -> str:
    """A line about the time it takes to find CPUs, memory and limits in a limited container."""
    script = (INSIDE / "time_detection.py").read_text(encoding="utf-8")
    options = ("--cpus=1.5", "--memory=600m", "--pids-limit=300", "--entrypoint", "python3")
    said = engine.run("run", "--rm", "-i", *options, image, "-", str(DETECTION_ROUNDS), input=script).stdout
    first, median = map(float, said.split())
    figures = f"{first:.2f} ms the first time, {median:.2f} ms median of {DETECTION_ROUNDS}"
    return f"detection of CPUs, memory and limits: {figures} (goal {GOAL_DETECTION_MS} ms, not judged)"


def header() -> str:
    """The titles over the lines that `pairs` shows."""
    return f"{'pair':>4}{'pilot':>12}{'bare':>12}{'ratio':>10}{'entrypoint':>14}"


def ratio(measured: list[Pair]) -> float:
    """The median of the pairs' ratios: each pair met the same noise."""
    return statistics.median(pair.ratio for pair in measured)


def goals_met(measured: list[Pair]) -> bool:
    """The ratio, and nothing resident but HTCondor's; no absolute time, which would judge the machine."""
    return ratio(measured) <= GOAL_RATIO and not _strangers(measured[-1].pilot.processes)


def report(measured: list[Pair]) -> str:
    """Medians, ratio and goals, and what stays resident in each container."""
    pilots = statistics.median(pair.pilot.slot_s for pair in measured)
    bares = statistics.median(pair.bare.slot_s for pair in measured)
    owns = [pair.pilot.own_s for pair in measured if pair.pilot.own_s is not None]
    own = f"{statistics.median(owns):.3f} s" if owns else "not in the pilot's log"
    last = measured[-1]
    return "\n".join(
        [
            f"\nmedian: pilot {pilots:.2f} s, bare condor_master {bares:.2f} s from `run` to slot ad",
            f"ratio:  {ratio(measured):.2f} (median of the pairs; goal at most {GOAL_RATIO})",
            f"entrypoint's own part, its first line to exec: {own}",
            f"  (goal {GOAL_OWN_S} s, not judged: an absolute time; the interpreter's start, some 20 ms, is not in it)",
            f"resident in the pilot: {_listed(last.pilot.processes)}",
            f"resident in the bare one: {_listed(last.bare.processes)}",
            *_strangers(last.pilot.processes),
        ]
    )


def _pilot(pool: Pool, directory: Path, name: str) -> Run:
    return _measure(pool, directory, name, {"GLIDEIN_ResourceName": name})


def _own_s(pool: Pool, directory: Path, number: int, options: tuple[str, ...] = ()) -> float:
    name = f"bench-{'cvmfs' if options else 'none'}-{number}"
    run = _measure(pool, directory, name, {"GLIDEIN_ResourceName": name}, options=options)
    if run.own_s is None:
        raise PoolError(f"{name} does not say how long its start took")
    return run.own_s


def _bare(pool: Pool, directory: Path, name: str) -> Run:
    config = directory / "bare.conf"
    config.write_text(condor.bare_pilot(pool.host, name), encoding="utf-8")
    config.chmod(0o644)
    options = ("-v", f"{config}:{BARE_CONFIG}:ro", "-e", f"CONDOR_CONFIG={BARE_CONFIG}", "--entrypoint", "sh")
    return _measure(pool, directory, name, {}, options=options, command=("-c", BARE_COMMAND))


def _measure(
    pool: Pool,
    directory: Path,
    name: str,
    env: dict[str, str | None],
    *,
    options: tuple[str, ...] = (),
    command: tuple[str, ...] = (),
) -> Run:
    scratch = workdir.new_scratch(pool.engine, pool.image, directory / name)
    watcher = slots.watch(pool, f'regexp("{name}", Name)', SLOT_TIMEOUT_S)
    start = time.time()
    container = pilot.start(
        pool,
        directory / "token",
        scratch,
        env=env,
        options=options,
        command=command,
        name=f"{pool.name}-{name}",
    )
    try:
        slot_s = watcher.seen(SLOT_TIMEOUT_S) - start
        processes = tuple(pilot.processes(pool.engine, container))
        pilot.stop(pool.engine, container)
    except PoolError as error:
        raise PoolError(f"{error}\n{pilot.logs(pool.engine, container, 40)}") from None
    finally:
        own = BOOT_LINE.search(pilot.logs(pool.engine, container))
        pilot.remove(pool.engine, container)
    return Run(slot_s, float(own[1]) if own else None, processes)


def _listed(processes: tuple[Process, ...]) -> str:
    total = sum(process.rss_mb for process in processes)
    return f"{', '.join(f'{p.name} {p.rss_mb:.0f} MB' for p in processes)} (sum {total:.0f} MB)"


def _strangers(processes: tuple[Process, ...]) -> list[str]:
    names = [process.name for process in processes if not process.name.startswith("condor_")]
    return [f"NOT HTCondor's: {', '.join(names)} (goal: none)"] if names else []
