"""What an edit does to the text of a module, and which modules and functions are left alone."""

from __future__ import annotations

import difflib

import pytest

from selfproof.operators.speed import SpeedEdit, speed_edits

SOURCE = '''#!/usr/bin/env python3
"""Says what it is."""

from __future__ import annotations

import math  # for exp


# what people skip
STOP = ["the",   "a"]   # odd   spacing


def before(x):
    return x   # untouched


def clean(words, weights):
    # first
    out = []
    for word in words:  # each
        if word in STOP:
            continue
        out.append(len(word) / sum(weights))
    return out   # done
'''


def moves(source: str) -> list[SpeedEdit]:
    """The edits that need purity; what the other rewrites write is in test_rewrites_text.py."""
    kinds = {"set membership", "hoist", "call cache", "recursion cache"}
    return [edit for edit in speed_edits(source, "clean") if edit.operator in kinds]


def test_all_other_lines_stay_as_they_are() -> None:
    edits = moves(SOURCE)
    assert [edit.operator for edit in edits] == ["set membership", "hoist"]
    for edit in edits:
        changes = list(difflib.ndiff(SOURCE.splitlines(), edit.source.splitlines()))
        assert sum(change.startswith("- ") for change in changes) == 1, "one line was changed, all others stay"
        assert edit.source.startswith(SOURCE[: SOURCE.index("import math")])
        assert edit.source.index("import math") < edit.source.index("_SCALARS =") < edit.source.index("# what people")


def test_helpers_are_pasted_once() -> None:
    first = moves(SOURCE)[0].source
    second = moves(first)
    assert [edit.operator for edit in second] == ["hoist"]
    assert second[0].source.count("_SCALARS = ") == second[0].source.count("def _hashed(") == 1
    assert moves(second[0].source) == []


def test_same_text_same_edits() -> None:
    assert speed_edits(SOURCE, "clean") == speed_edits(SOURCE, "clean")
    assert [edit.title for edit in moves(SOURCE)] == [
        "clean: search a set of STOP",
        "clean: evaluate sum(weights) once",
    ]


def test_a_module_without_imports_keeps_its_opening_comment() -> None:
    (edit,) = speed_edits("# -*- coding: utf-8 -*-\ndef f(xs, ys):\n    return [x in ys for x in xs]\n", "f")
    assert edit.source.startswith("# -*- coding: utf-8 -*-\n\n\n_SCALARS")


def test_positions_are_bytes_and_text_is_not() -> None:
    source = 'def f(xs, ys):\n    return [("\u00e9\U0001f600", x in ys, "\u00e9") for x in xs]\n'
    (edit,) = speed_edits(source, "f")
    assert '("\u00e9\U0001f600", (x in _ys_set if type(x) in _SCALARS else x in ys), "\u00e9")' in edit.source


F = "def f(xs, ys):\n    return [x for x in xs if x in ys]\n"
LEFT_ALONE = {
    "no module": "def f(:",
    "a null byte": "def f():\n    pass\0",
    "no such function": "def g(xs, ys):\n    return [x in ys for x in xs]\n",
    "a method": "class C:\n    def f(self, xs, ys):\n        return [x in ys for x in xs]\n",
    "two of a name": F + F,
    "rebound": F + "f = print\n",
    "rebound in a function": F + "def g():\n    global f\n    f = 1\n",
    "decorated": "import functools\n@functools.cache\n" + F,
    "async": "async " + F,
    "a generator": "def f(xs, ys):\n    for x in xs:\n        yield x in ys\n",
    "a nested function": "def f(xs, ys):\n    def g():\n        ys.append(1)\n    return [(x in ys, g()) for x in xs]",
    "a nested class": "def f(xs, ys):\n    class C:\n        pass\n    return [x in ys for x in xs]\n",
    "locals()": "def f(xs, ys):\n    out = [x in ys for x in xs]\n    return out, locals()\n",
    "exec in the module": F + "exec('f = 1')\n",
    "a star import": "from math import *\n" + F,
    "frames": "import sys\n" + F + "def g():\n    return sys._getframe(1).f_locals\n",
    "builtins at hand": "import builtins\n" + F,
    "a shadowed builtin that helpers use": F + "def frozenset(x):\n    return x\n",
    "a helper's name": F + "def _hashed(x):\n    return x\n",
    "a helper's name, imported": "from math import pi as _SCALARS\n" + F,
    "a helper's name, local": "def f(xs, ys):\n    _SCALARS = 1\n    return [x in ys for x in xs]\n",
    "carriage returns": F.replace("\n", "\r\n"),
    "tabs": F.replace("    ", "\t"),
    "is": "def f(xs, ys):\n    return [x for x in xs if x in ys and x is not ys]\n",
    "with": "def f(xs, ys):\n    with xs:\n        return [x in ys for x in xs]\n",
    "match": "def f(xs, ys):\n    match xs:\n        case [ys]:\n            return [x in ys for x in xs]\n",
    "await": "async def f(xs, ys):\n    return [await x for x in xs if x in ys]\n",
    "unknown call": "import os\ndef f(xs, ys):\n    return [(x in ys, os.remove(x)) for x in xs]\n",
    "a callback": "def f(xs, ys, act):\n    return [(x in ys, act(x)) for x in xs]\n",
    "an attribute": "def f(xs, ys):\n    return [(x in ys, x.name) for x in xs]\n",
    "not repeated": "def f(x, ys):\n    return x in ys, max(ys)\n",
    "only the iterable": "def f(xs, ys):\n    for x in [max(ys)]:\n        pass\n    else:\n        return max(ys)\n",
    "a late global": "def f(xs):\n    return [x in LATE for x in xs]\nLATE = [1]\n",
    "a conditional global": "if __name__:\n    SOME = [1]\ndef f(xs):\n    return [x in SOME for x in xs]\n",
    "a deleted global": "SOME = [1]\ndel SOME\ndef f(xs):\n    return [x in SOME for x in xs]\n",
    "nothing to gain": "def f(xs):\n    return [x + 1 for x in xs]\n",
}


@pytest.mark.parametrize("why", LEFT_ALONE)
def test_left_alone(why: str) -> None:
    assert speed_edits(LEFT_ALONE[why], "f") == []


def test_left_alone_only_for_the_reason_given() -> None:
    assert [edit.operator for edit in speed_edits(F, "f")] == ["set membership"]
