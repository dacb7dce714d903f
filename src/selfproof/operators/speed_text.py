"""Cutting and pasting source text, so that what an edit does not touch keeps its comments and its layout.

The helper functions below are pasted into the edited module when an edit needs them. They are ordinary
Python that a reader of the program can check on the spot; each uses one stack frame, never more.

Does not protect against: nothing is proved here; the operators decide what may be pasted.
"""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_HELPER_SOURCE = {
    "_SCALARS": """
        _SCALARS = frozenset({bool, int, float, str, bytes, type(None)})
        """,
    "_hashed": '''
        def _hashed(items):
            """A frozenset with the same members, or `items` itself where a set might answer differently."""
            if type(items) in (list, tuple) and _SCALARS.issuperset(map(type, items)):
                return frozenset(items)
            return items
        ''',
    "_found": '''
        def _found(item, items, index):
            """`item in items` for a list that only grows; `index` holds its members so far and how many."""
            members, known = index
            if members is None or type(item) not in _SCALARS or type(items) is not list:
                return item in items
            if known < len(items):
                added = items[known:]
                if not _SCALARS.issuperset(map(type, added)):
                    index[0] = None
                    return item in items
                members.update(added)
                index[1] = len(items)
            return item in members
        ''',
    "_once": '''
        def _once(cell, value, *sources, flat=False):
            """Put `value` into `cell` for the rest of a loop if it and its sources are plain data."""
            for part in value if flat and type(value) in (list, tuple, set, frozenset) else (value,):
                if type(part) not in _SCALARS or part != part:
                    return value
            pending = list(sources)
            for _ in range(10_000):
                if not pending:
                    cell.append(value)
                    return value
                item = pending.pop()
                if type(item) in (list, tuple, set, frozenset, dict):
                    inner = [*item, *item.values()] if type(item) is dict else item
                    if not _SCALARS.issuperset(map(type, inner)):
                        pending.extend(inner)
                elif type(item) not in _SCALARS:
                    return value
            return value
        ''',
    "_key": '''
        def _key(args):
            """A dict key that tells 1, 1.0 and True apart; None if this call must not be remembered."""
            try:
                kinds = []
                for arg in args:
                    for part in arg if type(arg) is tuple else (arg,):
                        kind = type(part)
                        if kind not in _SCALARS or (kind is float and (part == 0 or part != part)):
                            return None  # 0.0 equals -0.0, and a NaN equals nothing
                        kinds.append(kind)
                return (args, *kinds)
            except RecursionError:  # at the end of the stack the call itself may still fit
                return None
        ''',
    "_keep": '''
        def _keep(memo, key, value):
            """Remember `value` under `key` if it is immutable, and return it."""
            try:
                if key is not None:
                    for part in value if type(value) is tuple else (value,):
                        if type(part) not in _SCALARS or part != part:
                            return value
                    memo[key] = value
            except RecursionError:  # it is only not remembered
                pass
            return value
        ''',
}

HELPERS = frozenset(_HELPER_SOURCE)
"""Names of everything that an edit may paste at the top of a module."""

HELPER_NEEDS = frozenset({"bool", "bytes", "dict", "float", "frozenset", "int", "len", "list"}) | {
    "map", "range", "set", "str", "tuple", "type"
}  # fmt: skip
"""The builtins that the helpers use; a module that binds one of these names itself cannot take them."""


@dataclass(frozen=True)
class Splice:
    """Replace the text from `start` to `end`, both (line from 1, column in UTF-8 bytes from 0), by `text`."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Move:
    """One rewrite as changes of text: what to tell a reader, the operator, the splices, the helpers used."""

    title: str
    operator: str
    splices: tuple[Splice, ...]
    helpers: tuple[str, ...]
    lines: tuple[str, ...] = ()
    """Module-level lines that the move needs below the imports."""


def before(node: ast.expr | ast.stmt, text: str) -> Splice:
    """Insert `text` right before `node`."""
    return Splice(_start(node), _start(node), text)


def after(node: ast.expr, text: str, back: int = 0) -> Splice:
    """Insert `text` right after `node`, or `back` bytes earlier."""
    line, column = _end(node)
    return Splice((line, column - back), (line, column - back), text)


def instead(node: ast.expr, text: str) -> Splice:
    """Replace `node` by `text`."""
    return Splice(_start(node), _end(node), text)


def line_above(statement: ast.stmt, text: str) -> Splice:
    """Insert the line `text` above `statement`, which must start its own line; same indentation."""
    line, column = _start(statement)
    return Splice((line, column), (line, column), text + "\n" + " " * column)


def whole_line(source: str, statement: ast.stmt) -> Splice | None:
    """Remove the line of a statement that has one to itself, else None."""
    line, column = _start(statement)
    text = source.encode().split(b"\n")[line - 1]
    alone = statement.end_lineno == line and not text[:column].strip(b" ") and text[statement.end_col_offset :] == b""
    return Splice((line, 0), (line + 1, 0), "") if alone else None


def comments(source: str, statement: ast.stmt) -> list[str]:
    """The comments that stand within a statement, in their order."""
    lines = source.split("\n")[statement.lineno - 1 : statement.end_lineno]
    lines[-1] = lines[-1].encode()[: statement.end_col_offset].decode()  # what follows it stays where it is
    text = textwrap.dedent("\n".join(lines)) + "\n"
    try:
        return [
            item.string
            for item in tokenize.generate_tokens(io.StringIO(text).readline)
            if item.type == tokenize.COMMENT
        ]
    except (tokenize.TokenError, SyntaxError):  # a line that continues beyond the statement
        return []


def starts_its_line(source: str, statement: ast.stmt) -> bool:
    """Whether only spaces stand before `statement` on its line, and it is not the `if` of an `elif`."""
    line, column = _start(statement)
    text = source.encode().split(b"\n")[line - 1]
    return not text[:column].strip(b" ") and not text[column:].startswith(b"elif")


def segment(source: str, node: ast.expr) -> str:
    """The source text of `node`."""
    return ast.get_source_segment(source, node) or ast.unparse(node)


def spliced(source: str, splices: Sequence[Splice], helpers: Iterable[str], more: Sequence[str] = ()) -> str | None:
    """`source` with all splices, the named helpers and `more` lines in place; None where that is no valid module."""
    tree = ast.parse(source)
    names = list(helpers)
    names = ["_SCALARS", *names] if names else names
    missing = [name for name in names if _present(tree, name) is None]
    if "\r" in source or "\f" in source or any(_present(tree, name) is False for name in names):
        return None
    data = source.encode()
    starts = [0]
    for line in data.split(b"\n"):
        starts.append(starts[-1] + len(line) + 1)
    cuts = [(starts[cut.start[0] - 1] + cut.start[1], starts[cut.end[0] - 1] + cut.end[1], cut.text) for cut in splices]
    top = starts[_preamble_end(tree, data)]
    pasted = "".join(f"\n\n{_helper(name)}" for name in missing) + "\n" * bool(more) + "".join(f"{x}\n" for x in more)
    cuts.append((top, top, pasted if top else pasted.lstrip() + "\n\n" * bool(pasted)))
    pieces, position = [], 0
    for start, end, text in sorted(cuts, key=lambda cut: cut[0]):  # stable: the caller lists inner text first
        if start < position:
            return None
        pieces += [data[position:start], text.encode()]
        position = end
    result = b"".join([*pieces, data[position:]]).decode()
    try:
        compile(result, "<edit>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return result


def unused_name(tree: ast.AST, stem: str) -> str:
    """`stem`, or `stem_2` and so on, such that nothing in the tree has that name."""
    taken = {item.id for item in ast.walk(tree) if isinstance(item, ast.Name)}
    taken |= {item.arg for item in ast.walk(tree) if isinstance(item, ast.arg)}
    taken |= {str(getattr(item, field, "")) for item in ast.walk(tree) for field in ("name", "asname")}
    number = 1
    while (name := stem if number == 1 else f"{stem}_{number}") in taken:
        number += 1
    return name


def _start(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.expr | ast.stmt) -> tuple[int, int]:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _helper(name: str) -> str:
    return textwrap.dedent(_HELPER_SOURCE[name]).strip() + "\n"


def has_helper(tree: ast.Module, name: str) -> bool:
    """Whether the module has the helper, word for word."""
    wanted = ast.dump(ast.parse(_helper(name)).body[0])
    return any(ast.dump(statement) == wanted for statement in tree.body)


def _present(tree: ast.Module, name: str) -> bool | None:
    """True: the helper is there; False: something else has its name; None: the name is free."""
    bindings = sum(
        name in (getattr(node, "name", None), getattr(node, "asname", None), getattr(node, "arg", None))
        or (isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load))
        or (isinstance(node, ast.Global) and name in node.names)
        for node in ast.walk(tree)
    )
    return None if bindings == 0 else bindings == 1 and has_helper(tree, name)


def _preamble_end(tree: ast.Module, data: bytes) -> int:
    """The number of leading lines that hold the docstring and the imports, or else the opening comments."""
    end = 0
    for number, statement in enumerate(tree.body):
        docstring = number == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not (docstring or isinstance(statement, ast.Import | ast.ImportFrom)):
            break
        end = statement.end_lineno or end
    if end == 0:
        lines = data.split(b"\n")
        while end < len(lines) and lines[end].startswith(b"#"):
            end += 1
    return end
