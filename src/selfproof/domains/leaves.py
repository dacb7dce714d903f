"""The two entries of a quality objective's batch: what is raced, and how it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from selfproof.charter import Objective
from selfproof.domains.base import candidate_row
from selfproof.life import Life
from selfproof.nouns import Candidate


def proposed(life: Life, objective: Objective, stream: str, batch: int, new: Sequence[tuple[Candidate, str]]) -> None:
    """Log the candidates of a batch, each with its form, before any of them is run."""
    version, incumbent = life.state.current, life.version(objective)
    rows = life.stored([candidate_row(candidate, incumbent, version, form) for candidate, form in new])
    life.log("propose", {"objective": stream, "batch": batch, "n": len(new), "candidates": rows})


def raced(life: Life, stream: str, batch: int, panel: int, trials: int, rows: list[dict[str, Any]]) -> None:
    """Log how they did on the panel of that number, and how many trials that took."""
    results = life.stored(rows)
    life.log("race", {"objective": stream, "batch": batch, "panel": panel, "trials": trials, "results": results})
