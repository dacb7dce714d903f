"""Remember the answers of pure functions for the length of one call.

- call cache: a helper's answers are kept in a dict while a loop runs, by value *and* type, only for scalar
  arguments or flat tuples of them (no zero float, no NaN), and only immutable answers; never an exception.
- recursion cache: the same for a function that calls itself; the dict is dropped when the outermost call
  returns.

The pasted code calls the function from the same frame as before, so that recursion goes as deep as it did.

Does not protect against: what `purity` does not protect against; a caller that passes the keyword `_memo`;
memory: a cache holds one entry for each distinct call until the outer one ends.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .speed_names import is_name
from .speed_regions import Site
from .speed_text import Move, Splice, after, instead, line_above, segment, starts_its_line, unused_name


def call_caches(site: Site) -> Iterator[Move]:
    """Remember the answers of a pure helper function for the length of one loop."""
    if site.recursive:
        return
    groups: dict[tuple[ast.stmt, str], list[ast.Call]] = {}
    for node in site.nodes_of(ast.Call):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)) or not _positional(node):
            continue
        name = node.func.id
        worth = name in site.module.functions and name not in site.scope.locals and _works(site.module.functions[name])
        if worth and site.module.pure_function(name):
            region = site.region(node, [])
            if region is not None:
                groups.setdefault((region, name), []).append(node)
    for (region, name), calls in groups.items():
        memo = unused_name(site.module.tree, "_memo")
        splices = [line_above(region, f"{memo} = {{}}"), *_remembered(site, calls, memo, "")]
        yield Move(f"remember answers of {name} during the loop", "call cache", tuple(splices), ("_key", "_keep"))


def recursion_caches(site: Site) -> Iterator[Move]:
    """Remember the answers of a pure recursive function until its outermost call returns."""
    function, module = site.function, site.module
    signature = function.args
    simple = not (signature.vararg or signature.kwarg or signature.kwonlyargs)
    nodes = site.nodes_of(ast.Call)
    calls = [node for node in nodes if isinstance(node, ast.Call) and is_name(node.func, function.name)]
    mentions = [node for node in site.scope.nodes if is_name(node, function.name)]
    if not (simple and signature.args and calls and len(mentions) == len(calls) and all(map(_positional, calls))):
        return
    again = len(calls) > 1 or any(map(site.repeated, calls))
    if not again or not module.pure_function(function.name) or function.name in site.scope.locals:
        return
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    if not body or not starts_its_line(module.source, body[0]) or body[0].lineno == function.lineno:
        return
    memo = unused_name(module.tree, "_memo")
    last = max(
        (node for node in ast.walk(signature) if isinstance(node, ast.expr | ast.arg)),
        key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0),
    )
    end = (last.end_lineno or 0, last.end_col_offset or 0)
    splices = [
        Splice(end, end, f", *, {memo}=None"),
        line_above(body[0], f"{memo} = {{}} if {memo} is None else {memo}"),
        *_remembered(site, calls, memo, f", {memo}={memo}"),
    ]
    title = f"remember answers of {function.name} within one call"
    yield Move(title, "recursion cache", tuple(splices), ("_key", "_keep"))


def _remembered(site: Site, calls: list[ast.Call], memo: str, extra: str) -> list[Splice]:
    """Turn each f(args) into a look-up that calls f, from the same frame, where no answer is there."""
    tree = site.module.tree
    key, args = unused_name(tree, "_this"), unused_name(tree, "_args")
    splices = []
    for call in reversed(calls):  # inner calls first: their closing text comes before that of the outer ones
        name = segment(site.module.source, call.func)
        splices.append(instead(call.func, f"({memo}[{key}] if ({key} := _key({args} := "))
        if len(call.args) == 1:
            splices.append(after(call, ",", back=1))
        splices.append(after(call, f")) in {memo} else _keep({memo}, {key}, {name}(*{args}{extra})))"))
    return splices


def _works(function: ast.FunctionDef) -> bool:
    """Whether a function does more than a line of arithmetic."""
    return any(isinstance(node, ast.For | ast.While | ast.comprehension | ast.Call) for node in ast.walk(function))


def _positional(call: ast.Call) -> bool:
    return bool(call.args) and not call.keywords and not any(isinstance(item, ast.Starred) for item in call.args)
