"""Paired results as bytes: one JSON line that says what they are, then little-endian float64 numbers.

Float64 throughout, so that an auditor's recomputation starts from the very numbers that the gate used.
"""

from __future__ import annotations

import array
import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from selfproof.nouns import Blobs


def pack(header: dict[str, Any], rows: Sequence[Sequence[float]]) -> bytes:
    """Rows of equal length; ``header`` must be plain JSON and gets the key ``shape``."""
    width = len(rows[0]) if rows else 0
    if any(len(row) != width for row in rows):
        raise ValueError("evidence rows must have equal length")
    numbers = array.array("d", [value for row in rows for value in row])
    if sys.byteorder == "big":
        numbers.byteswap()
    line = json.dumps({**header, "shape": [len(rows), width]}, sort_keys=True, separators=(",", ":"))
    return line.encode() + b"\n" + numbers.tobytes()


def unpack(data: bytes) -> tuple[dict[str, Any], list[tuple[float, ...]]]:
    """What ``pack`` was given.

    Raises:
        ValueError: malformed bytes, or a number that is not finite.
    """
    line, newline, body = data.partition(b"\n")
    header = json.loads(line)
    if not newline or not isinstance(header, dict):
        raise ValueError("evidence has no header line")
    height, width = header.pop("shape")
    numbers = array.array("d")
    numbers.frombytes(body)
    if sys.byteorder == "big":
        numbers.byteswap()
    if len(numbers) != height * width or not all(map(math.isfinite, numbers)):
        raise ValueError("evidence does not match its header")
    return header, [tuple(numbers[i * width : (i + 1) * width]) for i in range(height)]


def anchor_rows(guard: Mapping[str, Any], anchor: int, blobs: Blobs) -> list[tuple[float, ...]]:
    """A guard entry's rows against the anchor; none where it was not tested against it."""
    blob = guard["references"].get(str(anchor))
    return unpack(blobs.get_blob(blob["$blob"]))[1] if blob else []
