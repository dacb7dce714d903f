"""Inputs for a function from its type hints, where no call of it is known.

Read from the source: int, float, str, bytes, bool, None, list, tuple, dict, set and frozenset of those, Optional, Union
and ``|``, Literal, Sequence and the like, NumPy arrays (numbers between 0 and 1), names that the module binds to such a
type. ``size`` says how large a value is: how long a list or text is,
and how large a whole number may be.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable
from typing import Any

from selfproof.nouns import UsageError
from selfproof.trial.recorded import Call

WORDS = "the of and to in is that for it was on are as with his they at be this from have or by one had not but what"
Maker = Callable[[random.Random, int], Any]

_LISTS = {"list", "List", "Sequence", "Iterable", "Collection", "MutableSequence", "Container"}
_SETS = {"set": set, "Set": set, "AbstractSet": set, "MutableSet": set, "frozenset": frozenset, "FrozenSet": frozenset}
_DICTS = {"dict", "Dict", "Mapping", "MutableMapping"}
_ARRAYS = {"ndarray", "NDArray", "ArrayLike"}


class Hints:
    """Makes calls of one function of a module."""

    def __init__(self, module: ast.Module, function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Read the hints.

        Raises:
            UsageError: a parameter without a default has no hint, or one that is not understood.
        """
        self._aliases = {
            node.targets[0].id: node.value
            for node in module.body
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
        }
        signature = function.args
        positional = [*signature.posonlyargs, *signature.args]
        needed = len(positional) - len(signature.defaults)
        self.makers: list[Maker] = []
        for number, parameter in enumerate(positional):
            if parameter.annotation is None and number >= needed:
                break  # it and those after it keep their defaults
            self.makers.append(self._parameter(parameter, number >= needed))
        for parameter, default in zip(signature.kwonlyargs, signature.kw_defaults, strict=True):
            if default is None:
                raise _unknown(parameter.arg, "it has no position")

    def call(self, rng: random.Random, size: int) -> Call:
        """One call: an argument for each parameter."""
        return [maker(rng, size) for maker in self.makers]

    def _parameter(self, parameter: ast.arg, has_default: bool) -> Maker:
        if parameter.annotation is None:
            raise _unknown(parameter.arg, "it has no type hint")
        try:
            return self._maker(parameter.annotation, 0)
        except UsageError as error:
            raise _unknown(parameter.arg, str(error)) from None

    def _maker(self, node: ast.expr, depth: int) -> Maker:
        if depth > 20:
            raise UsageError("its type is nested too deeply")
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._maker(_expression(node.value), depth + 1)
        if isinstance(node, ast.Constant) and node.value is None:
            return lambda rng, size: None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _one_of([self._maker(node.left, depth + 1), self._maker(node.right, depth + 1)])
        if isinstance(node, ast.Subscript):
            inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return self._generic(_name(node.value), inner, depth)
        name = _name(node)
        if name in self._aliases:
            return self._maker(self._aliases[name], depth + 1)
        return self._plain(name)

    def _generic(self, name: str, inner: list[ast.expr], depth: int) -> Maker:
        if name == "Literal":
            choices = [ast.literal_eval(item) for item in inner]
            return lambda rng, size: rng.choice(choices)
        if name in _ARRAYS:
            return _array
        if name in {"Optional", "Annotated", "Final", "ClassVar"}:
            first = self._maker(inner[0], depth + 1)
            return _one_of([first, lambda rng, size: None]) if name == "Optional" else first
        if name in {"tuple", "Tuple"} and not (len(inner) == 2 and _is_dots(inner[1])):
            items = [self._maker(item, depth + 1) for item in inner]
            return lambda rng, size: tuple(item(rng, size) for item in items)
        if name not in {"Union", "tuple", "Tuple"} | _LISTS | _DICTS | set(_SETS):
            raise UsageError(f"its type {name}[...] is not one that values can be made for")
        parts = [self._maker(item, depth + 1) for item in inner if not _is_dots(item)]
        if name == "Union":
            return _one_of(parts)
        return _container(name, parts)

    def _plain(self, name: str) -> Maker:
        if name in _SCALARS:
            return _SCALARS[name]
        if name in _ARRAYS:
            return _array
        if name in _LISTS | _DICTS | set(_SETS) | {"tuple", "Tuple"}:
            return _container(name, [_SCALARS["int"]] * (2 if name in _DICTS else 1))
        raise UsageError(f"its type {name} is not one that values can be made for")


def _container(name: str, parts: list[Maker]) -> Maker:
    if name in _DICTS and len(parts) == 2:
        key, value = parts
        return lambda rng, size: {key(rng, size): value(rng, _inner(size)) for _ in range(_length(rng, size))}
    if len(parts) != 1 or name not in _LISTS | set(_SETS) | {"tuple", "Tuple"}:
        raise UsageError(f"its type {name}[...] is not one that values can be made for")
    item = parts[0]
    kind: Any = _SETS.get(name, tuple if name in {"tuple", "Tuple"} else list)
    return lambda rng, size: kind(item(rng, _inner(size)) for _ in range(_length(rng, size)))


def _length(rng: random.Random, size: int) -> int:
    return rng.randint(max(0, size // 2), size)


def _inner(size: int) -> int:
    """How large the items of a large container are: a matrix grows by both of its sides, a text in a list little."""
    return max(4, round(size**0.5)) if size > 16 else size


def _text(rng: random.Random, size: int) -> str:
    words = WORDS.split()
    found: list[str] = []
    length = _length(rng, size)
    while sum(map(len, found)) + len(found) < length:
        found.append(rng.choice(words) if rng.random() < 0.9 else str(rng.randrange(1000)))
    return " ".join(found)[:length]


def _array(rng: random.Random, size: int) -> Any:
    import numpy as np

    return np.random.default_rng(rng.getrandbits(64)).random(max(1, size))


def _one_of(makers: list[Maker]) -> Maker:
    return lambda rng, size: rng.choice(makers)(rng, size)


_SCALARS: dict[str, Maker] = {
    "int": lambda rng, size: rng.randint(max(0, size // 2), max(1, size)) if rng.random() < 0.9 else rng.randint(0, 9),
    "float": lambda rng, size: rng.choice((rng.random(), rng.uniform(-size, size), rng.gauss(0, 1))),
    "bool": lambda rng, size: rng.random() < 0.5,
    "str": _text,
    "bytes": lambda rng, size: rng.randbytes(_length(rng, size)),
    "None": lambda rng, size: None,
}


def _name(node: ast.expr) -> str:
    return (
        node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ast.unparse(node)
    )


def _is_dots(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def _expression(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError:
        raise UsageError(f"its type {text!r} cannot be read") from None


def _unknown(name: str, why: str) -> UsageError:
    return UsageError(
        f"no value can be made for the parameter {name}: {why}",
        advice="Add a type hint of plain data, or record real calls: --record SCRIPT.py",
    )
