"""The race: the cheap, uncertified search for candidates that deserve a confirmation.

After every pair on exploration seeds a candidate is out, through, or goes on. In units of their own spread the
differences' sum has to stay above a line that rises by ``drop`` for each pair and starts ``slack`` below 0 (a
sequential probability ratio test has such a line), and is through once its t reaches ``win``. The values come from
optimal stopping by dynamic programming in a world where few candidates are better (docs/gate.md): where candidates
cost nothing it pays to leave as soon as the mean falls below .35 spreads; the dearer a candidate, the more slack.
Nothing here carries a guarantee and nothing needs one: a confirmation uses fresh seeds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Standing = Literal["out", "on", "through"]


@dataclass(frozen=True)
class Preset:
    """The line, the t that is enough, and the most pairs that a race and a confirmation may use."""

    drop: float
    slack: float
    win: float
    most_pairs: int
    confirm_pairs: int


PRESETS = {
    "lean": Preset(0.35, 1.0, 2.4, 40, 250),
    "mid": Preset(0.30, 2.0, 2.2, 40, 250),
    "balanced": Preset(0.20, 2.0, 2.0, 40, 400),
}


def standing(preset: Preset, differences: Sequence[float]) -> Standing:
    """Where a candidate with these differences so far stands; its earlier standings were "on"."""
    n, t = len(differences), winsorised_t(differences)
    if t >= preset.win:
        return "through"
    leaves = t * math.sqrt(n) < preset.drop * n - preset.slack
    return "out" if leaves or n >= preset.most_pairs else "on"


def winsorised_t(differences: Sequence[float]) -> float:
    """Sum over root of the sum of squares, of differences held within one robust spread around 0: at most sqrt(n).

    Takes no centre off, so that one pair is enough, and differences of which most are 0 (pass or fail) count. Zero
    when there is no difference at all.
    """
    n, sizes = len(differences), sorted(map(abs, differences))
    most = 1.4826 * (sizes[(n - 1) // 2] + sizes[n // 2]) / 2 or sum(sizes) / n
    if not most:
        return 0.0
    total = squares = 0.0
    for value in differences:
        held = value / most
        if not -1.0 <= held <= 1.0:
            held = math.copysign(1.0, held)
        total += held
        squares += held * held
    return total / math.sqrt(squares)
