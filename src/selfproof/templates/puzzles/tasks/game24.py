"""The Game of 24 as a task: rank states so that a search of 25 expansions solves hands never seen. Trusted code.

A sample is a block of 64 hands of the split. The program sees every state of three or two numbers that any of them
can lead to, each once, mixed, and without a word on which hand it belongs to: it answers with one score for each. The
search runs here (``search.py``), so its budget is kept whatever the program does.

The 1,362 hands of four numbers in 1..13 that can be solved are all there are, split by hash. Blocks are drawn from a
split's hands, independently for each seed, so that a claim is exact for that split's hands, whose number and hash are
in the certificate, and needs no lifetime: what a ``FiniteTask`` pays for, that a hold-out stands for more than its
items, is not claimed. For hands in general the report split speaks, which nothing is chosen on.

What bounds a policy: states are scored one by one (``regroup`` mixes them anew before an adoption, and an answer that
changes is refused), and the charter's ``max_cost``. A score that looks ahead from one state's own numbers makes
expansions cheaper by being dearer itself; one that does so to the end solves every hand. Nothing here can tell it from
another rule, so the charter's ceiling on CPU is what keeps it out (docs/puzzles.md has what it costs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from selfproof.nouns import Split
from selfproof.trial.task import Baseline, InvalidAnswer, Sample, Task

from . import players
from .search import BUDGET, Block
from .states import TARGET, Game, game

HANDS = 64
SHARES: tuple[tuple[Split, float], ...] = (("explore", 0.4), ("confirm", 0.3), ("report", 0.3))
PRICE = 1 / 10
"""Of the whole budget: PAR10, the penalised average run time of algorithm configuration (Hutter et al. 2009), which
counts an unsolved instance as ten times the budget, turned so that 1 is best."""

Floats = NDArray[np.float64]


def answered(answer: object, rows: int) -> Floats:
    """The program's scores.

    Raises:
        InvalidAnswer: no float array of this length, or a value that is not finite.
    """
    if not isinstance(answer, np.ndarray) or answer.dtype.kind != "f":
        raise InvalidAnswer("the answer must be a float array")
    if answer.shape != (rows,):
        raise InvalidAnswer(f"the answer must have shape {(rows,)}, got {answer.shape}")
    scores = answer.astype(np.float64)
    if not np.isfinite(scores).all():
        raise InvalidAnswer("scores must be finite")
    return scores


class Game24(Task):
    """How many hands of the Game of 24 it solves.

    1 for a hand that is solved, less a tenth of the share of the budget that it took; 0 for one that is not.
    """

    metric = "solved_par10"
    better = "higher"
    span = 1.0
    slices = ("one way", "two ways", "three and four ways", "more ways")
    target: ClassVar[int] = TARGET

    @cached_property
    def game(self) -> Game:
        """All states."""
        return game(self.target)

    @cached_property
    def parts(self) -> dict[Split, list[int]]:
        """Numbers of hands by split, those that can be solved in fewer ways first."""
        found: dict[Split, list[int]] = {split: [] for split, _ in SHARES}
        for number in np.argsort(self.game.ways, kind="stable").tolist():
            digest = hashlib.sha256(repr(self.game.hands[number].tolist()).encode()).digest()
            draw = int.from_bytes(digest[:8], "big") / 2**64
            found["explore" if draw < SHARES[0][1] else "confirm" if draw < 1 - SHARES[2][1] else "report"].append(
                number
            )
        return found

    def pool(self, split: Split) -> dict[str, object]:
        """What the claim is about: number and hash of the hands that blocks are drawn from."""
        hands = sorted(self.game.hands[self.parts[split]].tolist())
        return {"split": split, "hands": len(hands), "sha256": hashlib.sha256(repr(hands).encode()).hexdigest()}

    def samples(self, split: Split, seed: int, n: int) -> list[Sample]:
        """``n`` fresh blocks: a hand from each of 64 equal slices of the split, drawn independently."""
        rng, part = np.random.default_rng(seed), self.parts[split]
        found = []
        for _ in range(n):
            places = (np.arange(HANDS) + rng.random(HANDS)) * (len(part) / HANDS)
            hands = [part[min(int(place), len(part) - 1)] for place in places]
            found.append(self.block(hands, rng))
        return found

    def block(self, hands: Sequence[int], rng: np.random.Generator) -> Sample:
        """A sample of these hands; hidden are the hands, the search and where each of its states is in the sample."""
        block = Block(self.game, hands)
        order = rng.permutation(len(block.states))
        return Sample(block.states[order], (hands, block, order))

    def draws(self, sample: Sample, answer: object) -> Sequence[float]:
        """The score of each hand.

        Raises:
            InvalidAnswer: not one finite float for each state.
        """
        scores = answered(answer, len(sample.value))
        if sample.hidden is None:  # states in other company belong to no hand
            return []
        _, block, order = sample.hidden
        mixed = np.empty(len(scores))
        mixed[order] = scores
        return worth(block.expanded(mixed))

    def slice_of(self, sample: Sample) -> Sequence[int]:
        """How many of a hand's first moves keep it solvable."""
        ways = self.game.ways[sample.hidden[0]]
        kinds: list[int] = np.searchsorted([1, 2, 4], ways).tolist()
        return kinds

    def rows(self, sample: Sample, answer: object) -> Floats:
        """The scores as a column: they are compared as they are."""
        return answered(answer, len(sample.value))[:, None]

    def regroup(self, samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[tuple[int, int]]]:
        """The states of all hands mixed anew, and where each of them came from."""
        origin = [(i, j) for i, sample in enumerate(samples) for j in range(len(sample.value))]
        order = np.random.default_rng(seed).permutation(len(origin))
        states = np.concatenate([sample.value for sample in samples])
        found = [Sample(np.ascontiguousarray(states[cut])) for cut in np.array_split(order, len(samples))]
        return found, [origin[i] for i in order]

    def damaged(self, source: str, function: str, strength: float = 0.95) -> str:
        """The policy with this share of states in the worst order there is: breadth first."""
        return f"""{source}

_before_{function} = {function}


def {function}(states):
    found = _before_{function}(states)
    lot = np.abs(np.sin(states @ np.array([12.9898, 78.233, 37.719, 4.581])) * 43758.5453) % 1.0
    return np.where(lot < {strength!r}, np.where(states[:, 3] > 2.5, 1e30, -1e30), found)
"""

    def tempting(self, source: str, function: str) -> str:
        """The policy made hasty: it follows its best first move to the end, sooner done where that is right."""
        return f"""{source}

_before_{function} = {function}


def {function}(states):
    a, b = states[:, 0], states[:, 1]
    near = np.minimum(np.abs(a * b - 24.0), np.minimum(np.abs(a + b - 24.0), np.abs(a - b - 24.0)))
    return np.where(states[:, 3] > 2.5, _before_{function}(states) / 1e20, 1.0 / (1.0 + near))
"""

    def baselines(self, seed: int, evaluations: int, samples: Sequence[Sample]) -> list[Baseline]:
        """The rules of ``players.py`` on these samples, tuned on blocks of the explore split."""
        explore = self.samples("explore", seed, 8)
        found = []
        for name, rule, best in players.tuned(self, explore, evaluations, seed):
            draws = tuple(tuple(self.draws(s, rule(s.value, best))) for s in samples)
            found.append(Baseline(name, " ".join(f"{p:.2f}" for p in best) or "nothing to tune", draws))
        return found


def worth(expanded: NDArray[np.int64]) -> list[float]:
    """What a hand counts that was solved with so many expansions; 0 expansions: not solved."""
    values: list[float] = np.where(expanded > 0, 1.0 - PRICE * expanded / BUDGET, 0.0).tolist()
    return values
