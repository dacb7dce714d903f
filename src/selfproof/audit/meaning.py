"""What a first bad entry means to whoever reads it: one sentence, by the kind of fault.

Does not protect against: a fault whose cause is another than the usual one; the reason beside it is what was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_FILES = {
    "log": "The entries are not those that the log's key signed: one was changed, dropped or moved without it.",
    "checkpoint": "What should be signed by the log's key is not: the note was changed, or somebody else signed it.",
    "vkey": "The key beside the log is not the one that its first entry names: one of the two was exchanged.",
    "blob": "Bytes that the log refers to are lost or changed; what rests on them cannot be recomputed.",
    "stray": "Something lies in the folder that nothing vouches for. Move it away and look where it came from.",
    "tile": "The static files are not those of these entries: take the bundle from its source again.",
    "key": "This is another log than the one whose key you hold, or one that was signed anew under another key.",
}
_DECISIONS = {
    "confirm-start": "A change was to be tested at another level, scale or seed than the rules give.",
    "verdict": "A verdict does not follow from the recorded pairs: what it calls certified or refused is not shown.",
    "results": "Pairs are missing, twice, or of another test: the evidence of a verdict cannot be relied on.",
    "adopt": "A version was adopted without what must come before, or with other files than were tested.",
    "guard": "A guard's answer does not follow from its runs: something may have become worse.",
    "charter": "The rules were changed in a way that one life does not allow.",
    "seed-reveal": "The seeds are not those that were committed to before they were used: they may have been chosen.",
}


def meaning(bad: Mapping[str, Any]) -> str:
    """What it means that ``bad`` ({"index", "kind", "reason"}) is the first bad entry."""
    reason = str(bad["reason"])
    if bad["index"] is None or reason.startswith("blob "):
        return _FILES.get("blob" if reason.startswith("blob ") else bad["kind"], _FILES["log"])
    if "checksum" in reason or "length" in reason or reason.startswith("missing"):
        return "The bytes were damaged, or changed by somebody without the log's key; nothing behind them counts."
    told = _DECISIONS.get(bad["kind"], "The entry does not follow from those before it.")
    return f"{told} Whoever holds the log's key wrote it so."
