"""Suggests other constants for your files; where the objective is time, also rewrites of their functions.

It runs in the jail and is part of the program; all it can do is return edits. Language models and coding agents
(`selfproof run --model ...`, `--agent ...`) suggest beside it.
"""

import ast
import hashlib
import random

from selfproof.operators import EditImpossible, edit_function, normal_form, speed_edits

WEIGHTS = {"constant": 3.0, "crossover": 1.0}
REWRITES = False  # of functions, so that they take less time


def form_of(source):
    """A short name for the code itself, without comments and layout."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()[:16]


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits, none of them tried before."""
    if not view["path"].endswith(".py"):
        return []
    tried, edits = set(view["tried"]), []
    for source, title, operator, parent in [*rewrites(view), *settings(view)]:
        form = form_of(source)
        if form not in tried:
            tried.add(form)
            files = {view["path"]: source}
            edits.append({"files": files, "title": title, "operator": operator, "parent": parent})
    return edits[: view["wanted"]]


def settings(view):
    """Each parent with one constant or two changed, or with some of another parent's constants."""
    rng = random.Random(view["seed"])
    operators = [name for name in WEIGHTS if name in view["operators"]]
    lifts = lift(view.get("experience", {}), operators)
    weights = [WEIGHTS[name] * lifts[name] for name in operators]
    for index in range(4 * view["wanted"] if operators else 0):
        parent = view["parents"][index % len(view["parents"])]
        other = rng.choice(view["parents"])["source"]
        operator = rng.choices(operators, weights)[0]
        repeat = rng.choice((1, 1, 2, 3))
        try:
            source, title = edit_function(parent["source"], "", operator, rng, other=other, repeat=repeat)
        except (EditImpossible, SyntaxError):
            continue
        yield source, title, operator, parent["id"]


def lift(experience, names):
    """For each operator how much more often than usual earlier runs certified what it led to, within 1/2 and 2."""
    known = {name: row["certified"] for name, row in experience.get("operators", {}).items() if name in names}
    usual = sum(known.values()) / max(1, len(known))
    return {name: min(2.0, max(0.5, known[name] / usual)) if usual and name in known else 1.0 for name in names}


def rewrites(view):
    """The best parent with one function rewritten so that it takes less time, if that is what is wanted here."""
    parent = view["parents"][0]
    names = [node.name for node in ast.parse(parent["source"]).body if isinstance(node, ast.FunctionDef)]
    for name in names if REWRITES else []:
        for edit in speed_edits(parent["source"], name):
            yield edit.source, edit.title, edit.operator, parent["id"]
