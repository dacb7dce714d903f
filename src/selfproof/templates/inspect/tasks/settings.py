"""What was understood of the imported task. `selfproof import` writes this file anew."""

from __future__ import annotations

from typing import Any, Final

SCORER: Final[str] = ""
"""The function that makes the scorer."""

ARGUMENTS: Final[dict[str, Any]] = {}
"""What it was made with."""

MODULE: Final[str] = ""
"""The file in `original/` that defines it; "" for one of Inspect's own."""

SPAN: Final[float | None] = None
"""The largest difference of two scores: 1.0 where they lie between 0 and 1, None where that is not known."""

SECONDS: Final = 0.0
"""What one answer took, 0.0 where it is short and repeats."""
