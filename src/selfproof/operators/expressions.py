"""Edits of one function's expressions: constants, replace, wrap, blend, pool, unwrap, insert, crossover.

Every operator takes the parsed function and a seeded ``random.Random`` and changes the tree in place; nothing is
run here. What an operator may write is fixed by the ``Palette``: names that are in scope, binary operators and
element-wise calls. The result is spliced back statement by statement, so text that no edit touched keeps its
comments and its layout.

Genetic-improvement operators after Petke et al., "Genetic Improvement of Software: A Comprehensive Survey" (2018).
"""

from __future__ import annotations

import ast
import copy
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from selfproof.operators.constants import EditImpossible, cross_constants, edit_constants

BINARY: tuple[type[ast.operator], ...] = (ast.Add, ast.Sub, ast.Mult, ast.Div)
CALLS_OF_ONE = ("np.sqrt", "np.log1p", "np.abs")
CALLS_OF_TWO = ("np.maximum", "np.minimum")
CONSTANTS = (0.01, 0.1, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Palette:
    """What new code may be made of: ``names`` in scope, calls of one and of two arguments, starting constants."""

    names: tuple[str, ...]
    calls_of_one: tuple[str, ...] = CALLS_OF_ONE
    calls_of_two: tuple[str, ...] = CALLS_OF_TWO
    constants: tuple[float, ...] = CONSTANTS


@dataclass(frozen=True)
class _Site:
    """A place that holds an expression: ``node`` is ``parent.field`` or ``parent.field[index]``."""

    parent: ast.AST
    field: str
    index: int | None
    node: ast.expr

    def put(self, new: ast.expr) -> None:
        if self.index is None:
            setattr(self.parent, self.field, new)
        else:
            getattr(self.parent, self.field)[self.index] = new


def _sites(body: Sequence[ast.stmt]) -> list[_Site]:
    """Every expression that is read, in source order; a call's function and a subscript's index stay as they are."""
    found: list[_Site] = []

    def visit(node: ast.AST) -> None:
        for field, value in ast.iter_fields(node):
            if field in {"func", "slice", "targets", "target", "keywords", "ctx"}:
                continue
            for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.expr) and not isinstance(child, ast.Attribute):
                    found.append(_Site(node, field, index, child))
                if isinstance(child, ast.AST):
                    visit(child)

    for statement in body:
        visit(statement)
    return found


def _call(name: str, *args: ast.expr) -> ast.expr:
    return ast.Call(func=ast.parse(name, mode="eval").body, args=list(args), keywords=[])


def _number(value: float) -> ast.expr:
    rounded = float(f"{value:.4g}")
    if rounded < 0:
        return ast.UnaryOp(op=ast.USub(), operand=ast.Constant(-rounded))
    return ast.Constant(rounded)


def _terminal(palette: Palette, rng: random.Random) -> ast.expr:
    if palette.names and rng.random() < 0.75:
        return ast.Name(id=rng.choice(palette.names), ctx=ast.Load())
    return _number(rng.choice(palette.constants))


def _small(palette: Palette, rng: random.Random) -> ast.expr:
    """A new expression of one to three leaves."""
    draw = rng.random()
    if draw < 0.4:
        return _terminal(palette, rng)
    if draw < 0.5:
        return _call(rng.choice(palette.calls_of_one), _terminal(palette, rng))
    left, right = _terminal(palette, rng), _terminal(palette, rng)
    return ast.BinOp(left=left, op=rng.choice(BINARY)(), right=right)


def _scaled(weight: float, node: ast.expr) -> ast.BinOp:
    return ast.BinOp(_number(weight), ast.Mult(), node)


def _power(node: ast.expr, exponent: float) -> ast.BinOp:
    return ast.BinOp(node, ast.Pow(), _number(exponent))


def _numeric(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool)


def constant(body: list[ast.stmt], palette: Palette, rng: random.Random) -> str:
    """Scale one number by a log-normal factor; one draw in ten flips it to a starting constant."""
    sites = [site for site in _sites(body) if _numeric(site.node)]
    if not sites:
        raise EditImpossible("no constant")
    site = rng.choice(sites)
    assert isinstance(site.node, ast.Constant)
    old = float(site.node.value)  # type: ignore[arg-type]
    new = old * math.exp(rng.gauss(0.0, rng.choice((0.1, 0.4, 1.2)))) if old else rng.choice(palette.constants)
    if rng.random() < 0.1:
        new = rng.choice(palette.constants)
    site.put(_number(new))
    return f"{old:.4g} -> {new:.4g}"


def replace(body: list[ast.stmt], palette: Palette, rng: random.Random) -> str:
    """Put a new small expression in the place of any other."""
    site = rng.choice(_sites(body))
    new = _small(palette, rng)
    title = f"{ast.unparse(site.node)} -> {ast.unparse(new)}"
    site.put(new)
    return title


def wrap(body: list[ast.stmt], palette: Palette, rng: random.Random) -> str:
    """Make an expression the operand of a new operator or call."""
    site = rng.choice(_sites(body))
    old = ast.unparse(site.node)
    draw = rng.random()
    if draw < 0.15:
        new = _call(rng.choice(palette.calls_of_one), site.node)
    elif draw < 0.3:
        new = _call(rng.choice(palette.calls_of_two), site.node, _terminal(palette, rng))
    else:
        operands = [site.node, _small(palette, rng)]
        if rng.random() < 0.5:
            operands.reverse()
        new = ast.BinOp(left=operands[0], op=rng.choice(BINARY)(), right=operands[1])
    site.put(new)
    return f"{old} -> {ast.unparse(new)}"


def blend(body: list[ast.stmt], palette: Palette, rng: random.Random) -> str:
    """Add a weighted second opinion to an expression: ``x + w*y``, or ``(1 - w)*x + w*y``.

    A wrap and a constant at once: alone, each of the two mostly makes things worse, and a race ends there.
    """
    site = rng.choice(_sites(body))
    old = ast.unparse(site.node)
    named = palette.names and rng.random() < 0.6
    other = ast.Name(id=rng.choice(palette.names), ctx=ast.Load()) if named else _small(palette, rng)
    if rng.random() < 0.5:
        new = ast.BinOp(site.node, ast.Add(), _scaled(math.exp(rng.uniform(-3.0, 3.0)), other))
    else:
        share = round(rng.uniform(0.05, 0.95), 2)
        new = ast.BinOp(_scaled(1.0 - share, site.node), ast.Add(), _scaled(share, other))
    site.put(new)
    return f"{old} -> {ast.unparse(new)}"


def pool(body: list[ast.stmt], palette: Palette, rng: random.Random) -> str:
    """Take an expression to a power, mostly times another one's: ``x**w``, or ``x**(1 - w) * y**w``.

    The second is how guesses are pooled log-linearly (Genest & Zidek 1986), as context-mixing compressors do: a
    building block, since three edits at once do not come about by chance.
    """
    site = rng.choice(_sites(body))
    old = ast.unparse(site.node)
    if not palette.names or rng.random() < 0.25:
        new = _power(site.node, math.exp(rng.uniform(-1.0, 1.0)))
    else:
        share = round(rng.uniform(0.05, 0.95), 2)
        other = ast.Name(id=rng.choice(palette.names), ctx=ast.Load())
        new = ast.BinOp(_power(site.node, 1.0 - share), ast.Mult(), _power(other, share))
    site.put(new)
    return f"{old} -> {ast.unparse(new)}"


def unwrap(body: list[ast.stmt], palette: Palette, rng: random.Random) -> str:
    """Replace an operator or call by one of its operands."""
    del palette
    sites = [site for site in _sites(body) if isinstance(site.node, ast.BinOp | ast.UnaryOp | ast.Call)]
    sites = [site for site in sites if not isinstance(site.node, ast.Call) or site.node.args]
    if not sites:
        raise EditImpossible("nothing to unwrap")
    site = rng.choice(sites)
    node = site.node
    old = ast.unparse(node)
    if isinstance(node, ast.BinOp):
        kept = rng.choice((node.left, node.right))
    else:
        kept = node.operand if isinstance(node, ast.UnaryOp) else rng.choice(node.args)  # type: ignore[attr-defined]
    site.put(kept)
    return f"{old} -> {ast.unparse(kept)}"


def insert(body: list[ast.stmt], palette: Palette, rng: random.Random) -> str:
    """Name a new expression in a statement of its own before the return, and use it at one place."""
    returns = [i for i, statement in enumerate(body) if isinstance(statement, ast.Return)]
    if not returns:
        raise EditImpossible("no return")
    taken = {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
    name = next(f"x{i}" for i in range(1, 100) if f"x{i}" not in taken)
    value = ast.BinOp(left=_terminal(palette, rng), op=rng.choice(BINARY)(), right=_small(palette, rng))
    site = rng.choice(_sites(body[returns[-1] :]))
    use: ast.expr = ast.Name(id=name, ctx=ast.Load())
    if rng.random() < 0.5:
        use = ast.BinOp(left=site.node, op=rng.choice(BINARY)(), right=use)
    title = f"{name} = {ast.unparse(value)}; {ast.unparse(site.node)} -> {ast.unparse(use)}"
    site.put(use)
    body.insert(returns[-1], ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=value, lineno=0))
    return title


OPERATORS: dict[str, Callable[[list[ast.stmt], Palette, random.Random], str]] = {
    "constant": constant,
    "replace": replace,
    "wrap": wrap,
    "blend": blend,
    "pool": pool,
    "unwrap": unwrap,
    "insert": insert,
}


def find_function(tree: ast.Module, name: str) -> ast.FunctionDef:
    """The function of that name at the module's top level.

    Raises:
        EditImpossible: there is none.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return node
    raise EditImpossible(f"no function {name}")


def without_docstring(function: ast.FunctionDef) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """A function's docstring, as no statement or one, and the rest of its body."""
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return function.body[:1], function.body[1:]
    return [], function.body


def _locals(body: Sequence[ast.stmt]) -> list[str]:
    return [t.id for s in body if isinstance(s, ast.Assign) for t in s.targets if isinstance(t, ast.Name)]


def _names(function: ast.FunctionDef, body: Sequence[ast.stmt]) -> tuple[str, ...]:
    return (*(argument.arg for argument in function.args.args), *_locals(body))


def _crossover(body: list[ast.stmt], other: Sequence[ast.stmt], names: set[str], rng: random.Random) -> str:
    """Put a subtree of another version's function in the place of an expression."""
    gifts = [site.node for site in _sites(other) if not isinstance(site.node, ast.Constant | ast.Name)]
    gifts = [g for g in gifts if {n.id for n in ast.walk(g) if isinstance(n, ast.Name)} <= names | {"np"}]
    if not gifts:
        raise EditImpossible("nothing to take over")
    site = rng.choice(_sites(body))
    gift = copy.deepcopy(rng.choice(gifts))
    title = f"{ast.unparse(site.node)} -> {ast.unparse(gift)}"
    site.put(gift)
    return title


def edit_function(
    source: str, function: str, operator: str, rng: random.Random, *, other: str | None = None, repeat: int = 1
) -> tuple[str, str]:
    """Apply an operator ``repeat`` times to ``function`` in ``source``; returns (new source, title).

    ``operator`` is a key of ``OPERATORS`` or ``"crossover"``, which takes code from the same function in ``other``.
    An empty ``function`` is the whole file: there "constant" changes any of its constants and "crossover" takes over
    those of ``other``; no other operator applies.

    Raises:
        EditImpossible: the operator has no place to apply, or the function is missing.
    """
    if not function:
        return _edit_file(source, operator, rng, other, repeat)
    tree = ast.parse(source)
    target = find_function(tree, function)
    _, body = without_docstring(target)
    first, last = body[0], body[-1]
    palette = Palette(_names(target, body[:-1]))
    titles = []
    for _ in range(repeat):
        if operator == "crossover":
            if other is None:
                raise EditImpossible("no second parent")
            _, theirs = without_docstring(find_function(ast.parse(other), function))
            titles.append(_crossover(body, theirs, set(palette.names), rng))
        else:
            titles.append(OPERATORS[operator](body, palette, rng))
    lines = source.splitlines(keepends=True)
    indent = " " * first.col_offset
    statements = [ast.unparse(statement) for statement in _drop_unused(body)]
    text = "".join(indent + line + "\n" for statement in statements for line in statement.splitlines())
    assert last.end_lineno is not None
    new = "".join([*lines[: first.lineno - 1], text, *lines[last.end_lineno :]])
    return new, "; ".join(titles)


def _edit_file(source: str, operator: str, rng: random.Random, other: str | None, repeat: int) -> tuple[str, str]:
    if operator == "constant":
        return edit_constants(source, rng, repeat)
    if operator == "crossover" and other is not None:
        return cross_constants(source, other, rng)
    raise EditImpossible(f"{operator} needs a function")


def _drop_unused(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements that only name a value nobody reads any more are dead weight: leave them out."""
    while True:
        read = {
            node.id
            for statement in body
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        kept = [s for s in body if not (isinstance(s, ast.Assign) and _locals([s]) and not set(_locals([s])) & read)]
        if len(kept) == len(body):
            return body
        body = kept


def size(source: str, function: str) -> int:
    """Number of expression nodes in the function's body, without its docstring; in all of the file without a name."""
    return size_in(ast.parse(source) if function else normal_tree(source), function)


def size_in(tree: ast.Module, function: str) -> int:
    """The same of a module that was parsed before."""
    if not function:
        return sum(isinstance(node, ast.expr) for node in ast.walk(tree))
    _, body = without_docstring(find_function(tree, function))
    return sum(isinstance(node, ast.expr) for statement in body for node in ast.walk(statement))


def normal_form(source: str) -> str:
    """The source without comments, docstrings and layout: equal for edits that differ in nothing else."""
    return ast.dump(normal_tree(source))


def normal_tree(source: str) -> ast.Module:
    """The parsed source without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef | ast.Module) and node.body:
            head = node.body[0]
            if isinstance(head, ast.Expr) and isinstance(head.value, ast.Constant) and len(node.body) > 1:
                node.body = node.body[1:]
    return tree
