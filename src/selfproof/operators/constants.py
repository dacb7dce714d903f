"""Edits of a whole file's constants: numbers and truth values, wherever in it they stand, each in its own place.

Nothing is run and nothing but the constant's own characters changes, so comments and layout stay. Constants that
carry a name (an assignment at module or class level, a keyword, a parameter's default, an entry of a dict) are chosen
more often: they are what people mean by settings. Left alone are seeds, since another seed is another draw and no
improvement, and numbers that are no setting: in subscripts, annotations, format strings and calls of `print`. Where a
file marks its blocks with `EVOLVE-BLOCK-START` and `EVOLVE-BLOCK-END`, only what lies between is touched.
"""

from __future__ import annotations

import ast
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

START, END = "EVOLVE-BLOCK-START", "EVOLVE-BLOCK-END"
STARTING = (0.01, 0.1, 0.5, 1.0, 2.0, 5.0)
NAMED, PLAIN, SMALL = 4.0, 1.0, 0.2
"""How often a constant is chosen: with a name, without (or a named 0), and a bare 0, 1 or 2, which mostly counts."""
LARGEST = 1e15

_SEED = re.compile(r"seed|random_?state|default_rng|prngkey", re.IGNORECASE)
_DRAWS = (0.1, 0.4, 1.2)  # spreads of the logarithm of the factor that a number is changed by


class EditImpossible(Exception):
    """The operator found no place where it applies."""


@dataclass(frozen=True)
class Place:
    """A constant of a file: what it is called ("" without a name), where it stands, how often it is chosen."""

    name: str
    value: bool | int | float
    line: int
    start: int  # bytes into the line
    end: int
    weight: float

    @property
    def title(self) -> str:
        """What people would call it."""
        return self.name or f"line {self.line}"


def constants_of(source: str) -> list[Place]:
    """Every constant of a file that may be changed, in the order of the text.

    Raises:
        SyntaxError: the file is no Python.
    """
    found = sorted(_places(ast.parse(source), "", False), key=lambda place: (place.line, place.start))
    blocks = blocks_of(source)
    return [p for p in found if blocks is None or any(first < p.line < last for first, last in blocks)]


def blocks_of(source: str) -> list[tuple[int, int]] | None:
    """The lines of the markers of each block that the file allows to change; None where it marks none."""
    blocks: list[tuple[int, int]] = []
    opened, marked = 0, False
    for number, line in enumerate(source.encode().splitlines(), 1):  # as Python counts lines: no exotic separators
        if START.encode() in line:
            opened, marked = number, True
        elif END.encode() in line and opened:
            blocks.append((opened, number))
            opened = 0
    return blocks if marked else None


def _places(node: ast.AST, name: str, named: bool) -> Iterator[Place]:
    """The constants below a node; ``name`` is what a constant right here is called, ``named`` whether it is its own."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, bool | int | float) and abs(node.value) <= LARGEST:
            weight = (NAMED if node.value else PLAIN) if named else SMALL if node.value in (0, 1, 2) else PLAIN
            assert node.end_col_offset is not None
            yield Place(name, node.value, node.lineno, node.col_offset, node.end_col_offset, weight)
        return
    if isinstance(node, ast.JoinedStr | ast.pattern | ast.expr_context):
        return
    if isinstance(node, ast.Call) and (_called(node) == "print" or _is_seed(_called(node)) or _asks_for_seed(node)):
        return
    for child, its_name, own in _below(node, name, named):
        if not _is_seed(its_name):
            yield from _places(child, its_name, own)


def _below(node: ast.AST, name: str, named: bool) -> Iterator[tuple[ast.AST, str, bool]]:
    """What may hold constants below a node, each with what a constant there would be called."""
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if node.value is not None:
            yield node.value, ast.unparse(target)[:40], True
    elif isinstance(node, ast.keyword):
        yield node.value, node.arg or name, True
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            word = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else name
            yield value, word, True
    elif isinstance(node, ast.arguments):
        listed = [*node.posonlyargs, *node.args]
        pairs = [*zip(listed[len(listed) - len(node.defaults) :], node.defaults, strict=True)]
        pairs += [(a, d) for a, d in zip(node.kwonlyargs, node.kw_defaults, strict=True) if d is not None]
        yield from ((default, arg.arg, True) for arg, default in pairs)
    elif isinstance(node, ast.Subscript):
        yield node.value, name, named
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        if not isinstance(node, ast.ClassDef):
            yield node.args, "", False
        yield from ((statement, "", False) for statement in node.body)
    else:
        keeps = isinstance(node, ast.UnaryOp | ast.Tuple | ast.List | ast.Set)
        yield from ((child, name, named and keeps) for child in ast.iter_child_nodes(node))


def _called(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def _asks_for_seed(call: ast.Call) -> bool:
    """Whether a text argument names a seed: `add_argument("--seed", default=1)`, `environ.get("SEED", 0)`."""
    return any(isinstance(a, ast.Constant) and isinstance(a.value, str) and _is_seed(a.value) for a in call.args)


def _is_seed(name: str) -> bool:
    return _SEED.search(name) is not None


def moved(value: float, rng: random.Random) -> bool | int | float:
    """Another value of the same kind: a truth value turned, a number scaled; never 0 or of another sign.

    A number between a half and one is as often moved by its distance to one: momenta, rates that decay, quantiles.
    """
    if isinstance(value, bool):
        return not value
    factor = math.exp(rng.gauss(0.0, rng.choice(_DRAWS)))
    if isinstance(value, int):
        if value == 0:
            return rng.choice((1, 2, 5, 10))
        new = max(1, round(value * factor))
        return new if new != value else value + (1 if value == 1 or factor > 1.0 else -1)
    if value == 0.0 or rng.random() < 0.05:
        return rng.choice([v for v in STARTING if v != value])
    if 0.5 < value < 1.0 and rng.random() < 0.5:
        return rounded(1.0 - min(0.99, (1.0 - value) * factor), value)
    near = rounded(value * factor, value)
    return near if near not in (0.0, value) else 2.0 * value  # the smallest numbers have no neighbour but this one


def rounded(new: float, old: float) -> float:
    """Three digits are enough, counted from one where a number is close below it; more if that gives ``old`` again."""
    for digits in (3, 4, 6, 9):
        short = float(f"{new:.{digits}g}") if new < 0.5 or new >= 1.0 else 1.0 - float(f"{1.0 - new:.{digits}g}")
        short = float(f"{short:.12g}")
        if short != old:
            return short
    return new


def edit_constants(source: str, rng: random.Random, repeat: int = 1) -> tuple[str, str]:
    """Change ``repeat`` of a file's constants; returns (new source, title).

    Raises:
        EditImpossible: there is none.
    """
    places = constants_of(source)
    if not places:
        raise EditImpossible("no constant")
    chosen: dict[Place, str] = {}
    for _ in range(repeat):
        place = rng.choices(places, [p.weight for p in places])[0]
        new = moved(place.value, rng)
        if math.isfinite(new):
            chosen[place] = repr(new)
    if not chosen:
        raise EditImpossible("no constant could be moved")
    return spliced(source, chosen), "; ".join(_told(place, new) for place, new in chosen.items())


def cross_constants(source: str, other: str, rng: random.Random) -> tuple[str, str]:
    """Take some of the constants of another version of the same file; returns (new source, title).

    Raises:
        EditImpossible: the two differ in more than constants, or in none.
    """
    ours, theirs = constants_of(source), constants_of(other)
    if [p.name for p in ours] != [p.name for p in theirs]:
        raise EditImpossible("another structure")
    different = [(a, b) for a, b in zip(ours, theirs, strict=True) if a.value != b.value]
    if not different:
        raise EditImpossible("the same constants")
    taken = [pair for pair in different if rng.random() < 0.5] or [rng.choice(different)]
    chosen = {place: repr(new.value) for place, new in taken}
    return spliced(source, chosen), "; ".join(_told(place, new) for place, new in chosen.items())


def spliced(source: str, chosen: dict[Place, str]) -> str:
    """The source with new text in these places."""
    lines = source.encode().splitlines(keepends=True)
    for place in sorted(chosen, key=lambda p: (p.line, p.start), reverse=True):
        line = lines[place.line - 1]
        lines[place.line - 1] = line[: place.start] + chosen[place].encode() + line[place.end :]
    return b"".join(lines).decode()


def _told(place: Place, new: str) -> str:
    return f"{place.title} {place.value!r} -> {new}"
