"""The puzzles' tasks as they are shipped, and their programs with other rules."""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence
from importlib import resources
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from selfproof.jail import Limits, Pool
from selfproof.templates.puzzles.tasks.game24 import Game24
from selfproof.templates.puzzles.tasks.shop import Shop
from selfproof.trial import blocks
from selfproof.trial.task import Sample

Rank = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def source(name: str, rule: str | None = None, after: str = "") -> str:
    """A file of the template's program, with another rule and more code at its end."""
    text = (resources.files("selfproof") / "templates/puzzles/program" / name).read_text(encoding="utf-8")
    start = {"policy.py": "    return 0.0 * n\n", "dispatch.py": "    return 0.0 * w\n"}[name]
    assert text.count(start) == 1
    return text.replace(start, f"    return {rule}\n" if rule else start) + after


def rank_of(text: str) -> Rank:
    """``rank`` of a program, in this process."""
    module = types.ModuleType("rule")
    exec(compile(text, "rule.py", "exec"), module.__dict__)
    rank: Rank = module.__dict__["rank"]
    return rank


def mean(task: Any, rank: Rank, samples: Sequence[Sample]) -> float:
    return float(np.mean([task.draws(sample, rank(sample.value)) for sample in samples]))


@pytest.fixture(scope="session")
def game24() -> Game24:
    return Game24()


@pytest.fixture(scope="session")
def shop() -> Shop:
    return Shop()


@pytest.fixture(scope="session")
def depends(pool: Pool) -> Callable[[Any, str, str], bool]:
    """Whether the engine finds, in the real jail, that a program's answers depend on their company."""

    def found(task: Any, path: str, text: str) -> bool:
        samples = task.samples("confirm", 21, 3)
        others, origin = task.regroup(samples, 22)
        first, again = blocks.prepare(samples), blocks.prepare(others)
        one, two = (
            pool.map([blocks.job({path: text}, f"{path}:rank", [b], Limits(wall_s=20.0)) for b in part])
            for part in (first, again)
        )
        return blocks.company_matters(task, first, one, again, two, origin)

    return found


@pytest.fixture(scope="session")
def pool() -> Any:
    with Pool(1) as made:
        yield made


@pytest.fixture(scope="session")
def tools() -> Any:
    """The helpers above, by name: several folders have a ``conftest`` of their own."""
    return types.SimpleNamespace(source=source, rank_of=rank_of, mean=mean)
