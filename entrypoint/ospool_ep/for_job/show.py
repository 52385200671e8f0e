"""The answer for people."""

from collections.abc import Iterator

from ospool_ep.for_job.advice import cure
from ospool_ep.for_job.answer import Answer
from ospool_ep.for_job.result import EITHER, JOB, LATER, REQUIREMENTS, SIZE, START, YES, Clause, Part, Value, deciding
from ospool_ep.log import printable
from ospool_ep.report import PLAIN, Style, wrapped

_HEADS = {
    START: "START: this slot's conditions",
    SIZE: "what is left of the slot, before the first job comes",
    REQUIREMENTS: "Requirements: the job's conditions",
}
_MARK = 11
# More of them are counted.
_MOST_TRUE = 100
_PAINTED = {YES: "ok", LATER: "warning"}


def text(answer: Answer, style: Style = PLAIN, quiet: bool = False) -> str:
    """A row for each clause; `quiet`: for those that are not true."""
    rows = ["", verdict(answer)]
    for note in (*answer.notes, *([f"not evaluated: {answer.failure}"] if answer.failure else [])):
        rows += _indented("note", note, style)
    for of, head in _HEADS.items():
        clauses = [clause for clause in answer.clauses if clause.of == of]
        shown = [clause for clause in clauses if clause.part.truth != YES] if quiet else clauses
        rows += ["", f"  {head}"] if shown else []
        true = 0
        for clause in shown:
            true += clause.part.truth == YES
            if clause.part.truth != YES or true <= _MOST_TRUE:
                rows += _rows(clause, style)
        if true > _MOST_TRUE:
            rows.append(f"  ... and {true - _MOST_TRUE} more that are true")
    return "\n".join(rows)


def verdict(answer: Answer) -> str:
    """One line."""
    who = " ".join(filter(None, (_id(answer), _owner(answer))))
    if answer.failure:
        return f"would {who} come here? not known: its clauses could not be evaluated"
    later = any(clause.part.truth == LATER for clause in answer.clauses)
    if answer.matches:
        return f"would {who} come here? yes{', if what HTCondor measures after the start allows it' if later else ''}"
    counts = {of: sum(clause.of == of for clause in answer.wrong) for of in _HEADS}
    told = [f"{count} of {of if of != SIZE else 'size'}" for of, count in counts.items() if count]
    return f"would {who} come here? no: conditions that are not true: {', '.join(told)}"


def _id(answer: Answer) -> str:
    cluster, process = answer.job.get("ClusterId"), answer.job.get("ProcId")
    return f"job {printable(cluster)}.{printable(process or '0')}" if cluster else "this job"


def _owner(answer: Answer) -> str:
    owner = answer.job.get("Owner")
    return f"of {printable(owner.strip(chr(34)))}" if owner else ""


def _rows(clause: Clause, style: Style) -> Iterator[str]:
    name = "" if clause.of == REQUIREMENTS else f"{clause.id}: "
    head = f"{name}{clause.meaning or clause.part.text}"
    yield from _indented(clause.part.truth, head, style)
    if clause.part.truth == YES:
        return
    for part in deciding(clause.part):
        because = "; ".join(map(said, part.values))
        if not clause.meaning and part is clause.part:
            yield from _more(because, style)
        else:
            yield from _more(f"{part.text} is {_word(part)}" + (f": {because}" if because else ""), style)
    for row in cure(clause).split("\n"):
        yield from _more(f"true with: {row}" if row else "", style)


def _word(part: Part) -> str:
    return {"no": "false", LATER: "not known yet"}.get(part.truth, part.truth)


def said(value: Value) -> str:
    """What an attribute is, and whose."""
    if value.later:
        return f"{value.name}: HTCondor measures it after the start"
    if value.owner == EITHER:
        return f"{value.name} is undefined: neither the slot nor the job has it"
    whose = "the job" if value.owner == JOB else "this slot"
    if value.value == "undefined":
        return f"{whose} has no {value.name} (undefined)"
    verb = "wants" if value.owner == JOB and value.name.startswith("Request") else "has"
    return f"{whose} {verb} {value.name} = {value.value}"


def _indented(mark: str, words: str, style: Style) -> Iterator[str]:
    first, *others = wrapped(printable(words), style.width - _MARK - 2) or [""]
    painted = f"{mark:<{_MARK}}" if mark == "note" else style.painted(f"{mark:<{_MARK}}", _PAINTED.get(mark, "REFUSED"))
    yield f"  {painted}{first}"
    yield from (f"  {' ' * _MARK}{row}" for row in others)


def _more(words: str, style: Style) -> Iterator[str]:
    for row in wrapped(printable(words), style.width - _MARK - 2):
        yield f"  {' ' * _MARK}{row}"
