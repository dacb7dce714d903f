"""Batches of candidates whose texts were let go (``keep_days`` in the charter): their rows, without the texts.

An entry ``retention`` names the blobs and holds, in one blob of its own, what stays of each: every row with its id,
parent, title, operator and form, and the texts of those that a search still builds on. Whoever reads a batch reads that
where the blob is gone, and so the archive comes out the same from whichever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from selfproof.ledger import LedgerBroken

GONE = "let_go"
"""In a row: its texts were let go, and ``files`` says nothing."""
GetBlob = Callable[[str], bytes]


def without_texts(row: Mapping[str, Any]) -> dict[str, Any]:
    """What stays of a row whose texts are let go."""
    return {**row, "files": {}, GONE: True}


def kept(get_blob: GetBlob, let_go: Mapping[str, str]) -> GetBlob:
    """The same, with what stays of a batch in place of one that was let go; ``let_go`` names the blob that has it."""
    last: dict[str, dict[str, Any]] = {}

    def get(digest: str) -> bytes:
        instead = let_go.get(digest)
        if instead is None:
            return get_blob(digest)
        try:
            return get_blob(digest)  # it may still be there: a kill came in between, or somebody put it back
        except LedgerBroken:
            if instead not in last:
                last.clear()
                last[instead] = json.loads(get_blob(instead))
            return json.dumps(last[instead][digest]).encode()

    return get
