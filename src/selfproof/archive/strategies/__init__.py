"""Search strategies: pure functions from what is known of an archive to what is tried next, by name.

``nodes`` is the evidence, ``protocol`` what a strategy is; ``weighted`` has those that draw parents with printed
probabilities, ``posterior`` those that draw from Beta posteriors (``beta``). None keeps state, none changes what it
reads, and all chance comes from the ``random.Random`` that is handed in. docs/strategies.md has the definitions.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from functools import partial

from selfproof.archive.strategies.nodes import Evidence, Node
from selfproof.archive.strategies.posterior import Hgm, Thompson
from selfproof.archive.strategies.protocol import Action, Evaluate, Expand, Strategy
from selfproof.archive.strategies.weighted import (
    Default,
    Dgm,
    Greedy,
    Hyperagents,
    LatestOnly,
    MapElites,
    ScoreOnly,
    Uniform,
)
from selfproof.nouns import UsageError

__all__ = ["DEFAULT", "NAMES", "Action", "Evaluate", "Evidence", "Expand", "Node", "Strategy", "named"]

DEFAULT = "default"
DGM_STAGES = ((10, 0.0), (60, 0.4))

_MAKERS: dict[str, Callable[[], Strategy]] = {
    DEFAULT: Default,
    "greedy": Greedy,
    "dgm": Dgm,
    "dgm-staged": partial(Dgm, stages=DGM_STAGES),
    "dgm-score-prop": ScoreOnly,
    "dgm-random": Uniform,
    "dgm-no-darwin": LatestOnly,
    "hyperagents": Hyperagents,
    "hgm": Hgm,
    "map-elites": MapElites,
    "thompson": Thompson,
}
NAMES = tuple(_MAKERS)


def named(name: str) -> Strategy:
    """The strategy of that name, with the constants of its source.

    Raises:
        UsageError: no strategy is called so; the advice names the nearest, and all.
    """
    if name not in _MAKERS:
        near = [f"Did you mean {word!r}? " for word in difflib.get_close_matches(name, NAMES, n=1)]
        advice = "".join(near) + f"Strategies: {', '.join(NAMES)}."
        raise UsageError(f"no search strategy is called {name!r}", advice=advice)
    return _MAKERS[name]()
