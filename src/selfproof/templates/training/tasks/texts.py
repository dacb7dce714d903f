"""Text that is on every machine with Python, as bytes of 97 symbols, split by passages.

Passages (text between blank lines) are the unit: equal ones are kept once, and a passage's hash decides whether it is
trained on or held out. 97 symbols: printable ASCII, the newline, and one for everything else.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 97
NEWLINE = 95
OTHER = 96
FURTHEST = 12
"""The longest context, in symbols."""
SHARES = (("learn", 0.80), ("explore", 0.0667), ("confirm", 0.0667), ("report", 1.0))
LEAST = 20  # characters of a passage

_TABLE = np.full(0x110000, OTHER, dtype=np.uint8)
_TABLE[32:127] = np.arange(95, dtype=np.uint8)
_TABLE[10] = NEWLINE


def topics() -> str:
    """The Python documentation topics that every CPython carries (about 465,000 characters in 3.11)."""
    from pydoc_data import topics as module

    return "\n\n".join(module.topics[name] for name in sorted(module.topics))


def standard_library(most: int = 500_000) -> str:
    """Source of standard-library modules, in an order given by the hashes of their names, up to ``most`` characters."""
    folder = Path(os.__file__).parent
    names = sorted((p.name for p in folder.glob("*.py")), key=lambda name: hashlib.sha256(name.encode()).digest())
    text = ""
    for name in names:
        if len(text) >= most:
            break
        text += "\n\n" + (folder / name).read_text(encoding="utf-8", errors="replace")
    return text


CORPORA = {"topics": topics, "source": standard_library}


def split(text: str) -> dict[str, NDArray[np.uint8]]:
    """The symbols of each part, its passages one after the other; no held-out passage is trained on.

    Each part begins with ``FURTHEST`` newlines, so that every later position has a whole context.
    """
    parts: dict[str, list[str]] = {name: [] for name, _ in SHARES}
    passages = {raw.strip("\n") + "\n\n": None for raw in re.split(r"\n\s*\n", text)}
    for passage in passages:
        draw = int.from_bytes(hashlib.sha256(passage.encode("utf-8", "replace")).digest()[:8], "big") / 2**64
        for name, share in SHARES:
            if draw < share:
                if len(passage) >= LEAST:
                    parts[name].append(passage)
                break
            draw -= share
    return {name: _symbols("\n" * FURTHEST + "".join(some)) for name, some in parts.items()}


def _symbols(text: str) -> NDArray[np.uint8]:
    return _TABLE[np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)]
