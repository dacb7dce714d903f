"""Where a rewrite would change what a function does, it is not made; and what it writes where it is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfproof.operators import local_calls, local_constants, local_helpers, local_inline, local_loops, local_numbers
from selfproof.operators.speed import STAGES, file_edits, rewritten, speed_edits

KINDS = {kind.__name__: kind for stage in STAGES for kind in stage}


def after(source: str, kind: str, *places: str) -> str:
    return rewritten(source, places or ("f",), [KINDS[kind]])[0]


HERE = Path(__file__).parent


def cases(name: str) -> list[tuple[str, str]]:
    """The heading and the text of each case of a file."""
    parts = (HERE / name).read_text("utf-8").split("### ")[1:]
    return [(head.strip(), text.rstrip() + "\n") for head, _, text in (part.partition("\n") for part in parts)]


LEFT = [(*head.split(": ", 1), text) for head, text in cases("rewrites_left.txt")]
MADE = [(kind, *text.split("--->\n")) for kind, text in cases("rewrites_made.txt")]


@pytest.mark.parametrize(("kind", "why", "source"), LEFT, ids=[f"{kind}: {why}" for kind, why, _ in LEFT])
def test_not_rewritten(kind: str, why: str, source: str) -> None:
    place = "C.f" if source.startswith("class C") or "\nclass C:" in source else "f"
    assert after(source, kind, place) == source, why


@pytest.mark.parametrize(("kind", "source", "wanted"), MADE, ids=[f"{kind} {i}" for i, (kind, _, _) in enumerate(MADE)])
def test_what_is_written(kind: str, source: str, wanted: str) -> None:
    once = after(source, kind)
    assert wanted.strip() in once
    assert after(once, kind) == once, "what was rewritten is left alone"


def test_each_kind_has_refusals_and_writes_something() -> None:
    modules = (local_calls, local_constants, local_helpers, local_inline, local_loops, local_numbers)
    assert {kind.__module__ for kind in KINDS.values()} == {module.__name__ for module in modules}
    assert {kind for kind, _, _ in LEFT} == set(KINDS)
    assert {kind for kind, _, _ in MADE} | {"prefixes", "displays"} == set(KINDS)


METHODS = """import functools


class Shelf:
    limit = 3

    def __init__(self, items):
        self.items = items

    def low(self, n):
        return min(n, self.limit)

    @property
    def height(self):
        return max(len(self.items), 1)

    @height.setter
    def height(self, value):
        self.items = [min(value, x) for x in self.items]

    @functools.singledispatchmethod
    def odd(self, n):
        return min(n, 1)


def low(n):
    return min(n, 1)
"""


def test_methods_are_reached_by_their_class() -> None:
    (edit,) = speed_edits(METHODS, "Shelf.low")
    assert "(_one if (_one := self.limit) < n else n)" in edit.source
    for place in ("Shelf.height", "Shelf.odd", "Shelf.none", "Shelf", "Nobody.low", "Shelf.low.n"):
        assert speed_edits(METHODS, place) == [], place


def test_a_file_at_once() -> None:
    edits = file_edits(METHODS, ["Shelf.low", "low", "Shelf.height", "gone"])
    assert [edit.title for edit in edits] == ["2 places: all rewrites"], "the only kind alone is the same edit"
    assert edits[0].source.count("min(") == METHODS.count("min(") - 2
    assert file_edits("def f(:", ["f"]) == []


def test_rewrites_together_and_without_each() -> None:
    source = (
        "import re\n\n\ndef f(xs, n):\n    out = []\n    for x in xs:\n        out.append(min(x, n))\n"
        "    return ''.join(str(x) for x in out), re.match('a', n)\n"
    )
    edits = speed_edits(source, "f")
    alone = [edit.operator for edit in edits if edit.operator != "together"]
    assert alone == ["comprehensions", "compiled patterns", "smaller or larger", "generators used at once"]
    together = [edit for edit in edits if edit.operator == "together"]
    assert len(together) == 1 + len(alone)
    everything = together[0].source
    for text in ("out = [", "_PATTERN.match", "n if n < x else x", "join([str(x) for x in out])"):
        assert text in everything
    assert [edit.source.count("_PATTERN.match") for edit in together[1:]] == [1, 0, 1, 1]


@pytest.mark.parametrize("text", ["def f(:", "def f():\n    pass\0", "", "x = " + "(" * 300 + ")" * 300])
def test_what_is_no_module_raises_nothing(text: str) -> None:
    assert speed_edits(text, "f") == []
    assert file_edits(text, ["f"]) == []
