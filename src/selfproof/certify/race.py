"""The race: the cheap, uncertified search for candidates that deserve a confirmation.

Rungs of pairs against the incumbent on exploration seeds; a candidate leaves as soon as its robust t falls below the
rung's cut. Nothing here carries a guarantee and nothing needs one: a confirmation uses fresh seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from selfproof.certify.scale import robust_t


@dataclass(frozen=True)
class Preset:
    """Pairs and cut at each rung, and the most pairs that a confirmation may use."""

    rungs: tuple[int, int, int]
    cuts: tuple[float, float, float]
    confirm_pairs: int


PRESETS = {
    "lean": Preset((3, 6, 12), (1.0, 1.0, 1.5), 150),
    "mid": Preset((4, 8, 16), (0.8, 1.0, 1.4), 250),
    "balanced": Preset((8, 16, 32), (0.6, 1.1, 1.6), 400),
}


def stays(preset: Preset, differences: Sequence[float]) -> bool:
    """Whether a candidate with these differences so far passes every rung that it has reached."""
    return all(
        robust_t(differences[:pairs]) >= cut
        for pairs, cut in zip(preset.rungs, preset.cuts, strict=True)
        if len(differences) >= pairs
    )
