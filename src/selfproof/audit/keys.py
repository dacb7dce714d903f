"""Replace the key that signs a log: the new one and the old one sign together for a while (`ledger/rotation.py`).

Does not protect against: whoever can read the new key; an old key that was copied before it was deleted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfproof import life as lives
from selfproof.ledger.replay import Replay, keys_at
from selfproof.ledger.rotation import key_file
from selfproof.nouns import UsageError
from selfproof.places import Paths


def told(ledger: Path) -> dict[str, Any]:
    """{"keys": all of a ledger's keys, the oldest first, "in_force": those that sign}; raises LedgerBroken."""
    replay = Replay.of(ledger)
    keys = keys_at(ledger, replay.verifier, replay.checkpoint.size + 1)
    return {"keys": [one.vkey for one in keys.chain], "in_force": [one.vkey for one in keys.in_force]}


def turned(folder: Path, turn: str) -> dict[str, Any]:
    """Put a new key in force ("new"), or end the one before it ("end"); then as ``told``.

    Raises:
        UsageError: two sign already, or only one does.
        SelfproofError: as ``life.opened``.
    """
    paths = Paths(folder)
    with lives.opened(folder) as life:
        before = told(paths.ledger)
        two = len(before["in_force"]) == 2
        if two == (turn == "new"):
            raise UsageError(
                "two keys sign already" if two else "only one key signs",
                advice="selfproof ledger key --end ends the older one." if two else "--new makes another.",
            )
        if turn == "new":
            life.log("key", life.ledger.next_key(), durable=True)
        else:
            life.log("key-end", {"vkey": before["in_force"][1]}, durable=True)
    if turn == "end":
        old = key_file(paths.key, len(before["keys"]) - 2)
        for file in (old, old.with_name(old.name + ".signed")):
            file.unlink(missing_ok=True)
    return told(paths.ledger)
