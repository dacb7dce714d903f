"""How many trials each step of an objective's way takes; fewer where one takes long.

All of it follows from what the task says of itself (``Task.seconds``, how long an answer usually takes) and from the
charter's workers, so that it does not hang on a clock. A panel only screens, and whoever leads on a short one has to
win a race on fresh pairs before a confirmation (``domains.slow``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BATCH_S = 5.0
"""Seconds that a batch of candidates may take on the panel, roughly: what a person waits for without a word."""
PANEL_S = 60.0
"""The same for scoring the population anew."""
SOME = 12
"""Most members of a population that was chosen by short samples: to score it anew then takes longer than a batch."""
CLOSING_S = 30.0
"""The same for the closing table."""


@dataclass(frozen=True)
class Sizes:
    """``panel``: explore samples a candidate is raced on; ``wanted``: edits asked for with each of two views;
    ``members`` of the population; ``ahead``: pairs a confirmation asks for at first, and later; ``watched``: pairs
    after an adoption, at first and at most; ``blocks`` of the closing table; ``pair_s``: wall clock of a pair, 0 where
    it is no matter.
    """

    panel: int = 8
    wanted: int = 24
    members: int = 60
    ahead: tuple[int, int] = (24, 24)
    watched: tuple[int, int] = (30, 90)
    blocks: int = 40
    pair_s: float = 0.0

    @property
    def batch(self) -> int:
        """Candidates of the improver's in one turn."""
        return 2 * self.wanted

    @property
    def redraw(self) -> int:
        """Candidates after which the panel is drawn anew."""
        return 16 * self.batch


USUAL = Sizes()
SINGLE = Sizes(panel=64, blocks=400)  # of a finite pool, one draw each
TIMED = Sizes(ahead=(12, 6), watched=(12, 48))
WATCHED = (USUAL.watched, TIMED.watched)
"""What an adoption may be watched with; which of them is in its ``confirm-start``."""


def watched_of(start: Mapping[str, Any]) -> tuple[int, int]:
    """Pairs after an adoption, at first and at most, by its ``confirm-start``; older ones leave it to the kind."""
    first, most = start.get("watched") or (TIMED if start["kind"] == "speed" else USUAL).watched
    return first, most


def of_slow(seconds: float, workers: int, items: int | None, short: float = 0.0) -> Sizes:
    """Sizes where an answer takes ``seconds``, ``workers`` at a time; ``items`` of a finite explore split.

    Where there are short samples, which take ``short`` seconds, about one candidate in four goes on from them.
    """
    each = seconds / workers
    panel = _within(round(2 / math.sqrt(seconds)), 2, 8)
    if items is not None:
        panel = min(items, _within(round(BATCH_S / each), 8, 64))
    whole = 0.6 * panel * each  # about four in ten leave early
    batch = BATCH_S / (short / workers + whole / 4 if short else whole)
    return Sizes(
        panel=panel,
        wanted=_within(math.ceil(batch / 2), max(1, workers), 24),
        members=_within(round(PANEL_S / (panel * each)), 4, SOME if short else 60),
        ahead=(10, max(2, workers)),
        watched=TIMED.watched,
        blocks=_within(round(CLOSING_S / (2 * each)), 4, 40),
        pair_s=2 * each,
    )


def _within(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))
