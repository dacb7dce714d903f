"""Recompute every decision from the ledger alone: what ``selfproof verify`` does. Never reads the archive.

First the structure (hashes, signatures, blobs; see ``ledger``), then each leaf against a fold of those before it:
every alpha_k from the charter's weights and the count of confirmations, every scale from the race's differences, every
bet from the recorded draws, every verdict, guard and adoption, every version's tree hash, every revealed seed key.

Does not protect against: results that were false when they were recorded (re-run trials for that), and an operator
who kept the key and rewrote the whole history (compare with an earlier checkpoint).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfproof.archive.state import State, apply
from selfproof.audit import models
from selfproof.audit.comparing import Wrong
from selfproof.audit.rules import CHECKS
from selfproof.ledger import Leaf, LedgerBroken, check, read


def audit(folder: Path) -> dict[str, Any]:
    """Check a ledger folder; ``ok``, ``entries``, ``root`` and ``first_bad`` ({"index", "kind", "reason"} or None)."""
    structure = check(folder)
    result = {"ok": structure.ok, "entries": structure.entries, "root": structure.root,
              "first_bad": structure.first_bad, "unsigned_tail": structure.unsigned_tail}  # fmt: skip
    if not structure.ok:
        return result
    state = State()
    reader = read(folder)
    leaf: Leaf | None = None
    try:
        for leaf in reader.leaves():
            rule = CHECKS.get(leaf.kind) or models.CHECKS.get(leaf.kind)
            if rule is not None:
                rule(state, leaf, reader)
            apply(state, leaf)
    except Exception as error:  # noqa: BLE001  whatever a forged entry makes this stumble over, it is malformed
        reason = str(error) if isinstance(error, Wrong | LedgerBroken) else f"malformed: {type(error).__name__} {error}"
        bad = {"index": leaf.index if leaf else 0, "kind": leaf.kind if leaf else "log", "reason": reason}
        return {**result, "ok": False, "first_bad": bad}
    return result
