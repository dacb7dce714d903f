"""The puzzles' improver: it looks at a view of the program's life and returns edits, nothing else.

The apprentice's way of proposing, for quality alone: operators chosen by weight and by how often their edits were
worth keeping. It knows nothing of puzzles. It runs in the jail; whatever it returns is a suggestion.
"""

import hashlib
import random

from selfproof.operators import EditImpossible, edit_function, normal_form, size

OPERATORS = {
    "constant": 3.0, "replace": 1.5, "wrap": 3.0, "blend": 3.0, "unwrap": 1.0, "insert": 1.0, "crossover": 1.5,
}  # fmt: skip
LARGEST = 45


def form_of(source):
    """A short name for the code itself, without comments and layout."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()[:16]


def credit(history, operator):
    """The share of an operator's attempts that were worth keeping, recent ones counting more."""
    tried, kept = 0.05, 0.02
    for place, row in enumerate(history):
        if row["operator"] == operator:
            weight = (place + 1) / len(history)
            tried += weight
            kept += weight * (row["outcome"] == "raced")
    return kept / tried


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits of the focus function."""
    rng = random.Random(view["seed"])
    operators = [name for name in OPERATORS if name in view["operators"]]
    weights = [OPERATORS[name] * (0.5 + credit(view["history"], name)) for name in operators]
    known, edits = set(view["tried"]), []
    for index in range(view["wanted"] * 3):
        parent = view["parents"][index % len(view["parents"])]
        other = rng.choice(view["parents"])["source"]
        operator = rng.choices(operators, weights)[0]
        times = 1 if rng.random() < 0.7 else 2
        try:
            source, title = edit_function(parent["source"], view["function"], operator, rng, other=other, repeat=times)
        except EditImpossible:
            continue
        form = form_of(source)
        if form not in known and size(source, view["function"]) <= LARGEST and len(edits) < view["wanted"]:
            known.add(form)
            edits.append(
                {"files": {view["path"]: source}, "title": title, "operator": operator, "parent": parent["id"]}
            )
    return edits
