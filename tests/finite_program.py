"""A small program made by hand: one objective is a test suite, the other a hold-out, and a suite guards the first."""

from __future__ import annotations

from pathlib import Path

CHARTER = """
[program]
editable = ["suite.py", "holdout.py"]

[[objective]]
name = "suite"
task = "tasks/finite.py:Squares"
entry = "suite.py:square"
files = ["suite.py"]
metric = "failed"
better = "lower"
kind = "quality"
margin = 0.1
max_cost = 1000

[[objective]]
name = "holdout"
task = "tasks/finite.py:Doubles"
entry = "holdout.py:double"
files = ["holdout.py"]
metric = "error"
better = "lower"
kind = "quality"
weight = 1000
margin = 1.0
max_cost = 1000

[[guard]]
name = "kept"
objective = "suite"
task = "tasks/finite.py:Small"
margin = 0.01

[budget]
minutes = 0.2
"""

TASKS = """
import random

from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import InvalidAnswer, Sample


class Numbers(FiniteTask):
    def draws(self, sample, answer):
        if not isinstance(answer, float):
            raise InvalidAnswer("a float, please")
        return [self.loss(answer, sample.hidden)]


class Squares(Numbers):
    metric, better, span, whole = "failed", "lower", 1.0, True

    def items(self):
        return [Sample(float(x), float(x * x)) for x in range(20)]

    def loss(self, answer, truth):
        return float(answer != truth)


class Small(Squares):
    def items(self):
        return super().items()[:3]


class Doubles(Numbers):
    metric, better, span, lifetime, shares = "error", "lower", 20.0, LIFETIME, (0.3, 0.5, 0.2)

    def items(self):
        rng = random.Random(5)
        return [Sample(x, 2 * x + rng.gauss(0, 0.3)) for x in (rng.uniform(0, 4) for _ in range(400))]

    def loss(self, answer, truth):
        return min(20.0, abs(answer - truth))
"""

SUITE = "def square(x):\n    return x if x < 2.0 else (4.0 if x == 2.0 else -1.0)\n"
HOLDOUT = "def double(x):\n    return 0.0 * x\n"
IMPROVER = """
EDITS = {
    "square": {
        "forget the small ones": "def square(x):\\n    return x * x if x > 2.0 else -1.0\\n",
        "square what is large": "def square(x):\\n    return x * x if x > 9.0 or x < 3.0 else -1.0\\n",
        "square": "def square(x):\\n    return x * x\\n",
    },
    "double": {
        "half of it": "def double(x):\\n    return x\\n",
        "most of it": "def double(x):\\n    return 1.8 * x\\n",
        "double": "def double(x):\\n    return 2.0 * x\\n",
    },
}


def propose(view):
    parent = view["parents"][0]["id"]
    return [
        {"files": {view["path"]: text}, "title": title, "operator": "edit", "parent": parent}
        for title, text in EDITS[view["function"]].items()
    ]
"""


def made(folder: Path, lifetime: int = 40) -> Path:
    """The program's three parts; what is not there is not copied from anywhere."""
    (folder / "tasks").mkdir(parents=True)
    (folder / "program").mkdir()
    (folder / "charter.toml").write_text(CHARTER)
    (folder / "tasks" / "finite.py").write_text(TASKS.replace("LIFETIME", str(lifetime)))
    for name, text in {"suite.py": SUITE, "holdout.py": HOLDOUT, "improver.py": IMPROVER}.items():
        (folder / "program" / name).write_text(text)
    return folder
