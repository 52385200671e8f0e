"""Start cvmfsexec with ourselves as its payload, until the payload has read every repository inside."""

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ospool_ep.cvmfs import arrive, cache, children, failures, logs, payload, tree
from ospool_ep.cvmfs.ask import Answer
from ospool_ep.cvmfs.called import INSIDE
from ospool_ep.cvmfs.failures import Failed
from ospool_ep.cvmfs.repositories import Repository, renewed
from ospool_ep.machine import PLAIN_ENVIRONMENT, Machine

PATIENCE_S = 120.0
_LONGEST_PAUSE_S = 15.0
# Of the patience: what is started later has no time left to say why it fails.
_STARTING = 0.8


@dataclass(frozen=True)
class Place:
    """`private`: a directory of our own; `payload`: a program, called with --inside and a directory, and then its own
    arguments; `passed_on`: variables for cvmfsexec and what it starts.
    """

    private: Path
    payload: tuple[str, ...]
    passed_on: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Plan:
    """What every attempt needs. `logs`: cvmfs's directory can be written to; `lock`: the cache's, to be inherited."""

    place: Place
    order: arrive.Order
    default_local: str
    logs: bool
    debug: bool
    lock: int


@dataclass(frozen=True)
class Mounted:
    """cvmfsexec, and the payload inside of its namespaces, by their pids as we see them."""

    child: int
    payload: int


def mount(
    machine: Machine, plan: Plan, patient: bool, tell: Callable[[str], None], patience_s: float = PATIENCE_S
) -> Mounted:
    """As often as it makes sense within `patience_s`, or only once. Raises Failed, or OSError."""
    import tenacity  # 30 ms

    told: list[str] = []

    def again(state: tenacity.RetryCallState) -> bool:
        error = state.outcome.exception() if state.outcome else None
        return patient and isinstance(error, Failed) and state.attempt_number < error.attempts

    def announce(state: tenacity.RetryCallState) -> None:
        pause = state.next_action.sleep if state.next_action else 0
        error = str(state.outcome.exception() if state.outcome else "")
        tell(f"{'the same again' if error in told else error}; next attempt in {pause:.0f} s")
        told.append(error)

    pauses = tenacity.wait_exponential(max=_LONGEST_PAUSE_S)
    stop = tenacity.stop_before_delay(patience_s * _STARTING)
    retrying = tenacity.Retrying(retry=again, stop=stop, wait=pauses, before_sleep=announce, reraise=True)
    return retrying(_attempt, machine, plan, time.monotonic() + patience_s, patience_s)


def _attempt(machine: Machine, plan: Plan, end: float, patience_s: float) -> Mounted:
    """One cvmfsexec, in a directory of its own; nothing of it is left where it fails."""
    place = plan.place.private / f"try-{time.monotonic_ns()}"
    place.mkdir()
    # Where cvmfs's own directory cannot be written to it logs beside its dist
    written = machine.path(cache.LOGS) if plan.logs else place / "cvmfsexec/log"
    before = logs.sizes(written)
    try:
        return _mounted(machine, plan, place, end)
    except payload.Silent as silent:
        children.kill()
        texts = logs.tail(place / "said"), logs.news(written, before, plan.debug)
        if silent.answers is not None:
            raise failures.unreadable(_unreadable(silent.answers, machine.now), *texts) from None
        if silent.mute:
            raise failures.mute(*texts) from None
        if silent.status is None:
            raise failures.late(patience_s, *texts) from None
        raise failures.ended(silent.status, *texts) from None
    except BaseException:
        children.kill()
        raise


def _mounted(machine: Machine, plan: Plan, place: Path, end: float) -> Mounted:
    with socket.socket(socket.AF_UNIX) as listening, (place / "said").open("wb") as said:
        listening.bind(str(place / arrive.SOCKET))
        listening.listen(1)
        child = _start(machine, plan, place, said.fileno())
        return Mounted(child.pid, payload.expect(listening, child, plan.order, end))


def _start(machine: Machine, plan: Plan, place: Path, said: int) -> subprocess.Popen[bytes]:
    program = tree.create(machine, place / "cvmfsexec", plan.default_local, plan.logs)
    (place / "tmp").mkdir()
    called = (plan.place.payload[0], INSIDE, str(place), *plan.place.payload[1:])
    command = (str(program), "-N", *plan.order.repositories, "--", *called)
    return subprocess.Popen(
        command,
        stdout=said,
        stderr=said,
        env=PLAIN_ENVIRONMENT | dict(plan.place.passed_on) | {"HOME": str(place), "TMPDIR": str(place / "tmp")},
        pass_fds=(plan.lock,),
    )


def _unreadable(answers: tuple[Answer, ...], now: int) -> str:
    wrong = [renewed(Repository(one.name), one, now) for one in answers if not arrive.readable(one)]
    return "; ".join(f"{one.name} {one.words(now)}" for one in wrong)
