"""Parts of a program that is too long to be shown whole: the functions that matter in full, of the rest the outline.

What is left out is marked by a line that no program has, so that nobody takes an excerpt for a file.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator

LEFT_OUT = "[... {} lines are not shown ...]"


def excerpt(path: str, text: str, wanted: Collection[str], room: int) -> str:
    """At most ``room`` bytes of a file: ``wanted`` functions in full, signatures of the rest, as far as there is room.

    Files that are no Python, or too broken to be read, are shown by their first and last lines. "" if nothing fits.
    """
    tree = _tree(text) if path.endswith(".py") else None
    lines = text.split("\n")
    if tree is not None:
        for numbers in (_outline(tree, wanted), _outline(tree, [*wanted][:1]), _just(tree, wanted)):
            shown = _shown(lines, numbers)
            if numbers and size(shown) <= room:
                return shown
    keep = len(lines)
    while keep > 1:
        keep = keep * 2 // 3
        shown = _shown(lines, {*range(keep * 2 // 3), *range(len(lines) - keep // 3, len(lines))})
        if size(shown) <= room:
            return shown
    return ""


def size(text: str) -> int:
    """Bytes of UTF-8: no tokenizer makes more tokens of a text."""
    return len(text.encode("utf-8", "replace"))


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _outline(tree: ast.Module, wanted: Collection[str]) -> set[int]:
    """Numbers (from 0) of the lines that are shown: all but the bodies of functions that are not wanted."""
    last = max((node.end_lineno or 0 for node in tree.body), default=0)
    hidden: set[int] = set()
    for name, function in _functions(tree.body, ""):
        first = _above(function.body[0])
        if name not in wanted and function.name not in wanted and first > function.lineno:
            hidden |= set(range(first - 1, function.end_lineno or 0))
    return {number for number in range(last) if number not in hidden}


def _just(tree: ast.Module, wanted: Collection[str]) -> set[int]:
    """Numbers of the lines of the wanted functions alone."""
    chosen = [node for name, node in _functions(tree.body, "") if name in wanted or node.name in wanted]
    return {number for node in chosen for number in range(_above(node) - 1, node.end_lineno or 0)}


def _above(node: ast.stmt) -> int:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return node.lineno


def _functions(body: Iterable[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}{node.name}.")


def _shown(lines: list[str], numbers: Collection[int]) -> str:
    out: list[str] = []
    missing = 0
    for number, line in enumerate(lines):
        if number in numbers:
            if missing:
                out.append(LEFT_OUT.format(missing))
            missing = 0
            out.append(line)
        else:
            missing += 1
    return "\n".join([*out, LEFT_OUT.format(missing)] if missing else out)
