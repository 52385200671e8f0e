"""The sentences for a pool that is reached and does not let the pilot in. No byte of a token comes in here."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ospool_ep.problem import Exit, Problem
from ospool_ep.reach.answer import Answer, Kind
from ospool_ep.reach.ping import Heard

_LOCKED_OUT = "the pilot would start, and not be let into the pool"
_TOKEN = "get a token for this pool, and mount it with\n-v /path/to/token:/etc/condor/tokens-orig.d/NAME"
_NEW = "get a new token, and mount it with\n-v /path/to/token:/etc/condor/tokens-orig.d/NAME"
_ADDRESS = "correct POOL or CONDOR_HOST (host[:port] of a central manager)"


def judge(heard: Sequence[Heard]) -> tuple[Problem, ...]:
    """One problem for each way to be refused; a warning where another collector lets the pilot in."""
    accepted = any(one.answer.kind is Kind.ACCEPTED for one in heard)
    problems = []
    for kind, say in _SAY.items():
        those = [one for one in heard if one.answer.kind is kind]
        if those:
            problem = say(", ".join(str(one.server) for one in those), those[0].answer)
            problems.append(_spared(problem) if accepted or _half(those[0].answer) else problem)
    return tuple(problems)


def summary(heard: Sequence[Heard]) -> str:
    """One line for people."""
    accepted = [one.answer.who for one in heard if one.answer.kind is Kind.ACCEPTED]
    if not accepted:
        return "no"
    who = f"as {accepted[0]}"
    return who if len(accepted) == len(heard) else f"{who}, by {len(accepted)} of {len(heard)} collectors"


def _half(answer: Answer) -> bool:
    """The slot may be advertised: the pilot gets jobs."""
    return answer.kind is Kind.DENIED and "ADVERTISE_STARTD" not in answer.denied


def _spared(problem: Problem) -> Problem:
    why = "the pilot joins all the same, but with less than it should have"
    return replace(problem, why=why, exit_code=Exit.OK, warning=True)


def _foreign(where: str, answer: Answer) -> Problem:
    found = f"no token of {answer.who} is accepted at {where}: the pool there is {answer.pool or 'another one'}"
    cure = f"choose the token's own pool with POOL or CONDOR_HOST, or {_TOKEN}"
    return Problem("token-other-pool", found, _LOCKED_OUT, cure, Exit.PERMISSION, answer.raw)


def _key(where: str, answer: Answer) -> Problem:
    found = f"the token was signed with the key {answer.who}, which is not known at {where}"
    return Problem("token-unknown-key", found, _LOCKED_OUT, _TOKEN, Exit.PERMISSION, answer.raw)


def _signature(where: str, answer: Answer) -> Problem:
    found = (
        f"the signing key of that name is another one at {where}: the token is of another pool, or older than the key"
    )
    return Problem("token-signature", found, _LOCKED_OUT, _TOKEN, Exit.PERMISSION, answer.raw)


def _refused(where: str, answer: Answer) -> Problem:
    found = f"the token is refused without a reason at {where}: it was revoked, or has expired by the pool's clock"
    return Problem("token-refused", found, _LOCKED_OUT, f"host: date -u\n{_NEW}", Exit.PERMISSION, answer.raw)


def _methods(where: str, answer: Answer) -> Problem:
    found = f"what the pilot can prove itself with is not accepted at {where}"
    cure = "ask the pool's administrators; a pool password is mounted with\n-v FILE:/etc/condor/passwords-orig.d/POOL"
    return Problem("token-method", found, _LOCKED_OUT, cure, Exit.PERMISSION, answer.raw)


def _denied(where: str, answer: Answer) -> Problem:
    what = " and ".join(answer.denied)
    found = f"{answer.who or 'the token'} is known at {where}, but may not advertise ({what})"
    why = f"{_LOCKED_OUT}: the token is good, but for something else"
    cure = f"ask the pool's administrators for ALLOW_ADVERTISE_STARTD and ALLOW_ADVERTISE_MASTER, or {_TOKEN}"
    return Problem("token-not-authorised", found, why, cure, Exit.PERMISSION, answer.raw)


def _stranger(where: str, answer: Answer) -> Problem:
    found = f"what listens at {where} is no collector of HTCondor's"
    return Problem("pool-stranger", found, _LOCKED_OUT, _ADDRESS, Exit.UNFIT, answer.raw)


def _silent(where: str, answer: Answer) -> Problem:
    found = (
        f"connections are taken at {where}, but not answered: no collector, or one that hangs, or a firewall between"
    )
    cure = f"{_ADDRESS}, or ask the pool's administrators"
    return Problem("pool-hangs", found, _LOCKED_OUT, cure, Exit.UNFIT, answer.raw)


def _unclear(where: str, answer: Answer) -> Problem:
    found = f"condor_ping fails at {where}, and we do not understand why"
    cure = "send us the lines below (they hold no secret)"
    return Problem("token-unclear", found, _LOCKED_OUT, cure, Exit.PERMISSION, answer.raw)


_SAY: dict[Kind, Callable[[str, Answer], Problem]] = {
    Kind.FOREIGN: _foreign,
    Kind.KEY: _key,
    Kind.SIGNATURE: _signature,
    Kind.REFUSED: _refused,
    Kind.METHODS: _methods,
    Kind.DENIED: _denied,
    Kind.STRANGER: _stranger,
    Kind.SILENT: _silent,
    Kind.UNCLEAR: _unclear,
}
