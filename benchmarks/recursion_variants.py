"""Learned improvers for ``benchmarks/recursion.py``: what was learned from logs, written into an improver's source.

Every variant is the template's ``improver.py`` with some of its functions replaced, so it runs in the jail like any
improver. What is learned comes from searches on the train families alone.
"""

from __future__ import annotations

import ast
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import numpy as np

Log = Mapping[str, Any]  # of one edit: operator, title, before, after, place, behind, tried, gain, better

FEATURES = '''

KINDS = ("Constant", "Name", "BinOp", "UnaryOp", "Call", "several")


def features(operator, title, before, after, place, behind, tried):
    """What is known of a draft before it is tried."""
    site = site_of(before, after)
    return [
        *[float(operator == name) for name in OPERATORS], *[float(site.kind == kind) for kind in KINDS],
        float("; " in title), place, behind, min(tried, 64.0) / 64.0, float(site.depth), float(site.before),
        float(site.after), float(site.after - site.before), abs(site.ratio or 0.0), float(site.ratio is None),
    ]
'''
RANKING = '''

def propose(view):
    """Of three times as many drafts the most promising, with a share of the others so that nothing is ruled out."""
    rng = random.Random(view["seed"])
    found = drafts(view, rng, 3 * view["wanted"])
    rows = sorted({row["id"]: row for row in view["parents"]}.values(), key=lambda row: row["score"])
    spread = rows[-1]["score"] - rows[0]["score"]
    at = {row["id"]: (place, row) for place, row in enumerate(rows)}
    marks = []
    for index, draft in enumerate(found):
        place, row = at[draft["parent"]]
        behind = (row["score"] - rows[0]["score"]) / spread if spread > 0 else 0.0
        marks.append((-mark(draft, row["source"], draft["files"][view["path"]], float(place), behind,
                            float(len(view["tried"]))), index))
    best = [index for _, index in sorted(marks)]
    free = view["wanted"] // 4
    kept = best[: view["wanted"] - free]
    others = [index for index in range(len(found)) if index not in kept]
    return [found[index] for index in sorted(kept + others[:free])]
'''
BANDIT = '''

def chances(view, names):
    """Thompson sampling: how often an operator's edits made a new best so far, drawn from a Beta posterior."""
    won, tried, best = dict.fromkeys(names, 1.0), dict.fromkeys(names, 7.0), float("inf")
    for row in view["history"]:
        gained = row["score"] is not None and row["score"] < best
        best = row["score"] if gained else best
        if row["operator"] in won:
            won[row["operator"]] += gained
            tried[row["operator"]] += 1.0 - gained
    lot = random.Random(view["seed"] + 1)
    return [positive(lot.betavariate(won[name], tried[name])) for name in names]
'''


def original() -> str:
    """The improver that the template ships: version 0."""
    return (resources.files("selfproof") / "templates/improver/program/improver.py").read_text("utf-8")


def with_body(source: str, function: str, body: str) -> str:
    """The source with another body of a function, its docstring kept."""
    node = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == function)
    lines = source.splitlines(keepends=True)
    first = node.body[1] if ast.get_docstring(node) else node.body[0]
    assert node.end_lineno is not None
    return "".join([*lines[: first.lineno - 1], f"    {body}\n", *lines[node.end_lineno :]])


def prior(source: str, logs: Sequence[Log]) -> str:
    """Frequencies in proportion to how often an operator's edits made a new best."""
    usual = dict(zip(names(source), [3.0, 1.5, 3.0, 3.0, 1.0, 1.0, 1.5], strict=True))
    tried = Counter(log["operator"] for log in logs)
    gained = Counter(log["operator"] for log in logs if log["gain"])
    mean = sum(gained.values()) / len(logs)
    lifted = [usual[n] * (gained[n] + 2.0) / (tried[n] + 2.0 / mean) / mean for n in usual]
    return with_body(source, "frequencies", f"return {[round(v, 3) for v in lifted]}")


def names(source: str) -> list[str]:
    """OPERATORS of an improver."""
    scope: dict[str, Any] = {}
    exec("OPERATORS" + source.partition("\nOPERATORS")[2].partition("\n")[0], scope)
    return list(scope["OPERATORS"])


def bandit(source: str) -> str:
    """Operators chosen by Thompson sampling while the search runs, without anything learned before."""
    return source + BANDIT


def greedy(source: str) -> str:
    """What a person would try first: mostly the best parents."""
    return with_body(source, "attraction", "return np.exp(-place)")


def ranker(source: str, logs: Sequence[Log], rounds: int = 60) -> str:
    """Drafts ranked by gradient-boosted stumps (logistic loss, Friedman 2001) over features of the edit."""
    scope: dict[str, Any] = {"OPERATORS": names(source)}
    exec("from selfproof.operators.sites import site_of\n" + FEATURES, scope)
    rows = [scope["features"](*(log[k] for k in ("operator", "title", "before", "after", "place", "behind", "tried")))
            for log in logs]  # fmt: skip
    stumps = boosted(np.array(rows), np.array([float(log["gain"]) for log in logs]), rounds)
    told = json.dumps(stumps)
    mark = f'''

STUMPS = {told}


def mark(draft, before, after, place, behind, tried):
    """The log-odds of a new best."""
    x = features(draft["operator"], draft["title"], before, after, place, behind, tried)
    return sum(low if x[i] <= edge else high for i, edge, low, high in STUMPS)
'''
    return importing(source) + FEATURES + mark + ranking(source)


def ranking(source: str) -> str:
    """The ranking of drafts, below a memory of rules if the improver has one."""
    assert "KNOWN" not in source, "a library is put on top of a ranker"
    return RANKING


def importing(source: str) -> str:
    """The source with the import that features need."""
    line = "from selfproof.operators import EditImpossible"
    return source.replace(line, f"from selfproof.operators.sites import site_of\n{line}")


def boosted(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any], rounds: int) -> list[list[float]]:
    """Stumps [feature, edge, value up to it, value above]: the first is the log-odds of the mean."""
    base = math.log(y.mean() / (1.0 - y.mean()))
    stumps, score = [[0, math.inf, base, base]], np.full(len(y), base)
    edges = [np.unique(np.quantile(x[:, i], np.linspace(0.05, 0.95, 12))) for i in range(x.shape[1])]
    stumps[0][1] = 1e300
    for _ in range(rounds):
        p = 1.0 / (1.0 + np.exp(-score))
        g, h = y - p, p * (1.0 - p)
        best: tuple[float, int, float, float, float] = (0.0, 0, 0.0, 0.0, 0.0)
        for i, cuts in enumerate(edges):
            for edge in cuts:
                left = x[:, i] <= edge
                gl, hl, gr, hr = g[left].sum(), h[left].sum() + 5.0, g[~left].sum(), h[~left].sum() + 5.0
                worth = gl * gl / hl + gr * gr / hr
                if worth > best[0]:
                    best = (worth, i, float(edge), 0.15 * gl / hl, 0.15 * gr / hr)
        _, i, edge, low, high = best
        score = score + np.where(x[:, i] <= edge, low, high)
        stumps.append([i, round(edge, 6), round(low, 5), round(high, 5)])
    return [[int(i), e, low, high] for i, e, low, high in stumps]


def natural(source: str, rules: Sequence[str]) -> str:
    """Drafts ranked by how natural their code is: a bigram model of syntax, of rules that searches ended with.

    A token is a node's class, or an operator's or call's name; names and numbers are one token each.
    """
    scope: dict[str, Any] = {}
    exec(f"import ast, math\n{NATURAL}", scope)
    pairs: Counter[str] = Counter()
    heads: Counter[str] = Counter()
    for rule in rules:
        for above, below in scope["bigrams"](rule):
            pairs[f"{above} {below}"] += 1
            heads[above] += 1
    model = f"\n\nPAIRS = {dict(pairs)}\nHEADS = {dict(heads)}\n"
    return (
        source.replace("import hashlib", "import ast\nimport hashlib\nimport math", 1)
        + model
        + NATURAL
        + ranking(source)
    )


NATURAL = '''

def bigrams(text):
    """(token, token below it) of every node of the code."""
    def token(node):
        if isinstance(node, ast.BinOp):
            return type(node.op).__name__
        if isinstance(node, ast.Call):
            return ast.unparse(node.func)
        return type(node).__name__
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Return, ast.Assign, ast.BinOp, ast.UnaryOp, ast.Call)):
            below = node.args if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
            found += [(token(node), token(one)) for one in below if isinstance(one, ast.expr)]
    return found


def mark(draft, before, after, place, behind, tried):
    """The mean log-probability of the code's bigrams."""
    found = bigrams(after)
    logs = [math.log((PAIRS.get(f"{a} {b}", 0) + 0.5) / (HEADS.get(a, 0) + 10.0)) for a, b in found]
    return sum(logs) / max(1, len(logs))
'''


COMPOSING = '''


def composed(parent, function, tried, rng):
    """The parent's rule joined with a small term over its arguments, as both paid off in earlier searches."""
    tree = ast.parse(parent)
    node = next((one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == function), None)
    names = [one.arg for one in node.args.args] if node else []
    last = node.body[-1] if node else None
    if not names or not isinstance(last, ast.Return) or last.value is None:
        raise EditImpossible("no rule over arguments")
    stage = 0 if tried <= EARLY else 1
    i = rng.choices(range(len(FORMS)), FORM_WEIGHTS[stage])[0]
    j = rng.choices(range(len(TERMS)), TERM_WEIGHTS[stage])[0]
    one, two = rng.sample(names, 2) if len(names) > 1 else names * 2
    scale = float(f"{np.exp(rng.uniform(-2.5, 2.5)):.2g}")
    old, term = ast.unparse(last.value), TERMS[j].format(a=one, b=two)
    new = FORMS[i].format(old=old, term=term, k=scale)
    lines = parent.splitlines(keepends=True)
    text = " " * last.col_offset + "return " + new + "\\n"
    source = "".join([*lines[: last.lineno - 1], text, *lines[last.end_lineno :]])
    return source, f"{old[:60]} -> {new[:100]}", f"compose {i} {j}"


def drafts(view, rng, most):
    """At most so many edits that are new: a share of them composed, the others by the operators."""
    operators = [name for name in OPERATORS if name in view["operators"]]
    weights = chances(view, operators)
    parents = Parents(view["parents"])
    room = positive(largest(float(parents.rows[0]["size"])))
    known, found = set(view["tried"]), []
    for _ in range(4 * most):
        if len(found) == most:
            break
        parent, other = parents.draw(rng), rng.choice(parents.rows)
        operator = rng.choices(operators, weights)[0]
        times = 2 if rng.random() < doubling(view.get("plateau", 0.0), float(parent["size"])) else 1
        try:
            if rng.random() < COMPOSED:
                source, title, operator = composed(parent["source"], view["function"], len(known), rng)
            else:
                source, title = edit_function(
                    parent["source"], view["function"], operator, rng, other=other["source"], repeat=times
                )
        except EditImpossible:
            continue
        form = form_of(source)
        if form not in known and size(source, view["function"]) <= room:
            known.add(form)
            found.append(
                {"files": {view["path"]: source}, "title": title, "operator": operator, "parent": parent["id"]}
            )
    return found
'''
FORMS = ("{term}", "-({term})", "{old} + {k} * ({term})", "{old} - {k} * ({term})", "({old}) * ({term})",
         "({old}) / ({term})", "({term}) / ({old})", "np.maximum({old}, {k} * ({term}))",
         "np.minimum({old}, {k} * ({term}))", "({old}) * ({k} + {term})", "({old}) / ({k} + np.abs({term}))",
         "({old}) * np.exp(-{k} * np.abs({term}))", "np.tanh({k} * ({old}))", "{k} * ({old})")  # fmt: skip
TERMS = ("{a}", "{a} * {a}", "{a} / {b}", "{a} * {b}", "{a} - {b}", "{a} + {b}", "np.sqrt(np.abs({a}))",
         "np.log1p(np.abs({a}))", "np.maximum({a}, {b})", "np.minimum({a}, {b})", "np.abs({a})", "np.abs({a} - {b})",
         "np.maximum({a}, 0.0)", "{a} / (1.0 + np.abs({b}))", "1.0", "np.exp(-np.abs({a}))")  # fmt: skip
EARLY = 12
"""Rules tried, up to which a search is at its beginning."""


def composing(source: str, logs: Sequence[Log] = (), share: float = 0.7) -> str:
    """An improver that joins rules with small terms; forms and terms as often as they made a new best in ``logs``."""
    found: list[list[list[float]]] = []
    for place, count in ((1, len(FORMS)), (2, len(TERMS))):
        found.append([])
        for early in (True, False):
            here = [log for log in logs if log["operator"].startswith("compose") and (log["tried"] <= EARLY) == early]
            mean = sum(log["gain"] for log in here) / len(here) if here else 0.1
            tried = Counter(int(log["operator"].split()[place]) for log in here)
            gained = Counter(int(log["operator"].split()[place]) for log in here if log["gain"])
            rates = [(gained[i] + 4.0 * mean) / (tried[i] + 4.0) / mean for i in range(count)]
            found[-1].append([round(rate, 3) for rate in rates])
    told = (f"\n\nFORMS = {FORMS}\nTERMS = {TERMS}\nFORM_WEIGHTS = {found[0]}\nTERM_WEIGHTS = {found[1]}\n"
            f"EARLY = {EARLY}\nCOMPOSED = {share}\n")  # fmt: skip
    return source.replace("import hashlib", "import ast\nimport hashlib", 1) + told + COMPOSING


LIBRARY = '''


def propose(view):
    """What earlier searches over the same arguments ended with comes first, half of an answer at most."""
    source = view["parents"][0]["source"]
    node = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == view["function"])
    rules = KNOWN.get(" ".join(one.arg for one in node.args.args), [])
    lines, known, found = source.splitlines(keepends=True), set(view["tried"]), []
    for rule in rules:
        last = node.body[-1]
        text = "".join([*lines[: last.lineno - 1], f"    return {rule}\\n", *lines[last.end_lineno :]])
        if form_of(text) not in known and len(found) < view["wanted"] // 2 and len(node.body) == 1:
            known.add(form_of(text))
            found.append({"files": {view["path"]: text}, "title": f"-> {rule[:80]}", "operator": "library",
                          "parent": view["parents"][0]["id"]})
    return found + others({**view, "tried": [*known], "wanted": view["wanted"] - len(found)})
'''


def library(source: str, rules: Sequence[tuple[str, float]], most: int = 12) -> str:
    """An improver with a memory of rules: for the names of arguments those that closed most of the gap elsewhere."""
    known: dict[str, list[tuple[float, str]]] = {}
    for rule, closed in rules:
        node = ast.parse(rule).body[0]
        assert isinstance(node, ast.FunctionDef)
        last = node.body[-1]
        if len(node.body) == 1 and isinstance(last, ast.Return) and last.value is not None:
            known.setdefault(" ".join(one.arg for one in node.args.args), []).append((closed, ast.unparse(last.value)))
    best = {names: [rule for _, rule in sorted(rows, reverse=True)[:most]] for names, rows in known.items()}
    source = source.replace("def propose(view):", "def others(view):")
    text = source if "import ast\n" in source else source.replace("import hashlib", "import ast\nimport hashlib", 1)
    return text + f"\n\nKNOWN = {best}\n" + LIBRARY
