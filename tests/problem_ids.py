"""Every problem's id and what it does to the pilot, read from the program's own source (AST), for tests of the docs.

An id is a literal: the first argument of Problem or warning, or of a function whose first parameter is called `id`, or
a text of the same family (`gpu-...`) in a module that hands one on from a table.
"""

import ast
import functools
import re
from collections import defaultdict
from pathlib import Path

import ospool_ep
from ospool_ep.problem import Exit

PACKAGE = Path(ospool_ep.__file__).parent
WARNING = "warning"
_MAKERS = ("Problem", "warning")
_ID = re.compile(r"[a-z]+(-[a-z]+)+")
# Texts that look like ids and are not: clauses of START have names of their own, and so have the privileges' rows and
# the headers of HTTP.
_OTHERS = ("Clause",)
_NO_PROBLEMS = ("privileges", "fetch")


def severities() -> dict[str, set[int | str]]:
    """Id to exit codes (numbers) and WARNING: what the source says it can be; empty where that cannot be told."""
    sources = [path for path in sorted(PACKAGE.rglob("*.py")) if not {path.parent.name, path.stem} & set(_NO_PROBLEMS)]
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources]
    found: dict[str, set[int | str]] = defaultdict(set)
    for tree in trees:
        for id, outcomes in _called(tree).items():
            found[id] |= outcomes
    clauses = {_literal(call) for tree in trees for call in _calls(tree) if _name(call) in _OTHERS}
    families = {id.partition("-")[0] for id in found if "-" in id}
    for tree in trees:
        outcomes, called = _handed_on(tree), _called(tree)
        for id in _mentioned(tree, families) - clauses:
            found[id] |= outcomes if id not in called else set()
    return dict(found)


def put_together() -> list[str]:
    """Ids that no reader of the source finds: in pieces, or in an f-string."""
    return [
        f"{path.name}:{call.lineno}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")))
        if _name(call) in _MAKERS and call.args and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
    ]


def _calls(tree: ast.AST) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _literal(call: ast.Call) -> str | None:
    """The id that a call names: its first argument, or a conditional's two."""
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


@functools.cache
def _wrappers() -> dict[str, set[int | str]]:
    """Functions that take an id first, and what becomes of it."""
    found: dict[str, set[int | str]] = defaultdict(set)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.args.args and node.args.args[0].arg == "id":
                found[f"{path.stem}.{node.name}"] |= _handed_on(node)
    return found


def _called(tree: ast.AST) -> dict[str, set[int | str]]:
    found: dict[str, set[int | str]] = defaultdict(set)
    own = {node.name: _handed_on(node) for node in ast.walk(tree)
           if isinstance(node, ast.FunctionDef) and node.args.args and node.args.args[0].arg == "id"}  # fmt: skip
    others = {name.partition(".")[2]: outcomes for name, outcomes in _wrappers().items()}
    for call in _calls(tree):
        id, name = _literal(call), _name(call)
        if id is None:
            continue
        if name in _MAKERS:
            found[id] |= _outcomes(call)
        elif name in own:
            found[id] |= own[name]
        elif isinstance(call.func, ast.Attribute) and name in others:
            found[id] |= others[name]
    return found


def _handed_on(tree: ast.AST) -> set[int | str]:
    """What becomes of ids that come from elsewhere: a parameter, a table."""
    calls = [call for call in _calls(tree) if _name(call) in _MAKERS and call.args and _literal(call) is None]
    return set().union(*map(_outcomes, calls))


def _outcomes(call: ast.Call) -> set[int | str]:
    if _name(call) == "warning":
        return {WARNING}
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    code = call.args[4] if len(call.args) > 4 else named.get("exit_code")
    also = call.args[6] if len(call.args) > 6 else named.get("warning")
    number = int(Exit[code.attr]) if isinstance(code, ast.Attribute) else int(Exit.CONFIGURATION)
    return {number, WARNING} if also is not None else {number}


def _mentioned(tree: ast.AST, families: set[str]) -> set[str]:
    """Texts of a known family."""
    texts = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    found = {node.value for node in texts if _ID.fullmatch(node.value)}
    return {text for text in found if text.partition("-")[0] in families}
