"""The closing table where the version that runs gives no answer in time: of the blocks before that, or told clearly."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from selfproof import closing
from selfproof.domains.base import Measured
from selfproof.domains.paired import IncumbentFailed
from selfproof.trial.task import Baseline

BLOCKS = 5


class Lately:
    """What a row asks of a task: draws of people's rules for as many blocks as it is given."""

    better, whole, slices = "lower", False, ()

    def samples(self, split: str, seed: int, n: int) -> list[Any]:
        return [SimpleNamespace(value=i) for i in range(n)]

    def baselines(self, seed: int, spent: int, samples: list[Any]) -> list[Baseline]:
        return [Baseline("a rule", "", ((2.0,),) * len(samples), 1)]

    def slice_of(self, sample: Any) -> tuple[int, ...]:
        return ()


def row_of(monkeypatch: pytest.MonkeyPatch, measured: Measured) -> dict[str, Any]:
    objective = SimpleNamespace(name="slow", metric="loss", better="lower")
    versions = iter([SimpleNamespace(id="0"), SimpleNamespace(id="1")] * 2)
    life: Any = SimpleNamespace(
        version=lambda *_: next(versions), fresh_seed=lambda *_: 1, archive=SimpleNamespace(counts=dict),
        charter=SimpleNamespace(guards=()),
    )  # fmt: skip
    domain: Any = SimpleNamespace(
        objective=objective, task=Lately(), stream="slow", sizes=SimpleNamespace(pair_s=0, blocks=BLOCKS)
    )
    monkeypatch.setattr(closing.trials, "prepare", lambda found: [SimpleNamespace(sample=one) for one in found])
    monkeypatch.setattr(closing.paired, "on_blocks", lambda *_: measured)
    monkeypatch.setattr(closing, "constants_only", lambda *_: None)
    monkeypatch.setattr(closing, "transfer", lambda *_: [])
    stop: Any = SimpleNamespace(left=100.0)
    steps = closing.quality_row(life, stop, domain, 0.0)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return dict(end.value)


@pytest.mark.parametrize("answered", [1, 3, BLOCKS])
def test_a_block_without_an_answer_shortens_the_row(monkeypatch: pytest.MonkeyPatch, answered: int) -> None:
    broken = None if answered == BLOCKS else "no valid answer on a fresh sample: timeout"
    row = row_of(monkeypatch, Measured(((3.0, 1.0),) * answered, 10, 1.0, "jail", broken))
    assert (row["start"], row["now"], row["blocks"]) == (3.0, 1.0, answered)
    assert row["best_human"]["value"] == 2.0
    assert row.get("unanswered") == ({"blocks": BLOCKS - answered, "why": broken} if broken else None)


def test_no_answer_at_all_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(IncumbentFailed, match="timeout"):
        row_of(monkeypatch, Measured((), 10, 1.0, "jail", "no valid answer: timeout"))
