"""What the collector says about machines."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass

from poolbox import condor, pilot
from poolbox.pool import INSIDE, Pool, PoolError

POLL_S = 0.1
TURN_S = 3.0
PRECISE_POLL_S = 0.02  # 50 queries cost the collector and the watcher together about a tenth of a core


def slot_ads(pool: Pool, constraint: str = "true") -> list[dict[str, str]]:
    """The slots' ads that meet a constraint: attribute to expression text as condor_status -l has it."""
    return condor.parse_ads(pool.exec("condor_status", "-long", "-constraint", constraint).stdout)


def wait_for_slot(
    pool: Pool, constraint: str = "true", timeout_s: float = 30, unless_ended: str | None = None
) -> dict[str, str]:
    """The first slot ad that meets the constraint, as soon as there is one.

    PoolError after `timeout_s`, or within seconds of the end of the container `unless_ended`.
    """
    end = time.monotonic() + timeout_s
    while True:
        ended = unless_ended is not None and not pilot.running(pool.engine, unless_ended)
        left_s = max(end - time.monotonic(), 0)
        seen = _watch(pool, constraint, min(TURN_S, left_s) if unless_ended else left_s)
        if seen is not None:
            break
        if ended or time.monotonic() > end:
            why = "the pilot has ended" if ended else f"waited {timeout_s:.0f} s"
            raise PoolError(f"no slot with {constraint} in the pool: {why}")
    ads = slot_ads(pool, f'Name == "{seen.split(maxsplit=1)[1]}"')
    if not ads:
        raise PoolError(f"a slot with {constraint} came into the pool and left it at once")
    return ads[0]


def wait_until_gone(pool: Pool, constraint: str = "true", timeout_s: float = 30) -> None:
    """Return as soon as no slot ad meets the constraint; PoolError after `timeout_s`."""
    if _watch(pool, constraint, timeout_s, "gone") is None:
        raise PoolError(f"a slot with {constraint} is still in the pool after {timeout_s:.0f} s")


def _watch(pool: Pool, constraint: str, timeout_s: float, *gone: str) -> str | None:
    """The watcher's last line, `EPOCH_SECONDS NAME`; None after the time-out."""
    args = (constraint, f"{timeout_s:.1f}", str(POLL_S), *gone)
    watched = pool.python("watch_slots.py", *args, timeout=timeout_s + 30)
    if watched.returncode != 0 and watched.stderr.strip():
        raise PoolError(f"cannot ask the collector for {constraint}: {watched.stderr.strip()}")
    return watched.stdout.splitlines()[-1] if watched.returncode == 0 else None


@dataclass(frozen=True)
class Watcher:
    """A process in the central manager's container that looks for one slot every 20 ms."""

    process: subprocess.Popen[str]

    def seen(self, timeout_s: float) -> float:
        """The time (seconds since the epoch) when the slot was first seen; PoolError after `timeout_s`."""
        try:
            out, err = self.process.communicate(timeout=timeout_s + 30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise PoolError("the process that watches the collector does not answer") from None
        if self.process.returncode != 0:
            raise PoolError(f"the slot did not appear in the collector. {err.strip()}")
        return float(out.split(maxsplit=1)[0])


def watch(pool: Pool, constraint: str, timeout_s: float) -> Watcher:
    """Start a precise watcher for the first slot that meets the constraint; it has polled once on return."""
    script = (INSIDE / "watch_slots.py").read_text(encoding="utf-8")
    inner = ("python3", "-c", script, constraint, str(timeout_s), str(PRECISE_POLL_S))
    process = subprocess.Popen(
        [*pool.engine.argv, "exec", pool.host, *inner],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline().strip() != "watching":
        with suppress(ProcessLookupError):
            process.kill()
        raise PoolError(f"cannot watch the collector: {process.communicate()[1].strip()}")
    return Watcher(process)
