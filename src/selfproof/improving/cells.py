"""A function that was defined in a notebook or a script, as a module of its own.

Its source is taken with everything that it uses: functions beside it, imports, constants of plain data. What cannot be
written down (an open file, a class of the notebook) is named in an error.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import textwrap
import types
from collections.abc import Iterator
from typing import Any, Final

from selfproof.nouns import UsageError

_LARGEST: Final = 200_000
ADVICE: Final = "Put the function into a module of its own, import it from there, and pass it again."


def module_of(function: types.FunctionType) -> str:
    """The text of a module that defines the function.

    Raises:
        UsageError: its source is not known, it is a lambda or a closure, or it uses what cannot be written down.
    """
    parts: dict[str, str] = {}
    _add(function, parts)
    imports = [text for text in parts.values() if text.startswith(("import ", "from "))]
    constants = [text for name, text in parts.items() if text.startswith(f"{name} = ")]
    functions = [text for text in parts.values() if text not in imports and text not in constants]
    return "\n\n\n".join(filter(None, ["\n".join([*imports, *constants]), *functions])) + "\n"


def _add(function: types.FunctionType, parts: dict[str, str]) -> None:
    name = function.__name__
    if name in parts:
        return
    text, node = source_of(function)
    parts[name] = text
    for used in _names(node):
        if used not in parts and used in function.__globals__:
            _resolve(used, function.__globals__[used], function, parts)
    parts[name] = parts.pop(name)  # after what it uses


def source_of(function: types.FunctionType) -> tuple[str, ast.FunctionDef]:
    """The text and the syntax of a function's definition.

    Raises:
        UsageError: it has none of its own.
    """
    name = function.__qualname__
    if function.__name__ == "<lambda>" or function.__closure__ or "<locals>" in name or "." in name:
        raise UsageError(f"{name} is a lambda, a method or a function within a function", advice=ADVICE)
    try:
        text = textwrap.dedent(inspect.getsource(function))
        node = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        raise UsageError(f"the source of {name} is not known", advice=ADVICE) from None
    if not isinstance(node, ast.FunctionDef) or node.name != function.__name__:
        raise UsageError(f"{name} is no plain function on the top level", advice=ADVICE)
    return text.rstrip(), node


def _names(node: ast.AST) -> Iterator[str]:
    """Names that a definition uses, defaults, decorators and annotations included."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id


def _resolve(name: str, value: Any, user: types.FunctionType, parts: dict[str, str]) -> None:
    """Write down what a global name stands for."""
    home = getattr(value, "__module__", None)
    if getattr(builtins, name, None) is value:
        return
    if isinstance(value, types.ModuleType):
        parts[name] = f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}")
    elif isinstance(value, types.FunctionType) and home == user.__module__:
        _add(value, parts)
    elif isinstance(value, re.Pattern):
        parts.setdefault("re", "import re")
        parts[name] = f"{name} = re.compile({value.pattern!r}, {value.flags})"
    elif _is_data(value):
        parts[name] = f"{name} = {value!r}"
    elif callable(value) and isinstance(home, str) and home != user.__module__ and "." not in value.__qualname__:
        original = value.__qualname__
        parts[name] = f"from {home} import {original}" + ("" if original == name else f" as {name}")
    else:
        raise UsageError(f"{user.__name__} uses {name}, a {type(value).__name__} that cannot be copied", advice=ADVICE)


def _is_data(value: Any) -> bool:
    """Whether the text of a value makes an equal value."""
    text = repr(value)
    if len(text) > _LARGEST or isinstance(value, type | types.BuiltinFunctionType):
        return False
    try:
        again = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return type(again) is type(value) and bool(again == value)
