"""Evaluate clauses as a match would: MY. is the ad that the clause is in, TARGET. the other one."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import classad2

from ospool_ep import classads
from ospool_ep.for_job import evaluate
from ospool_ep.for_job.result import (
    EITHER,
    ERROR,
    JOB,
    LATER,
    MEANS,
    SLOT,
    YES,
    Part,
    Value,
)  # fmt: skip
from ospool_ep.for_job.split import split, unwrapped
from ospool_ep.problem import shorten

# What is inside of so many brackets is shown as it is.
_DEEPEST = 12
_LONGEST = 1000
# What HTCondor will measure is tried as absent, and as these: where the answer is always the same it does not matter.
_TRIED = (None, 0, 10**12)


@dataclass(frozen=True)
class Sides:
    """Two ads, as seen from one of them. `trials`: the same ads with other values for what is only known later."""

    own: classad2.ClassAd
    other: classad2.ClassAd
    owner: str
    trials: tuple[tuple[classad2.ClassAd, classad2.ClassAd], ...]
    later: frozenset[str]

    @property
    def names(self) -> tuple[str, str]:
        """Of this side and of the other."""
        return (SLOT, JOB) if self.owner == SLOT else (JOB, SLOT)


def ad(attributes: Mapping[str, str]) -> classad2.ClassAd:
    """From attribute names and ClassAd expressions in the old syntax; one that does not parse is an error there."""
    made = classad2.ClassAd()
    for name, text in attributes.items():
        expression = classads.parse(text)
        made[name] = classad2.Value.Error if isinstance(expression, classads.ParseFailure) else expression
    return made


def sides(owner: str, slot: Mapping[str, str], job: Mapping[str, str], later: frozenset[str]) -> Sides:
    """The view of `owner`. `later`: attributes of the slot that HTCondor measures."""
    absent = {name: text for name, text in slot.items() if name.lower() not in later}
    slots = []
    for value in _TRIED:
        slots.append(ad(absent))
        for name in later if value is not None else ():
            slots[-1][name] = value
    theirs = ad(job)
    trials = tuple((one, theirs) if owner == SLOT else (theirs, one) for one in slots)
    return Sides(*trials[0], owner, trials, later)


def weigh(text: str, seen: Sides) -> Part:
    """A clause in the old syntax."""
    expression = classads.parse(text)
    return Part(text, ERROR) if isinstance(expression, classads.ParseFailure) else _part(str(expression), seen, 0)


def _part(text: str, seen: Sides, depth: int) -> Part:
    text = unwrapped(text)
    truth, shown = _truth(text, seen), shorten(evaluate.old_syntax(text), _LONGEST)
    joined, texts = split(text) if depth < _DEEPEST else ("", ())
    if joined:
        return Part(shown, truth, joined=joined, parts=tuple(_part(one, seen, depth + 1) for one in texts))
    values = tuple(_values(text, seen))
    meant = tuple(_meant(values, seen, depth)) if truth != YES else ()
    return Part(shown, truth, values, MEANS if meant else "", meant)


def _meant(values: tuple[Value, ...], seen: Sides, depth: int) -> Iterator[Part]:
    """Where an attribute of the slot that is not true is itself made of others: those."""
    for value in values if seen.owner == SLOT else ():
        if value.owner != SLOT or value.value not in ("false", "undefined", "error") or depth >= _DEEPEST:
            continue
        text = str(seen.own.lookup(value.name)) if value.name in seen.own else ""
        inner = _part(text, seen, depth + 3) if text and not _plain(text) else None
        if inner and inner.truth != YES:
            yield inner


def _plain(text: str) -> bool:
    """A literal; nothing to be explained."""
    return not re.search(r"[A-Za-z_]", re.sub(r'"[^"]*"|\b(true|false|undefined|error)\b', "", text))


def _truth(text: str, seen: Sides) -> str:
    tree = evaluate.expression(text)
    if tree is None:
        return ERROR
    found = {evaluate.truth(tree, own, other) for own, other in seen.trials}
    return found.pop() if len(found) == 1 else LATER


def _values(text: str, seen: Sides) -> Iterator[Value]:
    tree = evaluate.expression(text)
    if tree is None:
        return
    for reference in dict.fromkeys(filter(None, classad2.ClassAd().externalRefs(tree))):
        targeted = reference.lower().startswith("target.")
        name = (reference[len("target.") :] if targeted else reference).partition(".")[0]
        owner = _owner(name, targeted, text, seen)
        there = evaluate.expression(f"TARGET.{name}" if owner == seen.names[1] else name)
        said = "error" if there is None else evaluate.told(evaluate.value(there, seen.own, seen.other))
        yield Value(name, owner, said, owner != JOB and name.lower() in seen.later)


def _owner(name: str, targeted: bool, text: str, seen: Sides) -> str:
    """A name without a scope is looked for on this side first, then on the other."""
    ours, theirs = seen.names
    if targeted or (name not in seen.own and name in seen.other):
        return theirs
    own = name in seen.own or re.search(rf"\bMY\.{re.escape(name)}\b", text, re.IGNORECASE)
    return ours if own else EITHER
