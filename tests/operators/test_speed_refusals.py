"""Patterns that break careless rewriting: where nothing may be edited, and where an edit must still be equal."""

from __future__ import annotations

import math
from types import ModuleType

import pytest

from selfproof.jail import harness, values
from selfproof.operators.speed import speed_edits

nan = math.nan
MOVES = {"set membership", "hoist", "call cache", "recursion cache"}
"""What needs purity: the second column says which of them apply. Everything else must be equal all the same."""


def transcript(source: str, calls: tuple[list[object], ...]) -> bytes:
    module = ModuleType("program")
    exec(compile(source, "program.py", "exec"), module.__dict__)
    return values.encode(harness.observe(module.f, {}, [harness.pack(args) for args in calls]))


def every_edit(source: str) -> dict[str, str]:
    """All texts that up to three edits in a row lead to, with the operator that made them last."""
    found: dict[str, str] = {}
    layer = [source]
    for _ in range(3):
        edits = [edit for text in layer for edit in speed_edits(text, "f") if edit.source not in found]
        found.update((edit.source, edit.operator) for edit in edits)
        layer = [edit.source for edit in edits]
    return found


CASES: dict[str, tuple[str, tuple[list[object], ...], str]] = {
    'mutated leaf': (
        """
def f(xs, ys):
    for x in xs:
        if x in ys: ys.append(x)
        ys.append(sum(xs))
    return ys
""",
        ([[1, 2], [3]],),
        '',
    ),
    'alias via attr': (
        """
def f(xs, ys):
    out = xs
    for x in ys:
        out.append(max(xs))
    return out
""",
        ([[1, 2, 3], [1, 2]], [[1], [2, 3, 4]],),
        '',
    ),
    'alias priv leak': (
        """
def f(xs):
    out = [0]
    other = out
    res = []
    for x in xs:
        out.append(x)
        res.append(sum(other))
    return res
""",
        ([[1, 2, 3]],),
        '',
    ),
    'alias tuple': (
        """
def f(xs):
    a, b = [1], [2]
    c = a
    res = []
    for x in xs:
        a.append(x)
        res.append(sum(c) + sum(b))
    return res
""",
        ([[1, 2, 3]],),
        '',
    ),
    'row alias': (
        """
def f(xs):
    grid = [[1], [2]]
    row = grid[0]
    res = []
    for x in xs:
        grid[0].append(x)
        res.append(sum(row))
    return res
""",
        ([[1, 2, 3]],),
        '',
    ),
    'row alias2': (
        """
def f(xs):
    grid = [[1], [2]]
    res = []
    for row in grid:
        for x in xs:
            grid[0][0] = x
            res.append(sum(row))
    return res
""",
        ([[1, 2, 3]],),
        '',
    ),
    'stored into param': (
        """
def f(p, xs):
    row = [1]
    p.append(row)
    res = []
    for x in xs:
        row.append(x)
        res.append(sum(sum(r) for r in p))
    return res
""",
        ([[], [1, 2, 3]], [[[5]], [1, 2]],),
        '',
    ),
    'shadow sum': (
        """
def sum(xs):
    xs.append(1)
    return len(xs)
def f(p, xs):
    return [sum(p) for x in xs]
""",
        ([[], [1, 2, 3]],),
        '',
    ),
    'shadow local': (
        """
def f(p, xs, max):
    return [max(p) for x in xs]
""",
        ([[], [1, 2, 3], 3],),
        '',
    ),
    'global changed': (
        """
K = [1]
def bump():
    global K
    K = K + [1]
    return 1
def f(xs):
    return [sum(K) + bump() for x in xs]
""",
        ([[1, 2, 3]],),
        '',
    ),
    'global changed 2': (
        """
K = [1]
def bump():
    K.append(1)
    return 1
def f(xs):
    out = []
    for x in xs:
        bump()
        out.append(2 in K)
        out.append(sum(K))
    return out
""",
        ([[1, 2, 3]],),
        '',
    ),
    'generator param': (
        """
def f(xs):
    it = iter(xs)
    return [sum(it) for _ in xs]
""",
        ([[1, 2, 3]],),
        '',
    ),
    'gen': (
        """
def f(xs, ys):
    g = (ys.append(x) for x in xs)
    out = []
    for _ in g:
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'gen fn': (
        """
def gen(xs, ys):
    for x in xs:
        ys.append(x)
        yield x
def f(xs, ys):
    out = []
    for _ in gen(xs, ys):
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'gen fn earlier': (
        """
def gen(xs, ys):
    for x in xs:
        ys.append(x)
        yield x
def f(xs, ys):
    out = []
    g = gen(xs, ys)
    for _ in g:
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'map earlier': (
        """
def f(xs, ys):
    out = []
    g = map(ys.append, xs)
    for _ in g:
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'lambda': (
        """
def f(xs, ys):
    out = []
    g = lambda: ys.append(1)
    for _ in xs:
        out.append(sum(ys))
        g()
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'sort key': (
        """
def f(xs, ys):
    out = []
    for _ in xs:
        out.append(sum(ys))
        sorted(xs, key=lambda v: ys.append(v))
        sorted(xs, key=ys.append)
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'augassign param': (
        """
def f(xs, ys):
    zs = ys
    out = []
    for x in xs:
        zs += [x]
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'augassign total': (
        """
def f(xs, ys):
    zs = 0
    zs = ys
    out = []
    for x in xs:
        zs += [x]
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'augassign elem': (
        """
def f(xs, ys):
    d = [0]
    d[0] = ys
    out = []
    for x in xs:
        d[0] += [x]
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'augassign elem2': (
        """
def f(xs, ys):
    d = {}
    e = d.setdefault(1, ys)
    out = []
    for x in xs:
        d[1] += [x]
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'augassign elem3': (
        """
def f(xs, ys):
    d = {1: 0}
    d.update([(1, ys)])
    out = []
    for x in xs:
        d[1] += [x]
        out.append(sum(ys))
    return out
""",
        ([[1, 2, 3], [1]],),
        '',
    ),
    'augassign mul': (
        """
def f(xs, ys):
    t = 2
    out = []
    for x in xs:
        t *= x
        out.append(t)
        out.append(sum(ys))
        if out: t += [1]
    return out
""",
        ([[[1], [1]], [1]],),
        'hoist',
    ),
    'loop var leaf': (
        """
def f(xs, ys):
    for ys in xs:
        for z in ys:
            z = max(ys)
            z = [max(ys) for ys in xs]
    return z
""",
        ([[[1, 2], [3]], 0],),
        'hoist',
    ),
    'except binds': (
        """
def f(xs, ys):
    n = 0
    for x in xs:
        try:
            n += max(ys)
            x / 0
        except TypeError as ys:
            n += 1
    return n
""",
        ([[1, 2, 'a', 3], [1, 2]],),
        '',
    ),
    'unbound': (
        """
def f(xs, c):
    if c:
        ys = [1]
    out = []
    for x in xs:
        out.append(x in ys if x else 0)
        out.append(max(ys) if x > 1 else 0)
    return out
""",
        ([[0, 0], 0], [[0, 1, 2], 1], [[0, 1], 0],),
        'set membership',
    ),
    'walrus': (
        """
def f(xs, ys):
    out = []
    for x in xs:
        out.append((ys := [*ys, x]) and sum(ys))
    return out
""",
        ([[1, 2], [3]],),
        '',
    ),
    'nonlocal cell': (
        """
def f(xs, ys):
    def g():
        ys.append(1)
    out = []
    for x in xs:
        g()
        out.append(sum(ys))
    return out
""",
        ([[1, 2], [3]],),
        '',
    ),
    'elif comp': (
        """
def f(xs, ys):
    if not xs:
        return 0
    elif [x for x in xs if x in ys]:
        return 1
    elif ([max(ys) for x in xs]):
        return 2
    return 3
""",
        ([[1, 2], [3]], [[1], [1]], [[], []], [[1], []],),
        'hoist, set membership',
    ),
    'oneline': (
        """
def f(xs, ys): return [x for x in xs if x in ys]
""",
        ([[1, 2], [3]],),
        '',
    ),
    'semi': (
        """
def f(xs, ys):
    a = 1; b = [x + max(ys) for x in xs if x in ys]
    if a: return b
    else: return [max(ys) for x in xs]
""",
        ([[1, 2], [3]], [[1], [1]],),
        'hoist',
    ),
    'paren': (
        """
def f(xs, ys):
    return [((x) in (ys), (x, 1) in ys, (x
       + 1) not in ys, -x in ys, not x in ys, x in ys in xs, (yield_ := x) in ys) for x in xs]
""",
        ([[1, 2], [3]], [[1], [1]], [[1], [(1, 1), 2]],),
        'set membership',
    ),
    'fstring': (
        """
def f(xs, ys):
    return [f"{max(ys)} {x in ys} {'a' in ys}" for x in xs]
""",
        ([[1, 2], [3]],),
        '',
    ),
    'lambda use': (
        """
def f(xs, ys):
    return sorted(xs, key=lambda x: (x in ys, max(ys)))
""",
        ([[1, 2], [3]],),
        '',
    ),
    'iterable': (
        """
def f(xs, ys):
    return [z for x in xs for z in [x + max(ys), x.real in ys]]
""",
        ([[1, 2], [3]],),
        '',
    ),
    'unused gen': (
        """
def f(xs, ys):
    g = (x + max(ys) for x in xs if x in ys)
    ys.append(9)
    xs.append(9)
    return list(g)
""",
        ([[1, 2, 3], [3]],),
        '',
    ),
    'str in': (
        """
def f(xs, s):
    return [x in s for x in xs]
""",
        ([['a', '', 'bc'], 'abc'], [['a', 1], 'abc'], [['a', 1], {'a': 1}], [['a', []], {'a': 1}], [['a', []], ['a']],),
        'set membership',
    ),
    'nan id': (
        """
def f(xs, s):
    out = []
    for x in s:
        out.append(x in s)
        out.append(max(s) in s)
        out.append([max(xs)])
    return out, [x in xs for x in s]
""",
        ([[nan, 1], [nan, 2]], [[nan], [nan]],),
        'hoist, set membership',
    ),
    'recursion kw': (
        """
def f(a, b=2):
    return 1 if a < 1 else f(a - 1, b=b) + f(a - 2)
""",
        ([3], [4, 1], [2.5],),
        '',
    ),
    'recursion default': (
        """
def f(a, b=2):
    return a if a < 1 else f(a - 1) + f(a - 2, b) + f(a-1)
""",
        ([3], [4, 1], [2.5], [True], [1.0], [0.0],),
        'recursion cache',
    ),
    'recursion mutable default': (
        """
def f(a, acc=[]):
    acc.append(a)
    return len(acc) if a < 1 else f(a - 1) + f(a - 2)
""",
        ([3], [4],),
        '',
    ),
    'recursion list result': (
        """
def f(a):
    return [a] if a < 1 else f(a - 1) + f(a - 2)
""",
        ([3], [4],),
        'recursion cache',
    ),
    'recursion global count': (
        """
N = [0]
def f(a):
    N[0] += 1
    return N[0] if a < 1 else f(a - 1) + f(a - 2)
""",
        ([3], [4],),
        '',
    ),
    'recursion except': (
        """
def f(a):
    try:
        return 1 if a < 1 else f(a - 1) + f(a - 2)
    except Exception:
        return 0
""",
        ([3], ['a'],),
        '',
    ),
    'recursion rebinding': (
        """
def f(a):
    return 1 if a < 1 else f(a - 1) + f(a - 2)
f = f
""",
        ([3],),
        '',
    ),
    'recursion decorated': (
        """
import functools
@functools.cache
def f(a):
    return 1 if a < 1 else f(a - 1) + f(a - 2)
""",
        ([3],),
        '',
    ),
    'recursion is': (
        """
def f(a):
    if a < 1: return a + 1000
    x = f(a-1)
    y = f(a-1)
    return x + (x is y)
""",
        ([3],),
        '',
    ),
    'recursion gen': (
        """
def f(a):
    return 1 if a < 1 else sum(f(a - k) for k in range(1, int(a) + 1))
""",
        ([3], [5], [2.5], ['x'],),
        'recursion cache',
    ),
    'recursion listcomp': (
        """
def f(a):
    return 1 if a < 1 else sum([f(a - k) for k in range(1, int(a) + 1)])
""",
        ([3], [5], [2.5], ['x'],),
        'recursion cache',
    ),
    'recursion comp iterable': (
        """
def f(a):
    return 1 if a < 1 else sum([k for k in [f(a - 1), f(a-1)]])
""",
        ([3], [5], [2.5], ['x'],),
        '',
    ),
    'recursion parens': (
        """
def f(a,b=(1)):
    return 1 if a < 1 else (f)((a - 1), (b)) + f(a-1,) + f ( a-2 )
""",
        ([3], [5], [2.5], ['x'],),
        '',
    ),
    'recursion multi': (
        """
def f(a,
      b = 1,  # c
      ):
    "doc"
    return 1 if a < 1 else f(
        a - 1,  # one
        b,
    ) + f(a-1
    )
""",
        ([3], [5], [2.5], ['x'],),
        'recursion cache',
    ),
    'type key': (
        """
def h(x):
    return [str(x) for _ in (1,)][0]
def f(xs):
    return [h(x) for x in xs]
""",
        ([[1, 1.0, True, 0.0, -0.0, False, nan, nan, None, '1',
           b'1', (1,), (1.0,), (True,), (0.0,), (-0.0,), [1], [1.0]]],),
        'call cache',
    ),
    'helper raises': (
        """
def h(x):
    return [1 / x for _ in (1,)][0]
def f(xs):
    out = []
    for x in xs:
        try:
            out.append(h(x))
        except ZeroDivisionError as e:
            out.append(str(e))
    return out
""",
        ([[1, 0, 1.0, 0, True, 0.0, -0.0, False]], [['a']],),
        'call cache',
    ),
    'helper mutates': (
        """
def h(x, acc):
    acc.append(x)
    return sum(acc)
def f(xs):
    acc = []
    return [h(x, acc) for x in xs]
""",
        ([[1, 0, 1.0, 0]],),
        '',
    ),
    'helper default': (
        """
def h(x, acc=[]):
    acc.append(x)
    return sum(acc)
def f(xs):
    return [h(x) for x in xs] + [h(1) for x in xs]
""",
        ([[1, 0, 1.0, 0]],),
        '',
    ),
    'helper default read': (
        """
A = [1]
def h(x, acc=A):
    return sum([y for y in acc]) + x
def f(xs):
    out = []
    for x in xs:
        out.append(h(1))
        A.append(2)
    return out
""",
        ([[1, 0, 1.0, 0]],),
        '',
    ),
    'helper nan': (
        """
def h(x):
    return [float("nan") for _ in (1,)][0]
def f(xs):
    seen = []
    out = []
    for x in xs:
        out.append(h(1) in seen)
        seen.append(h(1))
        out.append(h(x) in seen)
    return out
""",
        ([[1, 1, 1]],),
        'call cache, hoist, set membership',
    ),
    'helper iterator global': (
        """
IT = iter([1,2,3,4,5,6])
def h(x):
    return sum([next(IT) for _ in (1,)])
IT2 = (z for z in range(10))
def h2(x):
    return any(z == x for z in IT2)
def f(xs):
    return [h(x) for x in xs] + [h2(1) for x in xs]
""",
        ([[1]],),
        '',
    ),
    'while': (
        """
def f(xs, ys):
    i = 0
    while i < max(ys) and i in xs:
        i += 1
    else:
        i = max(ys)
    return i
""",
        ([[0, 1, 2], [9]], [[0, 1], []],),
        'hoist, set membership',
    ),
    'del': (
        """
def f(xs, ys):
    for x in xs:
        del ys[0]
        x = sum(ys)
    return x
""",
        ([[0, 1, 2], [9, 8, 7]],),
        '',
    ),
    'slice store': (
        """
def f(xs, ys):
    zs = [0]
    zs[:] = ys
    for x in xs:
        zs[0] = x
        x = sum(ys)
    return x
""",
        ([[0, 1, 2], [9, 8, 7]],),
        'hoist',
    ),
    'for target store': (
        """
def f(xs, ys):
    out = []
    for ys[0] in xs:
        out.append(sum(ys))
    return out
""",
        ([[0, 1, 2], [9, 8, 7]],),
        '',
    ),
    'attr': (
        """
def f(xs, ys):
    out = []
    add = ys.append
    for x in xs:
        add(x)
        out.append(sum(ys))
    return out
""",
        ([[0, 1, 2], [9, 8, 7]],),
        '',
    ),
    'dict view': (
        """
def f(xs):
    d = {1: 2}
    v = d.values()
    out = []
    for x in xs:
        d[x] = 1
        out.append(sum(v))
        out.append(x in v)
    return out
""",
        ([[0, 1, 2]],),
        'hoist, set membership',
    ),
    'reversed': (
        """
def f(xs):
    d = [1, 2]
    v = reversed(d)
    e = enumerate(d)
    out = []
    for x in xs:
        d.append(x)
        out.append(x in v)
        out.append(sum(z for _, z in e))
        out.append(list(zip(d)))
    return out
""",
        ([[0, 1, 2]],),
        'hoist, set membership',
    ),
    'max returns arg': (
        """
def f(xs, zs):
    d = [1, 2]
    v = max(d, zs)
    w = d or zs
    u = sum([], d)
    out = []
    for x in xs:
        d.append(x)
        out.append(sum(v))
        out.append(sum(w))
        out.append(sum(u))
    return out
""",
        ([[0, 1, 2], []], [[0, 1, 2], [9]],),
        '',
    ),
    'finally': (
        """
def f(xs, ys):
    out = []
    for x in xs:
        try:
            continue
        finally:
            out.append(max(ys))
    return out
""",
        ([[0, 1, 2], [9]], [[0, 1, 2], []],),
        'hoist',
    ),
    'returned escapes': (
        """
def f(xs, ys):
    out = []
    for x in xs:
        s = sorted(ys)
        s.append(x)
        out.append(sorted(ys))
        out.append(s)
    return out
""",
        ([[0, 1, 2], [9]], [[0, 1, 2], []],),
        'hoist',
    ),
    'iter escapes': (
        """
def f(xs, ys):
    out = []
    for x in xs:
        for y in [[z] for z in ys]:
            y.append(1)
            out.append(y)
        for y in list(map(list, ys)):
            y.append(2)
        out.append([ [z] for z in ys ][0])
    return out
""",
        ([[0, 1, 2], [9]], [[0, 1, 2], []], [[1, 2], [[1], [2]]],),
        '',
    ),
    'star': (
        """
def f(*xs):
    return [max(*xs) for _ in xs], [x in xs for x in xs]
""",
        ([0, 1, 2], [9], [],),
        'hoist, set membership',
    ),
    'kw': (
        """
def f(a, *, b=(1,2), **k):
    return [max(b) for _ in a], [x in b for x in a]
""",
        ([[0, 1, 2]], [[]],),
        'hoist, set membership',
    ),
    'cls': (
        """
class C:
    def f(self, xs):
        return [max(xs) for _ in xs]
def f(xs):
    return C().f(xs)
""",
        ([[0, 1, 2]],),
        '',
    ),
    'deep': (
        """
def f(xs, ys):
    return [[a for a in xs if a in ys and max(ys)] for b in xs if b in ys]
""",
        ([[0, 1, 2], [1, 0]],),
        'hoist, set membership',
    ),
    'set op': (
        """
def f(xs, ys):
    s = {1}
    t = s
    for x in xs:
        s |= {x}
        t = len(sorted(s)) + sum(t if t == s else [1])
    return t
""",
        ([[0, 1, 2], [1, 0]],),
        '',
    ),
    'global list shared': (
        """
T = [[1, 2], [3]]
U = T[0]
def f(xs):
    out = []
    for x in xs:
        U.append(x)
        out.append(sum(sum(t) for t in T))
        out.append(x in U)
    return out
""",
        ([[0, 1, 2]],),
        '',
    ),
    'global alias fn': (
        """
T = [1, 2]
def h(x):
    return sum(T) + sum([x for _ in T])
def f(xs):
    t = T
    out = []
    for x in xs:
        out.append(h(1))
        t.append(x)
    return out
""",
        ([[0, 1, 2]],),
        '',
    ),
    'hash order': (
        """
def f(xs, ys):
    out = []
    for x in xs:
        out.append(list(set(ys)))
        for y in set(ys): out.append(y)
    return out
""",
        ([[0, 1, 2], ['a', 'b', 'c', 'dd', 'e']],),
        'hoist',
    ),
    'grown, popped': (
        """
def f(xs):
    out = []
    for x in xs:
        if x in out:
            out.pop(0)
        else:
            out.append(x)
    return out
""",
        ([[1, 2, 1, 1, 2]],),
        '',
    ),
    'grown, sorted and inserted': (
        """
def f(xs):
    out, other = [], []
    for x in xs:
        if x in out or x in other:
            out.insert(0, x + 1)
        other.append(x)
        other.sort()
    return out
""",
        ([[1, 2, 1, 1, 2]],),
        '',
    ),
    'grown, changed by index': (
        """
def f(xs):
    out = [0]
    for x in xs:
        out.append(x in out)
        out[0] = x
    return out
""",
        ([[1, 2, 1, 1, 2]],),
        '',
    ),
    'grown, changed through another name': (
        """
def f(xs):
    out = [0]
    other = out
    for x in xs:
        other[0] = x
        out.append(x in out)
    return out
""",
        ([[1, 2, 1, 1, 2]],),
        '',
    ),
    'grown, bound twice': (
        """
def f(xs):
    out = [0]
    for x in xs:
        out.append(x in out)
        if x == 2:
            out = [2]
    return out
""",
        ([[1, 2, 1, 1, 2]],),
        '',
    ),
    'grown, multiplied': (
        """
def f(xs):
    out = [0]
    for x in xs:
        out.append(x in out)
        out *= x
    return out
""",
        ([[1, 2, 0, 1, 2]],),
        '',
    ),
    'grown anew in each round': (
        """
def f(xss):
    made = []
    for xs in xss:
        out = []
        for x in xs:
            if x not in out: out.append(x)
        made.append(len(out))
    return made
""",
        ([[[1, 2, 1], [1, 1.0, True, nan, nan], [[], [], (1,), (1.0,)], ["a", b"a", None, None]]], [[[1]]]),
        'set membership',
    ),
    'grown by extend and +=': (
        """
def f(xs, ys):
    out = list(ys)
    for x in xs:
        out += [x not in out, (x, 1) in out]
        out.extend([x, -x in out])
    return out
""",
        ([[1, 2, 1.0, True], [nan, 2]], [[1, 0.0], (1, 1)], [[1, "a"], []], [[1, 2], "ab"], [[1], 3]),
        'set membership',
    ),
    'grown in a function that calls itself': (
        """
def f(xs):
    out = []
    for x in xs:
        if x not in out: out.append(x)
    return f(out[1:]) if len(out) > 1 else out
""",
        ([[1, 2, 1]],),
        '',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_edits_are_those_expected_and_equal(name: str) -> None:
    source, calls, operators = CASES[name]
    assert ", ".join(sorted({edit.operator for edit in speed_edits(source, "f")} & MOVES)) == operators
    found = every_edit(source)
    expected = transcript(source, calls) if found else b""
    for text, operator in found.items():
        assert transcript(text, calls) == expected, f"{operator}:\n{text}"


@pytest.mark.parametrize(
    ("use", "kept"),
    [
        ("if names.count(x) > 1: out.append(x)", True),
        ("if x in names: out.append(len(names) + names[0])", True),
        ("out.append([y for y in names if y != x] + names)", True),
        ("if len(out) > 1: return names\n        out.append(x)", True),
        ("out.append(names.copy())", True),
        ("names.append(x)\n        out.append(len(names))", False),
        ("names += [x]\n        out.append(len(names))", False),
        ("names[0] = x\n        out.append(names[-1])", False),
        ("names.sort()\n        out.append(names[0])", False),
        ("out.append(names)", False),
        ("other = names\n        other.append(x)\n        out.append(len(names))", False),
        ("add = names.append\n        add(x)\n        out.append(len(names))", False),
        ("for names[0] in xs: out.append(names[0])", False),
    ],
)
def test_a_list_with_a_name_is_kept_where_it_is_only_read(use: str, kept: bool) -> None:
    loop = f"    for x in xs:\n        names = [y for y in ys]\n        {use}\n"
    source = f"def f(xs, ys):\n    out = []\n{loop}    return out\n"
    calls: tuple[list[object], ...] = (
        [[1, 2, 2, 3], [2, 2, 3]], [[], [1]], [[1, 1], []], [[1, 2], [[1], [2]]], [["a", nan], ["a", nan, "a"]],
        [[1, 2], "ab"], [[[1], [1]], [[1], 2]], [[1], None],
    )  # fmt: skip
    found = every_edit(source)
    assert any("flat=True" in text for text in found) is kept
    expected = transcript(source, calls)
    for text, operator in found.items():
        assert transcript(text, calls) == expected, f"{operator}:\n{text}"
