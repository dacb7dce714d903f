"""Your task as it is, with how long an answer usually takes, so that races are sized by it."""

from __future__ import annotations

from typing import ClassVar

from .yours import Yours

USUAL = 1.0  # seconds that an answer took when this was set up


class Sized(Yours):
    """The same samples, the same scores."""

    seconds: ClassVar[float] = USUAL
