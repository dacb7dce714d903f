"""Text that is on every machine with Python: cut into passages, split three ways, encoded as 97 symbols.

Passages (text between blank lines) are the unit: equal ones are kept once, and a passage's hash decides whether it
is learned from or held out, so no held-out passage was ever learned. 97 symbols: printable ASCII, the newline, and
one for everything else.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import sys
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SYMBOLS = 97
NEWLINE = 95
OTHER = 96
ORDERS = 7
SHARES = (("learn", 0.80), ("explore", 0.0667), ("confirm", 0.0667), ("report", 1.0))
SLICES = ("prose", "code", "tables", "non-ASCII")

_TABLE = np.full(0x110000, OTHER, dtype=np.uint8)
_TABLE[32:127] = np.arange(95, dtype=np.uint8)
_TABLE[10] = NEWLINE


def symbols(text: str) -> NDArray[np.uint8]:
    """Every character as one of 97 symbols."""
    return _TABLE[np.frombuffer(text.encode("utf-32-le", "replace"), dtype=np.uint32)]


def passages(text: str) -> list[str]:
    """The distinct passages of a text that have at least 20 characters, in order."""
    found: dict[str, None] = {}
    for raw in re.split(r"\n\s*\n", text):
        passage = raw.strip("\n") + "\n\n"
        if len(passage) >= 20:
            found[passage] = None
    return list(found)


def split(texts: Iterable[str], shares: Sequence[tuple[str, float]] = SHARES) -> dict[str, list[str]]:
    """Passages by their hash: learn 80%, explore, confirm and report a third of the rest each; or other ``shares``."""
    parts: dict[str, list[str]] = {name: [] for name, _ in shares}
    for passage in texts:
        draw = int.from_bytes(hashlib.sha256(passage.encode("utf-8", "replace")).digest()[:8], "big") / 2**64
        for name, share in shares:
            if draw < share:
                parts[name].append(passage)
                break
            draw -= share
    return parts


def line_slice(line: str) -> int:
    """Index in ``SLICES``: what kind of line this is, judged by its characters alone."""
    if any(ord(ch) > 126 for ch in line):
        return 3
    if re.search(r"\S {3,}\S|[-+=|]{4,}", line):
        return 2
    marks = sum(line.count(ch) for ch in "()[]{}=_:<>*\\") * 8
    return 1 if line.lstrip().startswith((">>>", "...", "#")) or marks > max(len(line.strip()), 1) else 0


@dataclass(frozen=True)
class Pool:
    """Positions to draw from: contexts of orders 0..6 as packed codes, the symbol that follows, the line's slice."""

    contexts: NDArray[np.uint64]
    truth: NDArray[np.uint8]
    slices: NDArray[np.uint8]
    digest: str

    @classmethod
    def of(cls, texts: Iterable[str]) -> Pool:
        """All positions of ``texts``; each text starts after six newlines, so no context crosses a border."""
        codes, truth, slices, digest = [], [], [], hashlib.sha256()
        for text in texts:
            digest.update(hashlib.sha256(text.encode("utf-8", "replace")).digest())
            symbol = symbols(text)
            codes.append(_codes(symbol))
            truth.append(symbol)
            for line in text.splitlines(keepends=True):
                slices.append(np.full(len(line), line_slice(line), dtype=np.uint8))
        if not truth:
            empty = np.zeros(0, dtype=np.uint8)
            return cls(np.zeros((ORDERS, 0), dtype=np.uint64), empty, empty, digest.hexdigest())
        return cls(np.concatenate(codes, axis=1), np.concatenate(truth), np.concatenate(slices), digest.hexdigest())


def _codes(symbol: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Row n: the n symbols before each position as one number in base 97."""
    padded = np.concatenate([np.full(ORDERS - 1, NEWLINE, dtype=np.uint64), symbol.astype(np.uint64)])
    rows = [np.zeros(len(symbol), dtype=np.uint64)]
    for n in range(1, ORDERS):
        start = ORDERS - 1 - n
        rows.append(rows[-1] + np.multiply(padded[start : start + len(symbol)], np.uint64(SYMBOLS ** (n - 1))))
    return np.stack(rows)


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


_DOCUMENTED = (
    type, types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType,
    types.GetSetDescriptorType, types.MemberDescriptorType, types.ClassMethodDescriptorType,
)  # fmt: skip


def docstrings() -> str:
    """What the modules that are compiled into the interpreter say of themselves (about 180,000 characters in 3.11).

    Only of what C code made, and nothing of ``sys``: other code may put things of its own there.
    """
    found: dict[str, None] = {}

    def look(holder: type | types.ModuleType, deep: int) -> None:
        for _, value in sorted(vars(holder).items()):
            if isinstance(value, _DOCUMENTED) and isinstance(value.__doc__, str):
                found.setdefault(value.__doc__)
                if isinstance(value, type) and deep:
                    look(value, deep - 1)

    for name in sorted({*sys.builtin_module_names} - {"sys"}):
        module = importlib.import_module(name)
        found.setdefault(module.__doc__ or "")
        look(module, 1)
    return "\n\n".join(found)


CORPORA = {"topics": topics, "source": standard_library, "docstrings": docstrings}
