"""Wrong rewrites of each kind that people and machines make: the comparison before an adoption refuses every one.

Each agrees with the original on all calls that were recorded. They are compared as `Hotspots.equal` compares: recorded
calls, then hostile ones made from them, a few in each process.
"""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import pytest

from selfproof.domains.hotspots import PER_JOB
from selfproof.domains.rewrites import BEFORE_ADOPTION
from selfproof.jail import values
from selfproof.jail.harness import observe
from selfproof.trial.calls import encode_calls, hard_inputs

RNG = random.Random(7)
INTS = [[[RNG.randrange(100) for _ in range(8)]] for _ in range(12)]
WHOLE = [[[float(RNG.randrange(9)) for _ in range(8)], 3] for _ in range(12)]
POINTS = [[[3.0 * k, 0.0], [0.0, 4.0 * k]] for k in range(12)]
WORDS = [[["Alpha", "beta 12", "gamma7"][: 1 + k % 3]] for k in range(12)]
PAIRS = [[[k, k + 1, k], [k, 5]] for k in range(12)]

MEAN = "def f(xs, k):\n    return [sum(xs[i:i + k]) / k for i in range(len(xs) - k + 1)]\n"
PREFIX = """
def f(xs, k):
    if not k:
        return [sum(xs[i:i + k]) / k for i in range(len(xs) - k + 1)]
    if k < 0 or k != k or type(k) is not int or type(xs) is not list or any(type(x) is not float for x in xs):
        return [sum(xs[i:i + k]) / k for i in range(len(xs) - k + 1)]
    total, sums = 0, [0]
    for x in xs:
        total += x
        sums.append(total)
    return [(sums[i + k] - sums[i]) / k for i in range(len(xs) - k + 1)]
"""
FAR = """
import math

def slow(a, b):
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(a, b)))

def f(a, b):
    return slow(a, b)
"""
DIST = FAR.replace(
    "    return slow(a, b)",
    """    try:
        numbers = [float(x) for x in [*a, *b] if type(x) is float]
    except TypeError:
        return slow(a, b)
    if CHECK and numbers and len(numbers) == len(a) + len(b):
        return math.dist(a, b)
    return slow(a, b)""",
)
DIGITS = "def f(words):\n    return [sum(int(c) for c in word if c.isdigit()) for word in words]\n"
WRONG: dict[str, tuple[str, str, list[list[Any]]]] = {
    "NaN: prefix sums": (MEAN, PREFIX, WHOLE),
    "ragged: math.dist": (FAR, DIST.replace("CHECK", "len(a) != len(b)"), POINTS),
    "NaN and inf together: math.dist": (
        FAR, DIST.replace("CHECK", "len(a) == len(b) and not all(map(math.isfinite, numbers))"), POINTS),
    "empty": (
        "def f(xs):\n    return max(xs, default=None)\n",
        "def f(xs):\n    best = xs[0]\n    for x in xs:\n        if x > best:\n            best = x\n    return best\n",
        INTS),
    "inf": (
        "def f(xs):\n    return [x - x for x in xs]\n",
        "def f(xs):\n    return [x - x if type(x) is not float or x != x else 0.0 for x in xs]\n",
        [[call[0]] for call in WHOLE]),
    "minus zero": (
        "def f(xs):\n    return [x + 0 for x in xs]\n",
        "def f(xs):\n    return [x if type(x) is float else x + 0 for x in xs]\n", [[call[0]] for call in WHOLE]),
    "NaN compared": (
        "def f(xs):\n    return [not x < 3 for x in xs]\n", "def f(xs):\n    return [x >= 3 for x in xs]\n",
        [[call[0]] for call in WHOLE]),
    "huge integers in int64": (
        "def f(xs):\n    return sum(xs)\n",
        "def f(xs):\n    if type(xs) is list and all(type(x) is int for x in xs):\n"
        "        return (sum(xs) + 2**63) % 2**64 - 2**63\n    return sum(xs)\n", INTS),
    "huge integers as floats": (
        "def f(xs):\n    return [x // 1 for x in xs]\n",
        "def f(xs):\n    return [int(x / 1) if type(x) is int and abs(x) < 10**300 else x // 1 for x in xs]\n", INTS),
    "True and 1.0 for 1": (
        "def f(xs):\n    return [str(x) for x in xs]\n",
        "def f(xs):\n    known = {}\n    for x in xs:\n        try:\n            known.setdefault(x, str(x))\n"
        "        except TypeError:\n            return [str(x) for x in xs]\n    return [known[x] for x in xs]\n",
        INTS),
    "unhashable members": (
        "def f(xs, few):\n    return [x in few for x in xs]\n",
        "def f(xs, few):\n    few = set(few)\n    return [x in few for x in xs]\n", PAIRS),
    "members of a text": (
        "def f(xs, few):\n    return [x in few for x in xs]\n",
        "def f(xs, few):\n    if type(few) is not str:\n        return [x in few for x in xs]\n"
        "    parts = set(few)\n    return [x in parts if type(x) is str else x in few for x in xs]\n",
        [[["a", "b"], "abc"], *[[["a", "k", "b"], f"xyz{k}"] for k in range(11)]]),
    "digits that are not ASCII": (
        DIGITS, DIGITS.replace("int(c)", "ord(c) - 48"), WORDS),
    "letters of two in upper case": (
        "def f(words):\n    return [word.upper() for word in words]\n",
        "def f(words):\n    return [''.join([c.upper()[0] for c in word]) if type(word) is str else word.upper()"
        " for word in words]\n", WORDS),
    "case of letters": (
        "def f(words):\n    return [word.lower() for word in words]\n",
        "def f(words):\n    return [word.casefold() if type(word) is str else word.lower() for word in words]\n",
        WORDS),
    "spaces that are none": (
        "def f(words):\n    return [word.split(' ') for word in words]\n",
        "def f(words):\n    return [word.split() if type(word) is str and word else word.split(' ')"
        " for word in words]\n", WORDS),
    "a result that is remembered": (
        "def f(xs):\n    return [x for x in xs]\n",
        "KNOWN = {}\n\ndef f(xs):\n    key = repr(xs)\n    if key not in KNOWN:\n        KNOWN[key] = [x for x in xs]\n"
        "    return KNOWN[key]\n", INTS),
    "state between calls": (
        "def f(xs):\n    return xs[:2]\n",
        "SEEN = []\n\ndef f(xs):\n    SEEN.append(1)\n    return xs[:2] if len(SEEN) % 23 else xs[:1]\n", INTS),
    "an argument that is changed": (
        "def f(xs):\n    return sorted(xs)\n", "def f(xs):\n    xs.sort()\n    return list(xs)\n",
        [[sorted(call[0])] for call in INTS]),
    "an argument that comes back": (
        "def f(xs):\n    return xs[:]\n", "def f(xs):\n    return xs\n", INTS),
    "rows that are one": (
        "def f(xs):\n    return [[] for x in xs]\n", "def f(xs):\n    return [[]] * len(xs)\n", INTS),
    "two arguments that are one": (
        "def f(a, b):\n    for x in list(b):\n        a.append(x)\n    return len(b)\n",
        "def f(a, b):\n    n = len(b)\n    for x in list(b):\n        a.append(x)\n    return n\n", PAIRS),
    "another error": (
        "def f(xs):\n    return [x * 2 for x in xs]\n",
        "def f(xs):\n    found = []\n    i = 0\n    while i < len(xs):\n        found.append(xs[i] * 2)\n"
        "        i += 1\n    return found\n", INTS),
    "half of a change before an error": (
        "def f(xs):\n    for i, x in enumerate(xs):\n        xs[i] = x + 1\n",
        "def f(xs):\n    xs[:] = [x + 1 for x in xs]\n", INTS),
}  # fmt: skip


def loaded(source: str) -> Any:
    module = ModuleType("m")
    exec(source, vars(module))
    return vars(module)["f"]


def differ(one: str, two: str, calls: list[list[Any]]) -> bool:
    """Whether fresh processes would tell of different behaviour on some of the calls."""
    parts = [calls[i : i + PER_JOB] for i in range(0, len(calls), PER_JOB)]
    for part in parts:
        given = values.decode(encode_calls(part))
        told = [values.encode(observe(loaded(source), {}, given)) for source in (one, two)]
        if told[0] != told[1]:
            return True
    return False


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_rewrite_of_each_kind_is_refused(kind: str) -> None:
    original, wrong, recorded = WRONG[kind]
    for seed in range(2):
        some = hard_inputs(recorded, random.Random(f"{kind} {seed}"), BEFORE_ADOPTION.most)
        assert not differ(original, original, some)
        assert differ(original, wrong, [*recorded, *some]), seed


@pytest.mark.parametrize("kind", sorted(set(WRONG) - {"a result that is remembered", "state between calls",
                                                      "an argument that comes back", "rows that are one"}))  # fmt: skip
def test_the_recorded_calls_alone_would_not_tell(kind: str) -> None:
    """Or the table would not test the hostile calls."""
    original, wrong, recorded = WRONG[kind]
    assert not differ(original, wrong, recorded)
