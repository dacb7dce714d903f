"""Search strategies side by side: the same worlds, the same budgets of task runs, one row for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from selfproof.archive.strategies import DEFAULT, NAMES, named
from selfproof.simulate.trees import WORLDS, Searched, TreeWorld, search, world

RESAMPLES = 4000
Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Contest:
    """Which strategies meet in which worlds: ``seeds`` worlds of each kind, ``budget`` task runs in each."""

    strategies: tuple[str, ...] = NAMES
    worlds: tuple[str, ...] = tuple(WORLDS)
    budget: int = 1000
    seeds: int = 20
    seed: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The strategies, the default first: everything is compared with it."""
        return (DEFAULT, *(name for name in dict.fromkeys(self.strategies) if name != DEFAULT))


def hold(contest: Contest, *, progress: Progress = lambda done, total: None) -> Iterator[dict[str, Any]]:
    """One row for each kind of world, as they are done: what ``--json`` prints of it.

    Raises:
        UsageError: a strategy or a world that is not known.
    """
    kinds = [world(name) for name in dict.fromkeys(contest.worlds)]
    for name in contest.names:
        named(name)
    total = len(kinds) * len(contest.names)
    for at, kind in enumerate(kinds):
        found: dict[str, list[Searched]] = {}
        for name in contest.names:
            found[name] = [search(kind, named(name), name, s, contest.budget) for s in _seeds(contest)]
            progress(at * len(contest.names) + len(found), total)
        yield {"world": kind.name, "strategies": table(kind, found, contest.seed)}


def _seeds(contest: Contest) -> range:
    return range(contest.seed * 1_000_003, contest.seed * 1_000_003 + contest.seeds)


def table(kind: TreeWorld, found: Mapping[str, Sequence[Searched]], seed: int) -> list[dict[str, Any]]:
    """One row for each strategy; intervals are 95% bootstrap intervals over worlds, the same resamples for all."""
    first = _column(found[DEFAULT], "true")
    picks = np.random.default_rng([seed, len(first)]).integers(0, len(first), (RESAMPLES, len(first)))
    rows = []
    for name, searched in found.items():
        true = _column(searched, "true")
        rows.append({
            "strategy": name,
            "true": _with_interval(true, picks),
            "gain": _with_interval(true - kind.start, picks),
            "difference": None if name == DEFAULT else _with_interval(true - first, picks),
            "claimed": float(np.mean([s.claimed for s in searched if s.claimed is not None] or [np.nan])),
            "best": float(_column(searched, "best").mean()),
            "nodes": float(_column(searched, "nodes").mean()),
            "runs": float(_column(searched, "runs").mean()),
        })  # fmt: skip
    return rows


def _column(searched: Sequence[Searched], name: str) -> Floats:
    return np.array([getattr(one, name) for one in searched], dtype=np.float64)


def _with_interval(values: Floats, picks: npt.NDArray[np.int64]) -> dict[str, Any]:
    """The mean with its percentile bootstrap interval; None for a single world."""
    mean = float(values.mean())
    if len(values) < 2:
        return {"mean": mean, "interval": None}
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return {"mean": mean, "interval": [float(low), float(high)]}
