"""The account of one resource: all bounds, what is left of them to offer, and how a person reads it."""

from dataclasses import dataclass

from ospool_ep.cgroups import Limit
from ospool_ep.problem import Problem, warning

_NUMBER_WIDTH = 7


@dataclass(frozen=True)
class Share:
    """What the partitionable slot gets of one resource (CPUs or MB), and where the number comes from."""

    amount: int
    source: str = ""

    @property
    def text(self) -> str:
        """For the report."""
        return f"{self.amount:<{_NUMBER_WIDTH}}{self.source}"


@dataclass(frozen=True)
class Account:
    """`bounds`: the host's own first. `asked` is what the variable says, None without a word that can be used.

    `allowed` may be offered; `kept` MB of the tightest bound are for the pilot itself.
    """

    variable: str
    asked: int | None
    refused: bool
    bounds: tuple[Limit, ...]
    allowed: int
    kept: int = 0

    @property
    def tightest(self) -> Limit:
        """The bound that decides, where the variable does not."""
        return tightest(self.bounds)

    @property
    def as_asked(self) -> bool:
        """The variable decides."""
        return self.asked is not None and self.asked <= self.allowed

    @property
    def arithmetic(self) -> str:
        """Where `allowed` comes from."""
        return f"{self.tightest.source} minus {self.kept} MB kept for the pilot" if self.kept else self.tightest.source

    @property
    def share(self) -> Share:
        """What is offered."""
        return Share(max(0, min(self.asked or self.allowed, self.allowed)), _source(self))


def tightest(bounds: tuple[Limit, ...]) -> Limit:
    """The first of the smallest."""
    return min(bounds, key=lambda bound: bound.amount)


def _source(account: Account) -> str:
    """Who decided, and in brackets the host and every other number that is not the same again."""
    host, name = account.bounds[0], account.variable
    told = {host.amount} if account.as_asked else {host.amount, account.tightest.amount}
    texts = [f"host {host.amount:.0f}"] if account.as_asked or account.tightest is not host else []
    for bound in account.bounds:
        texts += [] if bound.amount in told or bound.amount > host.amount else [bound.source]
        told.add(bound.amount)
    if account.as_asked:
        return f"{name} ({', '.join(texts)})"
    return f"{account.arithmetic} ({', '.join([*texts, f'{name} {_fate(account)}'])})"


def _fate(account: Account) -> str:
    if account.refused:
        return "refused"
    return "not set" if account.asked is None else f"{account.asked} lowered"


def lowered(account: Account) -> tuple[Problem, ...]:
    """The variable asks for more than there is."""
    if account.asked is None or account.as_asked:
        return ()
    name, allowed, option = account.variable, account.allowed, account.tightest.option
    found = f"{name}={account.asked} is more than the {allowed} that can be offered: {account.arithmetic}"
    cure = f"-e {name}={allowed}, or leave {name} out"
    cure += f"; or raise the limit: {option.format(account.asked + account.kept)}" if option else ""
    return (warning("offer-lowered", found, f"the pilot offers {allowed}", cure),)
