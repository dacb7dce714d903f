"""Recorded calls as Python text that a person can read and add to."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

from selfproof.nouns import UsageError

HEAD = '''"""Calls of your function: each is the list of its arguments. Yours to read, to change and to add to.

{origin}
"""

{imports}CALLS = [
{calls}]

# The same, made longer by `selfproof init` where those above are too short to be timed.
LONGER = [
{longer}]
'''
ARRAY = '''

def array(dtype, shape, data):
    """An array from its type, shape and contents."""
    return np.frombuffer(base64.b64decode(data), dtype).reshape(shape)

'''


def module(calls: Sequence[list[Any]], longer: Sequence[list[Any]], origin: str) -> str:
    """The text of tasks/calls.py.

    Raises:
        UsageError: a call holds something that is no plain data.
    """
    first, second = ("".join(f"    {literal(call)},\n" for call in part) for part in (calls, longer))
    text = first + second
    arrays = "array(" in text
    imports = "import base64\n\nimport numpy as np\n" + ARRAY + "\n" if arrays else ""
    imports += 'nan, inf = float("nan"), float("inf")\n\n' if "nan" in text or "inf" in text else ""
    said = origin.replace("\\", "/").replace('"""', "'''")
    return HEAD.format(origin=said, imports=imports, calls=first, longer=second)


def literal(value: Any) -> str:
    """Python text that makes an equal value of the same types.

    Raises:
        UsageError: it is no plain data.
    """
    kind = type(value)
    if kind in (bool, int, str, bytes, type(None)):
        return ascii(value) if kind is str and not value.isprintable() else repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else ("nan" if math.isnan(value) else "inf" if value > 0 else "-inf")
    if kind is list:
        return "[" + ", ".join(map(literal, value)) + "]"
    if kind is tuple:
        return "(" + ", ".join(map(literal, value)) + ("," if len(value) == 1 else "") + ")"
    if kind is dict:
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if kind in (set, frozenset):
        inside = ", ".join(sorted(map(literal, value)))
        if kind is set:
            return "{" + inside + "}" if value else "set()"
        return f"frozenset([{inside}])"
    if hasattr(value, "dtype"):
        data = base64.b64encode(value.tobytes()).decode()
        return f"array({value.dtype.str!r}, {tuple(value.shape)!r}, {data!r})"
    raise UsageError(f"{kind.__name__} is no plain data")
