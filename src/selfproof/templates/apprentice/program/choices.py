"""What the apprentice's improver chooses: parents, operators, how much at once. An objective judges it.

It runs in the jail. Whatever it returns is a suggestion: the trusted side screens it, races it and certifies it. What
it decides by numbers stands in functions of its own, so that an edit can change one decision and leave the rest.
"""

import hashlib
import random

import numpy as np  # noqa: F401  for edits, which may use it

from selfproof.operators import EditImpossible, edit_function, normal_form, size

OPERATORS = ("constant", "replace", "wrap", "blend", "pool", "unwrap", "insert", "crossover")


def frequencies():
    """How often each of OPERATORS is tried before anything is known."""
    return [3.0, 1.5, 3.0, 3.0, 1.0, 1.0, 1.0, 1.5]


def weight(usual, kept, lift):
    """How often an operator is tried. usual: its frequency; kept: the share of its attempts that were worth keeping;
    lift: how much more often than usual earlier runs certified what it led to.
    """
    return usual * (0.5 + kept) * lift


def fading(age, attempts):
    """How much an attempt counts; age: how many came after it, of all attempts."""
    return 1.0 - age / attempts


def attraction(place, behind, size, children):
    """How often a parent is edited. place: 0 is the best of those at hand; behind: its score's distance to the best
    as a share of the spread; size: nodes of its code; children: edits of it in this answer.
    """
    return 1.0


def doubling(plateau, size):
    """The share of drafts that are two edits at once; size: nodes of the parent's code."""
    return 0.3 + 0.4 * plateau


def largest(best):
    """Nodes that an edited function may have; best: how many the best parent has."""
    return 45.0


def form_of(source):
    """A short name for the code itself, without comments and layout."""
    return hashlib.sha256(normal_form(source).encode()).hexdigest()[:16]


def positive(number):
    """A number as a weight: between a very small one and a very large one, whatever it was."""
    found = float(number)
    return min(1e6, max(1e-6, found)) if found < 0.0 or found >= 0.0 else 1e-6  # nan is neither


def credits(history, names):
    """For each operator the share of its attempts that were worth keeping, recent ones counting more."""
    tried, kept = dict.fromkeys(names, 0.05), dict.fromkeys(names, 0.02)
    for place, row in enumerate(history):
        if row["operator"] in tried:
            counts = positive(fading(len(history) - place - 1.0, float(len(history))))
            tried[row["operator"]] += counts
            kept[row["operator"]] += counts * (row["outcome"] == "raced")
    return {name: kept[name] / tried[name] for name in names}


def lift(experience, names):
    """For each operator how much more often than usual earlier runs certified what it led to, within 1/2 and 2."""
    known = {name: row["certified"] for name, row in experience.get("operators", {}).items() if name in names}
    usual = sum(known.values()) / max(1, len(known))
    return {name: min(2.0, max(0.5, known[name] / usual)) if usual and name in known else 1.0 for name in names}


def draw(rng, parents, best, worst, children):
    """The place of a parent among the view's; one that the view holds twice is drawn twice as often."""
    order = sorted({row["score"] for row in parents})
    weights = [
        positive(
            attraction(
                float(order.index(row["score"])),
                (row["score"] - best) / (worst - best) if worst > best else 0.0,
                float(row["size"]),
                children.get(row["id"], 0.0),
            )
        )
        for row in parents
    ]
    return rng.choices(range(len(parents)), weights)[0]


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of new edits of the focus function."""
    rng, parents = random.Random(view["seed"]), view["parents"]
    names = [name for name in OPERATORS if name in view["operators"]]
    usual, kept = dict(zip(OPERATORS, frequencies())), credits(view["history"], names)
    lifts = lift(view.get("experience", {}), names)
    weights = [positive(weight(usual[name], kept[name], lifts[name])) for name in names]
    best, worst = min(row["score"] for row in parents), max(row["score"] for row in parents)
    room = positive(largest(float(min(parents, key=lambda row: row["score"])["size"])))
    known, found, children = set(view["tried"]), [], {}
    for _ in range(3 * view["wanted"]):
        if len(found) == view["wanted"]:
            break
        parent, other = parents[draw(rng, parents, best, worst, children)], rng.choice(parents)
        children[parent["id"]] = children.get(parent["id"], 0.0) + 1.0
        operator = rng.choices(names, weights)[0]
        times = 2 if rng.random() < doubling(view.get("plateau", 0.0), float(parent["size"])) else 1
        try:
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
