"""An improver that improves itself: it looks at a view of a program's life and returns edits, nothing else.

It runs in the jail. Whatever it returns is a suggestion: the trusted side screens it, races it and certifies it. What
it decides by numbers stands in functions of its own, so that an edit can change one decision and leave the rest.
"""

import hashlib
import random

import numpy as np  # noqa: F401  for edits, which may use it

from selfproof.operators import EditImpossible, edit_function, normal_form, size

OPERATORS = ("constant", "replace", "wrap", "blend", "unwrap", "insert", "crossover")


def frequencies():
    """How often each of OPERATORS is tried before anything is known."""
    return [3.0, 1.5, 3.0, 3.0, 1.0, 1.0, 1.5]


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


def credit(history, operator):
    """The share of an operator's attempts that were worth keeping, recent ones counting more."""
    tried, kept = 0.05, 0.02
    for place, row in enumerate(history):
        if row["operator"] == operator:
            counts = positive(fading(len(history) - place - 1.0, float(len(history))))
            tried += counts
            kept += counts * (row["outcome"] == "raced")
    return kept / tried


def lift(experience, name):
    """How much more often than usual earlier runs certified what an operator led to, within 1/2 and 2."""
    known = [row["certified"] for row in experience.get("operators", {}).values()]
    if not known or not sum(known) or name not in experience["operators"]:
        return 1.0
    return min(2.0, max(0.5, experience["operators"][name]["certified"] * len(known) / sum(known)))


def chances(view, names):
    """For each of the operators how often it is tried."""
    usual = dict(zip(OPERATORS, frequencies()))
    known = view.get("experience", {})
    return [positive(weight(usual[name], credit(view["history"], name), lift(known, name))) for name in names]


class Parents:
    """The parents of a view, each once, the best first, and how often each is edited."""

    def __init__(self, rows):
        found = {row["id"]: row for row in rows}
        self.rows = sorted(found.values(), key=lambda row: row["score"])
        self.children = [0.0] * len(self.rows)
        best, worst = self.rows[0]["score"], self.rows[-1]["score"]
        copies = [row["id"] for row in rows]
        self.copies = [float(copies.count(row["id"])) for row in self.rows]
        self.behind = [(row["score"] - best) / (worst - best) if worst > best else 0.0 for row in self.rows]

    def draw(self, rng):
        """One of them; a parent that the view holds twice is drawn twice as often."""
        places = range(len(self.rows))
        weights = [
            self.copies[i]
            * positive(attraction(float(i), self.behind[i], float(self.rows[i]["size"]), self.children[i]))
            for i in places
        ]
        chosen = rng.choices(places, weights)[0]
        self.children[chosen] += 1.0
        return self.rows[chosen]


def drafts(view, rng, most):
    """At most so many edits that are new, in the order in which they were drawn."""
    operators = [name for name in OPERATORS if name in view["operators"]]
    weights = chances(view, operators)
    parents = Parents(view["parents"])
    room = positive(largest(float(parents.rows[0]["size"])))
    known, found = set(view["tried"]), []
    for _ in range(3 * most):
        if len(found) == most:
            break
        parent, other = parents.draw(rng), rng.choice(parents.rows)
        operator = rng.choices(operators, weights)[0]
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


def propose(view):
    """view (see docs/design.md, "The improver's view") -> a list of edits of the focus function."""
    return drafts(view, random.Random(view["seed"]), view["wanted"])
