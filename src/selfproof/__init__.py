"""selfproof: a living program that rewrites its own code, and proves every step.

``selfproof.improve(function)`` and ``selfproof.live(...)`` are the whole of it from Python; they are loaded when they
are first named, so that importing this package costs nothing.
"""

import importlib
from typing import Any

__version__ = "0.1.0"
_LATER = frozenset({"improve", "live", "Result"})


def __getattr__(name: str) -> Any:
    """What is loaded when it is first named."""
    if name in _LATER:
        return getattr(importlib.import_module("selfproof.improving"), name)
    raise AttributeError(f"module 'selfproof' has no attribute {name!r}")


def __dir__() -> list[str]:
    """What there is, loaded or not."""
    return sorted({*globals(), *_LATER})
