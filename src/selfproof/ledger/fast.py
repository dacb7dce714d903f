"""Canonical JSON read four times as fast, for those who read a whole log.

Does not protect against:
- anything by itself: what it does not accept at once, `statement.document` judges
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from selfproof.ledger import statement
from selfproof.ledger.statement import Leaf

_BLOB = re.compile(rb'\{"\$blob":"([0-9a-f]{64})"\}')
_SPELL = msgspec.json.Encoder(order="sorted").encode


def document(raw: bytes) -> Any:
    """As `statement.document`.

    msgspec spells everything as the standard library does but large and small floats ("1e+16").
    """
    try:
        doc = _READ(raw)
        if _SPELL(doc) == raw:
            return doc
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    return statement.document(raw)


def blobs(leaf: Leaf) -> Iterable[str]:
    """As `statement.blobs_of`, from an entry's bytes where each `"$blob"` in them is a whole reference.

    In canonical JSON a quote within a text is escaped, so no text can look like a reference.
    """
    found = _BLOB.findall(leaf.raw)
    if len(found) == leaf.raw.count(b'"$blob"'):
        return [digest.decode() for digest in found]
    return statement.blobs_of(leaf.body)


def _float(text: str) -> float:
    number = float(text)
    if repr(number) != text:
        raise ValueError("a float with a second spelling")
    return number


_READ = msgspec.json.Decoder(float_hook=_float).decode
