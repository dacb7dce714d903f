"""Edited functions behave as the original, on inputs made here in another way than `trial.calls` makes them."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings

from hostile_calls import calls, loaded, transcript
from selfproof.operators.speed import speed_edits

MODULE = '''"""Small functions, as naive as people write them."""
import math

STOP = ["the", "a", "of", "and", 1, None]
NUMBERS = (0, 1.0, True, -0.0, 3)
HOLES = [math.nan, "x", 2]


# a helper that loops
def divisors(n):
    return sum(1 for k in range(1, n % 50 + 1) if n % k == 0)


def norm(v):
    total = 0.0
    for x in v:
        total += x * x
    return math.sqrt(total)


def rows(n):
    return [[k] * (n % 5) for k in range(2)]


def as_float(text):
    out = []
    for part in str(text).split():
        out.append(part)
    try:
        return float(out[0])
    except (ValueError, IndexError):
        return None


def keep_words(words, extra):
    kept = []
    for word in words:
        # common words say nothing
        if word in STOP or word in extra:
            continue
        kept.append(word)
    return kept


def count_in(xs, ys):
    return [sum(1 for y in ys if y in xs), [x for x in ys if x not in NUMBERS], [x for x in xs if x in HOLES]]


def lower_in(words, known):
    hits = 0
    for word in words:
        if word.lower() in known:
            hits += 1
    return hits


def softmax(z):
    return [math.exp(v - max(z)) / sum(math.exp(u - max(z)) for u in z) for v in z]


def centred(xs, ys):
    out = []
    for x in xs:
        out.append((x - sum(ys) / len(ys), sorted(ys)[0]))
    return out


def caught(xs, ys):
    good = bad = 0
    for x in xs:
        try:
            good += x / min(ys)
        except (ZeroDivisionError, ValueError, TypeError):
            bad += 1
    return good, bad


def words_of(lines, text):
    found = {}
    for line in lines:
        if line in text.split():
            found[line] = line
    return found


def never(xs, ys):
    for x in xs:
        if x is None:
            return max(ys)
    return None


def ranks(xs, ys):
    table = []
    for x in xs:
        row = []
        for y in ys:
            row.append(y == x)
        table.append(row)
        table.append(sorted(ys).count(x))
    return table


def normed(vs, w):
    return [[x * norm(w) for x in vs], norm(w)]


def sum_divisors(xs):
    total = 0
    for x in xs:
        total += divisors(x)
    return total


def floats_of(xs):
    seen = []
    for x in xs:
        seen.append(as_float(x) in seen)
        seen.append(as_float(x))
    return seen


def row_table(xs):
    out = []
    for x in xs:
        out.append(rows(x))
    if out:
        out[0].append("mine")
    return out


def nested_sets(xs, ys):
    out = []
    for x in xs:
        if x == 0:
            continue
        for y in ys:
            if (x, y) in ys or y + x in xs:
                out.append(set(ys))
    return out


def partitions(n, m):
    """How many."""
    if n == 0:
        return 1
    if n < 0 or m <= 0 or n > 12:
        return 0
    return partitions(n - m, m) + partitions(n, m - 1)


def lattice(a, b):
    if a == 0 or b == 0:
        return a or b
    if a < 0 or a > 6 or b < 0 or b > 6:
        raise ValueError(a, b)
    return lattice(a - 1, b) + lattice(a, b - 1)


def signs(x, depth):
    if depth > 5:
        return math.copysign(1, x)
    return signs(x, depth + 1) + signs(-x, depth + 1) + signs(x * 1.0, depth + 2)


def spelled(x, depth):
    if depth > 2:
        return str(x)
    return spelled(x, depth + 1) + spelled(x * 1.0, depth + 1) + spelled(x == x, depth + 1)


def copies(xs, ys):
    out = []
    for x in xs:
        out.append(sorted(ys))
    return out


def distinct(xs, ys):
    out = []
    twice = []
    for x in xs:
        if x not in out:
            out.append(x)
        elif (x, x) in out:
            out.append([x])
        out.extend(ys)
    for y in ys:
        seen = [y]
        twice.append([z for z in xs if z in seen or seen.append(z)])
        out += [y] if y in out else []
    return out, twice


def tree(n):
    if n <= 1 or n > 6:
        return [n]
    return [tree(n - 1), tree(n - 2), tree(n - 1)]


def edit_distance(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if i == 0 or j == 0:
                table[i][j] = i + j
            else:
                swap = table[i - 1][j - 1] + (a[i - 1] != b[j - 1])
                table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, swap)
    return table[-1][-1]


def closest(words, others):
    best = []
    for word in words:
        best.append(min(edit_distance(word, other) for other in others))
    return best
'''


def versions(name: str) -> list[tuple[str, ModuleType]]:
    """Every edit of the function, and every edit of every edit."""
    found, texts = [], {MODULE}
    layer = [("original", MODULE)]
    for _ in range(3):
        layer = [(edit.title, edit.source) for _, source in layer for edit in speed_edits(source, name)]
        layer = [item for item in layer if item[1] not in texts]
        texts.update(source for _, source in layer)
        found += [(title, loaded(source)) for title, source in layer]
    return found


NAMES = {
    "keep_words": 2, "count_in": 2, "lower_in": 2, "softmax": 1, "centred": 2, "caught": 2, "words_of": 2, "never": 2,
    "ranks": 2, "normed": 2, "sum_divisors": 1, "floats_of": 1, "row_table": 1, "nested_sets": 2, "partitions": 2,
    "lattice": 2, "signs": 2, "spelled": 2, "copies": 2, "distinct": 2, "tree": 1, "closest": 2,
}  # fmt: skip
ORIGINAL = loaded(MODULE)
EDITED = {name: versions(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_there_is_something_to_compare(name: str) -> None:
    assert EDITED[name], f"no edit applies to {name}"


@pytest.mark.parametrize("name", NAMES)
def test_every_edit_behaves_as_the_original(name: str) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(calls(NAMES[name]))
    def check(given_calls: list[dict[str, object]]) -> None:
        expected = transcript(ORIGINAL, name, given_calls)
        for title, module in EDITED[name]:
            assert transcript(module, name, given_calls) == expected, title

    check()


SCALARS_ONLY = "        if type(part) not in _SCALARS or part != part:\n            return value\n"
SAFE_TEST = "in _STOP_set if type(word) in _SCALARS else word in STOP"
SABOTAGE = {
    "zero floats share a key": ("(part == 0 or part != part)", "part != part", "signs"),
    "types share a key": ("return (args, *kinds)", "return args", "spelled"),
    "mutable answers are kept": ("if type(part) not in _SCALARS or part != part:", "if False:", "tree"),
    "unhashable words": (SAFE_TEST, "in _STOP_set", "keep_words"),
    "kept whatever its type": (SCALARS_ONLY, "        pass\n", "copies"),
    "a NaN is kept": ("_SCALARS or part != part:", "_SCALARS:", "floats_of"),
    "hoisted eagerly": ("_kept = []", "_kept = [max(ys)]", "never"),
    "the list goes on without its set": ("members.update(added)", "pass", "distinct"),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_the_comparison_notices_a_missing_guard(what: str) -> None:
    old, new, name = SABOTAGE[what]
    sources = [edit.source for edit in speed_edits(MODULE, name) if old in edit.source]
    assert sources, "the guard is not in any edit: bring this test up to date"
    broken = loaded(sources[0].replace(old, new))
    noticed = []

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(calls(NAMES[name]))
    def look(given_calls: list[dict[str, object]]) -> None:
        try:
            noticed.append(transcript(ORIGINAL, name, given_calls) != transcript(broken, name, given_calls))
        except TypeError:  # it gave what cannot be compared
            noticed.append(True)

    look()
    assert any(noticed)


def test_the_stack_lasts_as_long_as_before() -> None:
    source = "def f(n):\n    return 0 if n <= 0 else f(n - 1) + f(n - 5000)\n"
    (edit,) = speed_edits(source, "f")

    def deepest(module: ModuleType) -> int:
        for n in range(2, 2000):
            try:
                module.f(n)
            except RecursionError:
                return n
        return 0

    assert deepest(loaded(edit.source)) >= deepest(loaded(source)) > 0
