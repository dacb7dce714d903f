"""Flame graphs: where their boxes are, and that no name gets out of one."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from selfproof.web.drawing import icicle
from selfproof.web.models import earning
from selfproof.web.pages import knowledge


@st.composite
def trees(draw: Any) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for number in range(draw(st.integers(1, 30))):
        parent = draw(st.integers(-1, number - 1))
        rows.append([parent, f"a.py:{draw(st.text(max_size=12))}", draw(st.integers(0, 9)), draw(st.floats(0, 10))])
    return rows


@given(trees())
def test_every_box_lies_within_its_callers_and_beside_the_others(rows: list[list[Any]]) -> None:
    boxes = icicle.places(rows)
    for number, (left, level, share) in enumerate(boxes):
        parent = rows[number][0]
        outer = boxes[parent] if parent >= 0 else (0.0, -1, 1.0)
        assert level == outer[1] + 1 and left >= outer[0] - 1e-9 and left + share <= outer[0] + outer[2] + 1e-9
        for other in range(number):
            if rows[other][0] == parent:
                assert left + share <= boxes[other][0] + 1e-9 or boxes[other][0] + boxes[other][2] <= left + 1e-9
    whole = icicle.wholes(rows)
    assert abs(sum(w for row, w in zip(rows, whole, strict=True) if row[0] < 0) - sum(row[3] for row in rows)) < 1e-6


@given(trees())
def test_no_name_gets_out_of_its_box(rows: list[list[Any]]) -> None:
    drawn = icicle.flames([[-1, "a.py:<script>alert(1)</script>\u202e", 1, 5.0], *rows], "Before", "light")
    assert "<script" not in drawn and "\u202e" not in drawn
    assert set(re.findall(r"<([a-z]+)", drawn)) <= {"svg", "title", "rect", "text"}


def test_before_is_the_first_tree_and_after_the_newest_of_another_version() -> None:
    def leaf(index: int, **more: Any) -> Any:
        body = {"objective": "speed", "hot": [{"path": "a.py", "function": "f", "calls": 1, "own": 1.0, "share": 1.0}]}
        return SimpleNamespace(kind="propose", index=index, time="t", body=body | more)

    old, new = [[-1, "a.py:main", 1, 1.0]], [[-1, "a.py:main", 1, 0.5]]
    leaves = [leaf(1, tree=old), leaf(2), leaf(5, tree={"$blob": "x"}), leaf(7)]
    found = earning.profiles(leaves, lambda digest: str(new).replace("'", '"').encode())
    first, last = found["speed"]
    assert (first.entry, first.tree, last.entry, last.tree) == (1, old, 7, new)
    assert list(knowledge.flames(first, last)) == ["before", "after"] and list(knowledge.flames(first, first)) == [
        "before"
    ]
    without = earning.profiles([leaf(1), leaf(2)], lambda digest: b"")["speed"]
    assert not knowledge.flames(*without)
