"""Rules that an improver writes are arithmetic and nothing else; what is not is never run."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from selfproof.templates.improver.tasks import families
from selfproof.templates.improver.tasks.expressions import LONGEST, NoRule, read

NAMES = ("x", "y")
MOST, DEEPEST = 120, 40  # nodes and levels of a rule


def rule(expression: str, before: str = "") -> str:
    return f"def rule(x, y):\n{before}    return {expression}\n"


def value(text: str, **scope: object) -> float:
    with np.errstate(all="ignore"):
        return float(read(text, "rule", NAMES)({"x": np.float64(3.0), "y": np.float64(2.0), **scope}))


def test_a_rule_is_what_python_makes_of_it() -> None:
    told = rule("np.maximum(z, -y) + np.sqrt(x + 1) * 2", '    """What it does."""\n    z = x / y - 0.5\n')
    assert value(told) == 5.0
    assert value(rule("np.log1p(np.abs(y - x)) + np.exp(0 * x) - np.tanh(0.0) - np.minimum(x, y)")) == pytest.approx(
        np.log(2.0) - 1.0
    )


HOSTILE = [
    "__import__('os').system('touch {mark}')", "open('{mark}', 'w')", "exec(\"open('{mark}', 'w')\")",
    "np.save('{mark}', x)", "np.lib.npyio.os.remove('{mark}')", "x.__class__", "x.tofile('{mark}')",
    "(lambda: 1)()", "[x for x in (1,)][0]", "x if x else y", "x ** 9", "x // y", "x % y", "x @ y", "x << 99", "not x",
    "np.sqrt(x, y)", "np.maximum(x)", "np.maximum(x, y, out=x)", "np.sqrt(*x)", "np.zeros(10)", "np.ones", "np",
    "(z := x)", "x, y", "x < y", "'a' * 9", "b'a'", "None", "True", "1j", "1e999", "z", "rule(x, y)", "f'{{x}}'", "...",
    "9" * 400, "yield x", "await x", "x[0]", "-x.real", "~x", "(yield)", "np.sqrt.__globals__",
]  # fmt: skip


@pytest.mark.parametrize("expression", HOSTILE)
def test_nothing_but_arithmetic_is_a_rule(expression: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(NoRule):
        read(rule(expression.replace("{mark}", str(mark))), "rule", NAMES)
    assert not mark.exists()


@pytest.mark.parametrize(
    "text",
    [
        rule("x", "    import os\n"), rule("x", "    for z in x: pass\n"), rule("x", "    x.y = 1.0\n"),
        rule("x", "    z = w = 1.0\n"), rule("x", "    z += x\n"), rule("x", "    z: float = x\n"),
        rule("x", "    global z\n"), rule("x", "    np = x\n").replace("return x", "return np.sqrt(x)"),
        "import os\n" + rule("x"), rule("x") + "print(1)\n", "@print\n" + rule("x"), "x = 1\n", "",
        "def rule(x, y): pass\n",
        "def rule(x, y, z=print(1)):\n    return x\n", "def rule(x, *y):\n    return x\n",
        "def rule(y, x):\n    return x\n",
        "def rule(x, y: print(1)):\n    return x\n", "def rule(x, y) -> print(1):\n    return x\n",
        "async def rule(x, y):\n    return x\n", "class rule: pass\n", "def rule(x, y):\n    return\n",
        "def rule(x, y):\n    x\n",
        "\0", "def rule(x, y):\n    return x\n    return y\n", "def f[T](x, y):\n    return x\n",
    ],
)  # fmt: skip
def test_no_statement_but_names_and_a_return(text: str) -> None:
    with pytest.raises(NoRule):
        read(text, "rule", NAMES)


def test_no_text_makes_the_engine_work_long_or_break() -> None:
    deep = ["(" * 190 + "x" + ")" * 190, "-" * 3000 + "x", "x" + "+x" * 1500, "np.abs(" * 300 + "x" + ")" * 300,
            "x" + "+1" * MOST, "x" * LONGEST]  # fmt: skip
    deep += ["-" * (DEEPEST + 1) + "x"]
    wide = "    z = x + y\n" * MOST
    with pytest.raises(NoRule, match="nodes"):
        read(rule("z", wide), "rule", NAMES)
    doubled = "".join(f"    z{i} = z{i - 1} * z{i - 1}\n" for i in range(1, 30))
    began = time.process_time()
    for expression in deep[1:]:
        with pytest.raises(NoRule):
            read(rule(expression), "rule", NAMES)
    assert value(rule(deep[0])) == 3.0
    assert value(rule("z29", "    z0 = x\n" + doubled)) == float("inf")  # as many steps as nodes, not 2^29
    assert time.process_time() - began < 5.0
    assert sys.getrecursionlimit() >= 1000


def test_a_loss_that_is_no_number_is_infinite_and_harms_nothing() -> None:
    rng = np.random.default_rng(5)
    for family in families.FAMILIES:
        problem = families.problem(family, rng)
        first = problem.arguments[0]
        for expression in (f"0.0 * {first} / 0.0", f"{first} / 0.0 - {first} / 0.0", f"np.exp(np.exp({first} + 99.0))"):
            bad = read(families.text_of(problem.arguments, expression), "rule", problem.arguments)
            loss = families.measured(problem.loss, bad)
            assert loss == loss and problem.gap(loss) >= 0.0, "no nan: it would be smaller than nothing"
        assert families.measured(problem.loss, read(problem.source, "rule", problem.arguments)) == problem.first


def test_problems_differ_repeat_by_seed_and_can_be_solved() -> None:
    for family in families.FAMILIES:
        firsts = {families.problem(family, np.random.default_rng(i)).source for i in range(2)}
        drawn = [families.problem(family, np.random.default_rng(i)) for i in range(6)]
        losses = [
            families.measured(one.loss, read(families.text_of(one.arguments, f"{one.arguments[0]} * 1.7 - 0.3"), "rule",
                                             one.arguments))
            for one in drawn
        ]  # fmt: skip
        assert len(set(losses)) == len(losses) and len(firsts) == 1
        assert all(one.first - one.reference >= families.LEAST_GAP for one in drawn)
        again = families.problem(family, np.random.default_rng(3))
        assert (again.first, again.reference) == (drawn[3].first, drawn[3].reference)
        assert drawn[0].gap(drawn[0].first) == 0.0 and drawn[0].gap(drawn[0].reference) == 1.0
    assert not set(families.TRAIN) & set(families.UNSEEN)
