"""What the tests of models share: a brief, a reply that fits it, and little patience."""

from __future__ import annotations

from selfproof.propose.brief import Brief
from selfproof.propose.llm.handle import Patience

QUICK = Patience(deadline_s=20.0, gap_s=10.0, attempts=3, pace=0.01)
FILES = {"solver.py": "def solve(x):\n    total = 0\n    for y in x:\n        total += y\n    return total\n"}
EDIT = """<prediction>
title: use the built-in sum
metric: seconds
gain: 1.8
risk: none
</prediction>

solver.py
<<<<<<< SEARCH
    total = 0
    for y in x:
        total += y
    return total
=======
    return sum(x)
>>>>>>> REPLACE
"""


def brief(**other: object) -> Brief:
    given: dict[str, object] = {
        "objective": "solve", "kind": "speed", "metric": "seconds", "better": "lower", "instructions": "edit solver.py",
        "files": FILES, "editable": ("solver.py",), "focus": ("solver.py:solve",),
    }  # fmt: skip
    return Brief(**{**given, **other})  # type: ignore[arg-type]
