"""A piece of code taken apart once: its name, its structure without constants, its size."""

from __future__ import annotations

import ast
import hashlib
import re
from functools import lru_cache

from selfproof.operators.constants import EditImpossible
from selfproof.operators.expressions import normal_tree, size_in

_CONSTANT = re.compile(r"""Constant\(value=(?:b?'(?:[^'\\]|\\.)*'|b?"(?:[^"\\]|\\.)*"|[^'"()]*)\)""")


@lru_cache(maxsize=512)
def anatomy(source: str, function: str) -> tuple[str, str, int]:
    """Form (the same short name that the improver uses), structure and size of a piece of code."""
    tree = normal_tree(source)
    form = ast.dump(tree)
    return hashlib.sha256(form.encode()).hexdigest()[:16], structure_of(form), size_in(tree, function)


def anatomy_or_none(source: str, function: str) -> tuple[str, str, int] | None:
    """The same, None for text that cannot be taken apart: a machine wrote it."""
    try:
        return anatomy(source, function)
    except (EditImpossible, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def structure_of(form: str) -> str:
    """Short name of a normal form with every constant left out."""
    return hashlib.sha256(_CONSTANT.sub("Constant()", form).encode()).hexdigest()[:16]
