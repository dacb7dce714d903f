"""The checks of ``make chaos`` notice what they are there for; and, with full counts, half a minute of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from selfproof.ledger import Leaf

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
chaos: Any = pytest.importorskip("chaos")


def leaf(index: int, kind: str, **body: Any) -> Leaf:
    return Leaf(index, kind, body, b"", "")


def test_what_is_lost_or_twice_is_told() -> None:
    sound = [leaf(1, "adopt", version=1, tree="a"), leaf(2, "adopt", version=2, tree="b")]
    assert not list(chaos.lost(sound, {1, 2})) and not list(chaos.twice(sound))
    assert list(chaos.lost(sound, {1, 3})) == ["the adoption of version 3 is lost"]
    assert list(chaos.twice([*sound, leaf(3, "adopt", version=2, tree="c")])) == ["versions are [1, 2, 2]"]
    assert list(chaos.twice([*sound, leaf(3, "adopt", version=3, tree="a")])) == ["tree a was adopted 2 times"]
    spent = [leaf(n, "confirm-start", counter="guess", k=1) for n in (1, 2)]
    assert list(chaos.twice(spent)) == ["level ('guess', 1) was spent 2 times"]


def test_a_candidate_that_was_charged_wrongly_is_told() -> None:
    rows = [{"id": "a" * 64, "outcome": "raced"}, {"id": "b" * 64, "outcome": "invalid"}]
    assert not list(chaos.charged([leaf(4, "race", results=rows[:1])], lambda digest: b""))
    stored = leaf(4, "race", results={"$blob": "x"})
    assert list(chaos.charged([stored], lambda digest: json.dumps(rows).encode())) == [
        "entry 4: candidate bbbbbbbbbbbb is said to be invalid"
    ]
    refused = leaf(5, "verdict", answer="refused", reason="the candidate failed on a fresh sample")
    assert list(chaos.charged([refused], lambda digest: b""))


def test_a_ledger_that_is_not_longer_than_it_was_is_told(finite_life: Any) -> None:
    seen = chaos.Seen(finite_life.folder)
    seen.check()
    assert seen.size > 10 and not seen.faults
    seen.size, seen.root = seen.size - 3, b"x" * 32
    seen.check()
    assert seen.faults == [f"the first {seen.size - 3} entries are not what they were"]


@pytest.mark.slow
def test_half_a_minute_of_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "benchmarks" / "chaos.py", "--minutes", "0.5", "--json", "--at", tmp_path / "p"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert not told["wrong"] and told["runs"] >= 2 and told["adopted"]
