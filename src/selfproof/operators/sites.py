"""Where an edit changed a piece of code, and what idea it was: numbers and short hashes, never the code itself.

Two sources are compared node by node; the *site* is the smallest node that holds all of the difference. Standard
library only. The texts are machine-written, so everything here is bounded and nothing raises.
"""

from __future__ import annotations

import ast
import hashlib
import math
from dataclasses import dataclass

LONGEST = 64 * 1024
"""Characters of a source beyond which it is not looked at."""
DEEPEST = 60
"""Levels below which a difference is not followed; the node that was reached is the site then."""
MANY, TEXT, UNKNOWN = "several", "text", "unknown"
MOST_NODES = 4000


@dataclass(frozen=True)
class Site:
    """What an edit changed.

    ``kind``: the name of the site's class in ``ast``; "several" where statements came or went at the top of a file,
    "text" where a source is no Python, "unknown" beyond the bounds. ``depth``: levels between the module and the site.
    ``before`` and ``after``: nodes below the site in the two sources (of text: characters). ``ratio``: if the edit did
    nothing but move one number, the log of the ratio of its sizes, else None. ``idea``: 16 hexadecimal digits that are
    the same for the same change elsewhere: names numbered in the order of their appearance, numbers rounded to two
    digits.
    """

    kind: str
    depth: int
    before: int
    after: int
    ratio: float | None
    idea: str


def site_of(before: str, after: str) -> Site:
    """The site of the difference between two sources. Raises nothing."""
    if max(len(before), len(after)) > LONGEST:
        return Site(UNKNOWN, 0, len(before), len(after), None, _hash("", ""))
    try:
        one, two = ast.parse(before), ast.parse(after)
        old, new, depth = _narrowed(*_differing(one, two, before, after))
        if len(old) == len(new) and all(map(same, old, new)):
            return Site(MANY, 0, 0, 0, None, _hash("", ""))
        kind = type(old[0]).__name__ if len(old) == len(new) == 1 else MANY
        sizes = _nodes(old), _nodes(new)
        return Site(kind, depth, *sizes, _ratio(old, new), _hash(_form(old), _form(new)))
    except (SyntaxError, ValueError):
        return Site(TEXT, 0, len(before), len(after), None, _hash("", ""))
    except (RecursionError, MemoryError, OverflowError):
        return Site(UNKNOWN, 0, len(before), len(after), None, _hash("", ""))


def _differing(one: ast.Module, two: ast.Module, before: str, after: str) -> tuple[list[ast.AST], list[ast.AST]]:
    """Top-level statements without those that both begin and end with, by their text: that is quick."""
    texts = [
        [(lines[node.lineno - 1 : node.end_lineno], node.col_offset, node.end_col_offset) for node in tree.body]
        for tree, lines in ((one, before.splitlines()), (two, after.splitlines()))
    ]
    start = 0
    while start < min(map(len, texts)) and texts[0][start] == texts[1][start]:
        start += 1
    end = 0
    while end < min(map(len, texts)) - start and texts[0][-1 - end] == texts[1][-1 - end]:
        end += 1
    return list(one.body[start : len(one.body) - end]), list(two.body[start : len(two.body) - end])


def _narrowed(old: list[ast.AST], new: list[ast.AST]) -> tuple[list[ast.AST], list[ast.AST], int]:
    """Descend while exactly one child differs: the site in both trees and its depth."""
    depth = 1
    while len(old) == len(new) == 1 and depth < DEEPEST:
        below = _children(old[0], new[0])
        if below is None:
            break
        old, new = below
        depth += 1
    return old, new, depth


def _children(one: ast.AST, two: ast.AST) -> tuple[list[ast.AST], list[ast.AST]] | None:
    """What differs below two nodes of one class, if all of it hangs on one child or one list; else None."""
    if type(one) is not type(two):
        return None
    differing: list[tuple[list[ast.AST], list[ast.AST]]] = []
    for field in one._fields:
        mine, theirs = getattr(one, field, None), getattr(two, field, None)
        if same(mine, theirs):
            continue
        if isinstance(mine, ast.AST) and isinstance(theirs, ast.AST):
            differing.append(([mine], [theirs]))
        elif isinstance(mine, list) and isinstance(theirs, list):
            differing.append(_trimmed(mine, theirs))
        else:
            return None
    if len(differing) != 1:
        return None
    old, new = differing[0]
    return (old, new) if all(isinstance(node, ast.AST) for node in [*old, *new]) else None


def _trimmed(one: list[ast.AST], two: list[ast.AST]) -> tuple[list[ast.AST], list[ast.AST]]:
    one, two = list(one), list(two)
    while one and two and same(one[0], two[0]):
        del one[0], two[0]
    while one and two and same(one[-1], two[-1]):
        del one[-1], two[-1]
    return one, two


def same(one: object, two: object) -> bool:
    """Whether two parts of syntax trees are the same code, wherever they stand."""
    if type(one) is not type(two):
        return False
    if isinstance(one, ast.AST):
        return all(same(getattr(one, field, None), getattr(two, field, None)) for field in one._fields)
    if isinstance(one, list):
        assert isinstance(two, list)
        return len(one) == len(two) and all(map(same, one, two))
    return one is two or repr(one) == repr(two)  # 0.0 is not -0.0, and nan is nan


def _nodes(parts: list[ast.AST]) -> int:
    return min(MOST_NODES, sum(isinstance(node, ast.expr | ast.stmt) for part in parts for node in ast.walk(part)))


def _number(node: ast.AST) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return float(node.value)
    return None


def _ratio(old: list[ast.AST], new: list[ast.AST]) -> float | None:
    """Log of the ratio of the sizes of two numbers; None where one of them is none, or 0 or endless."""
    if len(old) != 1 or len(new) != 1:
        return None
    one, two = _number(old[0]), _number(new[0])
    if not one or not two or not math.isfinite(one) or not math.isfinite(two):
        return None
    return math.log(abs(two)) - math.log(abs(one))


def _form(parts: list[ast.AST]) -> str:
    """A text that is equal for the same change under other names, its numbers rounded."""
    if sum(1 for part in parts for _ in ast.walk(part)) > MOST_NODES:
        return UNKNOWN
    names: dict[str, str] = {}
    said: list[str] = []

    def say(value: object) -> None:
        if isinstance(value, ast.Name | ast.arg):
            name = value.id if isinstance(value, ast.Name) else value.arg
            said.append(names.setdefault(name, f"v{len(names)}"))
        elif isinstance(value, ast.Constant):
            number = _number(value)
            said.append(repr(value.value) if number is None else f"{number:.2g}")
        elif isinstance(value, ast.AST):
            said.append(type(value).__name__ + "(")
            for field in value._fields:
                say(getattr(value, field, None))
            said.append(")")
        elif isinstance(value, list):
            for item in value:
                say(item)
            said.append(";")
        else:
            said.append(repr(value))

    for part in parts:
        say(part)
    return " ".join(said)


def _hash(one: str, two: str) -> str:
    return hashlib.sha256(f"{one} -> {two}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
