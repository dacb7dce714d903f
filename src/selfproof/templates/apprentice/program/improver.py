"""The apprentice's improver: it looks at a view of the program's life and returns edits, nothing else.

It runs in the jail like the rest of the program. Whatever it returns is a suggestion: the trusted side screens it,
races it and certifies it.
"""

import hashlib
import random

import notebook
from selfproof.operators import EditImpossible, edit_function, normal_form, size, speed_edits

OPERATORS = {
    "constant": 3.0, "replace": 1.5, "wrap": 3.0, "blend": 3.0, "pool": 1.0, "unwrap": 1.0, "insert": 1.0,
    "crossover": 1.5,
}  # fmt: skip
LARGEST = 45


def form_of(source):
    """A short name for the code itself, without comments and layout."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()[:16]


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits."""
    return faster(view) if view["kind"] == "speed" else better(view)


def better(view):
    """Edits of the focus function of one parent each, by operators chosen by weight and past credit."""
    rng = random.Random(view["seed"])
    operators = {name: OPERATORS[name] for name in OPERATORS if name in view["operators"]}
    shares = notebook.credit(view["history"], list(operators))
    lifts = lift(view.get("experience", {}), operators)
    weights = [operators[name] * (0.5 + shares[name]) * lifts[name] for name in operators]
    single = 0.7 - 0.4 * view.get("plateau", 0.0)
    drafts = []
    for index in range(view["wanted"] * 2):
        parent = view["parents"][index % len(view["parents"])]
        other = rng.choice(view["parents"])["source"]
        operator = rng.choices(list(operators), weights)[0]
        times = 1 if rng.random() < single else 2
        try:
            source, title = edit_function(parent["source"], view["function"], operator, rng, other=other, repeat=times)
        except EditImpossible:
            continue
        if size(source, view["function"]) <= LARGEST:
            drafts.append((source, title, operator, parent["id"]))
    new = notebook.unseen([form_of(draft[0]) for draft in drafts], view["tried"])
    drafts = [draft for draft, is_new in zip(drafts, new) if is_new][: view["wanted"] * 5 // 4]
    chosen = notebook.freshest([draft[1] for draft in drafts], view["history"], view["wanted"])
    return [
        {"files": {view["path"]: source}, "title": title, "operator": operator, "parent": parent}
        for source, title, operator, parent in [drafts[index] for index in chosen]
    ]


def lift(experience, names):
    """For each operator how much more often than usual earlier runs certified what it led to, within 1/2 and 2."""
    known = {name: row["certified"] for name, row in experience.get("operators", {}).items() if name in names}
    usual = sum(known.values()) / max(1, len(known))
    return {name: min(2.0, max(0.5, known[name] / usual)) if usual and name in known else 1.0 for name in names}


def faster(view):
    """Rewrites of the hot functions of one file that keep their outputs equal."""
    edits = []
    for function in view["functions"]:
        for edit in speed_edits(view["source"], function):
            if form_of(edit.source) not in view["tried"]:
                edits.append(
                    {
                        "files": {view["path"]: edit.source},
                        "title": edit.title,
                        "operator": edit.operator,
                        "parent": view["parent"],
                    }
                )
    return edits[: view["wanted"]]
