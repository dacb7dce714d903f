"""How fast an improver improves: it searches rules for cheap tasks that it never saw, in lock-step with the engine.

A sample is one problem of each family of ``families.TRAIN``, drawn anew. The improver is asked as in a life: it gets
a view (parents with scores, history, operators, what was tried) and answers with edits, which are evaluated here, on
the trusted side, by ``expressions``: nothing that it writes is ever executed. A message costs ``WANTED`` evaluations,
whether it is used up or not, so that neither small answers nor repetitions buy anything. Scored is the share of the
gap between start and a good rule that the best rule so far has closed, on average over all evaluations: what a search
has reached counts, and how soon.
"""

from __future__ import annotations

import bisect
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfproof.nouns import Split
from selfproof.operators import OPERATORS
from selfproof.tasks import Exchange, InvalidAnswer, Sample, Task

from . import expressions, families
from .families import FUNCTION, Problem

EVALUATIONS = 48
WANTED = 8
PATH = "rule.py"
SPLITS: tuple[Split, ...] = ("explore", "confirm", "report")
WORDS = 200
"""Characters of a title that are kept; of an operator's name a fifth."""
MOST_EDITS = 256
"""Rows of an answer beyond which it is malformed."""


@dataclass(frozen=True)
class Version:
    """A rule in the archive of one search."""

    id: str
    source: str
    loss: float
    size: int
    structure: str

    @property
    def rank(self) -> tuple[float, str]:
        """As in a life: the loss and a small price for size."""
        return self.loss * (1.0 + 0.0003 * self.size), self.id


class Archive:
    """A life's population in small: sixty rules by rank, three of a structure, parents by rank or tournament."""

    def __init__(self, first: Version) -> None:
        self.members = [first]

    def insert(self, new: Version) -> bool:
        """Whether the rule stays."""
        if any(abs(new.loss - old.loss) < 1e-6 for old in self.members):
            return False
        same = [old for old in self.members if old.structure == new.structure]
        if len(same) >= 3:
            last = max(same, key=lambda one: one.rank)
            if last.rank <= new.rank:
                return False
            self.members.remove(last)
        bisect.insort(self.members, new, key=lambda one: one.rank)
        del self.members[60:]
        return new in self.members

    def outcome(self, new: Version) -> str:
        """What a race would say of it."""
        bar = self.members[min(24, len(self.members)) - 1].loss if len(self.members) > 2 else None
        if bar is not None and new.loss > bar + 0.03 * abs(bar):
            return "worse"
        return "raced" if self.insert(new) else "equal"

    def parents(self, rng: random.Random, n: int = 12) -> list[Version]:
        """Drawn with replacement."""
        last = len(self.members) - 1
        return [
            self.members[min(last, int(rng.expovariate(1 / 1.5)))]
            if rng.random() < 0.3
            else self.members[min(rng.randrange(last + 1) for _ in range(4))]
            for _ in range(n)
        ]


class Search:
    """One problem, and what became of it so far. ``curve``: the share of the gap closed after each evaluation."""

    def __init__(self, problem: Problem, seed: int, evaluations: int) -> None:
        self.problem, self.evaluations = problem, evaluations
        self.rng = random.Random(seed)
        rule = expressions.read(problem.source, FUNCTION, problem.arguments)
        start = Version("0", problem.source, problem.first, rule.size, rule.structure)
        self.archive, self.known = Archive(start), {"0": start}
        self.tried: dict[str, None] = {_short(rule.form): None}
        self.history: list[dict[str, Any]] = []
        self.curve: list[float] = []
        self.counts = {"edits": 0, "valid": 0, "better": 0, "gains": 0}

    def view(self) -> dict[str, Any]:
        """What the improver is told, as in a life."""
        parents = [
            {"id": one.id, "source": one.source, "score": one.loss, "size": one.size}
            for one in self.archive.parents(self.rng)
        ]
        return {
            "kind": "quality", "objective": self.problem.family, "path": PATH, "function": FUNCTION, "wanted": WANTED,
            "plateau": 0.0, "experience": {}, "operators": [*OPERATORS, "crossover"],
            "seed": self.rng.getrandbits(63), "parents": parents, "history": self.history[-150:],
            "tried": [*self.tried],
        }  # fmt: skip

    def take(self, rows: Sequence[Any]) -> None:
        """Evaluate the first ``WANTED`` edits of an answer; each costs one evaluation, as do those that are missing."""
        for row in rows[:WANTED]:
            self._one(row)
            self._step()
        for _ in range(WANTED - min(WANTED, len(rows))):
            self._step()

    @property
    def over(self) -> bool:
        """Whether all evaluations are used."""
        return len(self.curve) >= self.evaluations

    def _step(self) -> None:
        if not self.over:
            self.curve.append(self.problem.gap(self.archive.members[0].loss))

    def _one(self, row: Any) -> None:
        read = edit_of(row)
        if read is None or self.over:
            return
        text, title, operator, origin = read
        self.counts["edits"] += 1
        try:
            rule = expressions.read(text, FUNCTION, self.problem.arguments)
        except expressions.NoRule:
            self._remember(title, operator, "invalid", None)
            return
        form = _short(rule.form)
        if form in self.tried:
            return
        self.tried[form] = None
        loss = families.measured(self.problem.loss, rule)
        if loss == float("inf"):
            self._remember(title, operator, "invalid", None)
            return
        new = Version(str(len(self.known)), text, loss, rule.size, rule.structure)
        self._count(new, self.known.get(origin))
        self.known[new.id] = new
        self._remember(title, operator, self.archive.outcome(new), loss)

    def _count(self, new: Version, parent: Version | None) -> None:
        self.counts["valid"] += 1
        self.counts["better"] += parent is not None and new.loss < parent.loss - 1e-9
        self.counts["gains"] += new.loss < min(one.loss for one in self.archive.members) - 1e-9

    def _remember(self, title: str, operator: str, outcome: str, score: float | None) -> None:
        self.history.append({"title": title, "operator": operator, "outcome": outcome, "score": score})


class Improvement(Exchange):
    """Searches one after the other in one process, so that an improver may use what it learned on the way."""

    def __init__(self, searches: Sequence[Search]) -> None:
        self.searches, self._at = list(searches), 0

    def first(self) -> dict[str, Any]:
        """The first message."""
        return self.searches[0].view()

    def reply(self, answer: object) -> object | None:
        """Evaluate the edits; the next view, of the next problem when this one's evaluations are used.

        Raises:
            InvalidAnswer: the answer is no list of edits.
        """
        if not isinstance(answer, list) or len(answer) > MOST_EDITS:
            raise InvalidAnswer(f"the answer must be a list of at most {MOST_EDITS} edits")
        self.searches[self._at].take(answer)
        self._at += self.searches[self._at].over
        return self.searches[self._at].view() if self._at < len(self.searches) else None

    def result(self) -> object:
        """For each problem the curve and what its edits were worth."""
        return [{"family": s.problem.family, "curve": s.curve, **s.counts} for s in self.searches]


class Improving(Task):
    """How good its suggestions are.

    Share of the gap to a good rule that is closed on average over ``EVALUATIONS`` evaluations, 0 to 1.
    """

    metric = "gap_closed"
    better = "higher"
    span = 1.0
    seconds = 0.2  # of four searches: races are sized by it

    def pool(self, split: Split) -> dict[str, object]:
        """What the claim is about: distributions of problems, without end."""
        return {"split": split, "problems": "fresh", "families": list(families.TRAIN), "evaluations": EVALUATIONS}

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` samples of one fresh problem of each family."""
        return [self.sample(np.random.default_rng([SPLITS.index(split), seed, i])) for i in range(n)]

    def sample(self, rng: np.random.Generator) -> Sample:
        """A sample from a generator."""
        problems = list(families.every(families.TRAIN, rng))
        seeds = [int(seed) for seed in rng.integers(0, 2**62, len(problems))]
        return sample_of(problems, seeds, EVALUATIONS)

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """One draw for a sample: problems of one process may depend on each other."""
        assert isinstance(answer, list)
        curves = [row["curve"] for row in answer]
        return [sum(sum(curve) / len(curve) for curve in curves) / len(curves)]

    def shown(self, sample: Sample, answer: object) -> str | None:
        """The share closed of each problem."""
        rows = answer if isinstance(answer, list) else []
        return "; ".join(f"{row['family']}: {row['curve'][-1]:.2f} of the gap closed" for row in rows)

    def damaged(self, source: str, function: str, strength: float = 0.95) -> str:
        """The improver with this share of its edits left out."""
        return f"""{source}

_before_{function} = {function}


def {function}(view):
    lot = random.Random(view["seed"])
    return [edit for edit in _before_{function}(view) if lot.random() >= {strength!r}]
"""

    def tempting(self, source: str, function: str) -> str:
        """The improver that returns the same edit many times over: a full answer, of which one counts."""
        return f"""{source}

_before_{function} = {function}


def {function}(view):
    return [edit for edit in _before_{function}(view)[:1] for _ in range(view["wanted"])]
"""


def sample_of(problems: Sequence[Problem], seeds: Sequence[int], evaluations: int) -> Sample:
    """A sample of these problems, each searched with its own seed."""

    def begun() -> Improvement:
        return Improvement([Search(p, seed, evaluations) for p, seed in zip(problems, seeds, strict=True)])

    return Sample(begun().first(), tuple(problems), begun)


def edit_of(row: Any) -> tuple[str, str, str, str] | None:
    """An edit's text, title, operator and parent, None if it is not of that form."""
    if not isinstance(row, dict):
        return None
    files, told = row.get("files"), [row.get(key) for key in ("title", "operator", "parent")]
    if not isinstance(files, dict) or list(files) != [PATH] or not all(isinstance(word, str) for word in told):
        return None
    text = files[PATH]
    if not isinstance(text, str):
        return None
    title, operator, parent = map(str, told)
    return text, title[:WORDS], operator[: WORDS // 5], parent[:40]


def _short(form: str) -> str:
    """The short name that an improver gives a form."""
    return hashlib.sha256(form.encode()).hexdigest()[:16]
