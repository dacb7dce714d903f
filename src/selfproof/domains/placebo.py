"""Control experiments that are measured rather than required: no gain at all, and a small one of known kind.

A placebo is the incumbent against itself where noise is real: on *other* samples for quality (on the same ones a
deterministic program differs by nothing at all), on the same calls with a comment added for times. A planted gain is
the incumbent against itself made a little worse: by a share of wrong mass, or by a delay in its hottest function.
Neither is ever adopted; the gate cannot tell them from others.
"""

from __future__ import annotations

import ast
import math
import random

from selfproof.certify.pairs import quality_pair, speed_pair
from selfproof.domains import paired, timing
from selfproof.domains.base import Domain, Finalist
from selfproof.domains.quality import APART, Quality
from selfproof.domains.speed import Speed
from selfproof.nouns import Candidate, Edit
from selfproof.trial import blocks as trials

RACED = 8
LOOP_S = 2e-8  # seconds of one turn of an empty loop, roughly: the gain is measured, not believed


def placebo(domain: Domain, rng: random.Random) -> Finalist | None:
    """The incumbent against itself, with noise; None if this objective has nothing to measure yet."""
    if isinstance(domain, Quality):
        if domain.single:  # other samples of a finite pool are no fresh ones
            return None
        incumbent = domain.life.version(domain.objective)
        return _raced_quality(domain, incumbent, incumbent, {APART: True})
    if isinstance(domain, Speed) and (place := _hottest(domain)):
        incumbent = domain.life.version(domain.objective)
        path = place.partition(":")[0]
        same = edited(domain, incumbent, path, incumbent.files[path] + f"\n# {rng.getrandbits(32):08x}\n", "a comment")
        return _raced_speed(domain, same, incumbent, place, rng)
    return None


def planted(domain: Domain, rng: random.Random) -> Finalist | None:
    """The incumbent against a copy that is a little worse; None if this task or objective offers no such thing."""
    incumbent = domain.life.version(domain.objective)
    if isinstance(domain, Quality):
        strength = math.exp(rng.uniform(math.log(0.003), math.log(0.3)))
        path, _, function = domain.objective.entry.partition(":")
        text = domain.task.damaged(incumbent.files[path], function, strength)
        if text is None:
            return None
        worse = edited(domain, incumbent, path, text, "")
        return _raced_quality(domain, _repaired(incumbent, f"undo a damage of {strength:.3g}"), worse, {})
    if isinstance(domain, Speed) and (place := _hottest(domain)):
        share = math.exp(rng.uniform(math.log(0.05), math.log(0.5)))
        path, _, function = place.partition(":")
        turns = max(1, round(share * domain.spots.seconds_of(place) / LOOP_S))
        worse = edited(domain, incumbent, path, delayed(incumbent.files[path], function, turns), "")
        return _raced_speed(domain, _repaired(incumbent, f"undo a delay of {share:.0%}"), worse, place, rng)
    return None


def edited(domain: Domain, version: Candidate, path: str, text: str, title: str) -> Candidate:
    """A version with one file's text replaced."""
    edit = Edit(domain.objective.name, {path: text}, title, "control", version.id)
    return domain.life.candidate(domain.objective, {**version.files, path: text}, edit=edit)


def delayed(source: str, function: str, turns: int) -> str:
    """The source with an empty loop at the beginning of a function.

    Raises:
        StopIteration: there is no such function.
    """
    node = next(
        n
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.FunctionDef) and n.name == function.rsplit(".", maxsplit=1)[-1]
    )
    body = node.body[1:] if ast.get_docstring(node) is not None and len(node.body) > 1 else node.body
    lines = source.splitlines(keepends=True)
    at = body[0].lineno - 1
    lines.insert(at, f"{' ' * body[0].col_offset}for _ in range({turns}): pass\n")
    return "".join(lines)


def _repaired(incumbent: Candidate, title: str) -> Candidate:
    edit = Edit(incumbent.objective, {}, title, "control", incumbent.id)
    return Candidate(incumbent.id, incumbent.objective, incumbent.files, edit)


def _raced_quality(domain: Quality, one: Candidate, reference: Candidate, notes: dict[str, bool]) -> Finalist:
    seeds = [domain.life.search_seed(domain.objective.name, "placebo", i) % 2**63 for i in (1, 2)]
    panel, other = (trials.prepare(domain.task.samples("explore", seed, domain.sizes.panel)) for seed in seeds)
    rows = paired.begin(domain.life, (reference, one), domain.task, panel, other if notes else None)().rows
    candidate = one if one.edit else _repaired(one, "nothing at all, on other samples")
    return Finalist(
        candidate, reference, tuple(quality_pair(row, domain.objective.better).y for row in rows), dict(notes)
    )


def _raced_speed(
    domain: Speed, one: Candidate, reference: Candidate, place: str, rng: random.Random
) -> Finalist | None:
    found = []
    for _ in range(RACED):
        timed, _ = timing.pair(
            domain.life, reference, one, place, domain.spots.some_calls(place, rng), rng.random() < 0.5
        )
        if timed is None:
            return None
        found.append(speed_pair(timed.row).y)
    return Finalist(one, reference, tuple(found), {"function": place, "saved": 0.0})


def _hottest(domain: Speed) -> str | None:
    return next((hot.place for hot in domain.spots.hot if domain.spots.seconds_of(hot.place) > 0), None)
