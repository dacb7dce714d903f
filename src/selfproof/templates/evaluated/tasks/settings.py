"""What was understood of the imported task. `selfproof import` writes this file anew."""

from __future__ import annotations

from typing import Any, Final

ASK: Final[dict[str, Any]] = {}
"""What every trial is asked with, besides its seed and the evaluator's files."""

EXAMPLES: Final[tuple[int, ...]] = ()
"""Numbers of the examples that differ; empty where there are none."""

IGNORED: Final[tuple[str, ...]] = ()
"""Metrics that describe a program and are no part of its score."""

STAGE: Final = 1
"""The last stage of the evaluator that the program reached when it was imported."""

SECONDS: Final = 0.0
"""What one evaluation took then, 0.0 where it is short and repeats: races are sized by it."""
