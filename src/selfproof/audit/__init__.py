"""Recompute every decision from the ledger alone: what ``selfproof verify`` does. Never reads the archive.

The structure (hashes, signatures, blobs; see ``ledger``), and in the same pass each leaf against the fold so far:
every alpha_k from the charter's weights and the count of confirmations, every scale from the race's differences, every
bet from the recorded draws, every verdict, guard and adoption, every version's tree hash, every revealed seed key.

Does not protect against: results that were false when they were recorded (re-run trials for that), and an operator
who kept the key and rewrote the whole history (compare with an earlier checkpoint).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selfproof.archive.state import State, apply
from selfproof.audit import exchange, models, overseeing
from selfproof.audit.comparing import Wrong
from selfproof.audit.retaining import Retaining
from selfproof.audit.rules import CHECKS as RULES
from selfproof.ledger import Leaf, LedgerBroken, check, read
from selfproof.ledger.blobs import Blobs
from selfproof.ledger.merkle import root_at
from selfproof.upgrading import KINDS

CHECKS = {**overseeing.CHECKS, **models.CHECKS, **exchange.CHECKS, **RULES}


def audit(folder: Path) -> dict[str, Any]:
    """Check a ledger folder; ``ok``, ``entries``, ``root`` and ``first_bad`` ({"index", "kind", "reason"} or None).

    ``signer`` is whose account held the log's key, by the engine's own word: "own account" if it always was, else "same
    account", and None before the first run. ``unknown`` counts entries of kinds that this version has no rules for; of
    those it checks hashes and form alone. ``engine`` is which selfproof the newest run said that it was.
    """
    rules = _Rules(folder)
    structure = check(folder, rules.visit)
    bad = structure.first_bad or rules.first_bad
    return {"ok": bad is None, "entries": structure.entries, "root": structure.root, "first_bad": bad,
            "unsigned_tail": structure.unsigned_tail, "let_go": rules.let_go, "unknown": rules.unknown,
            "signer": rules.signer, "engine": rules.engine}  # fmt: skip


class _Rules:
    """Each entry against the fold of those before it, in one pass with the structure; what is first wrong."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._state, self._blobs = folder, State(), Blobs(folder)
        self._retaining = Retaining()
        self.unknown: dict[str, int] = {}
        self.first_bad: dict[str, Any] | None = None
        self.signer: str | None = None
        self.engine: dict[str, str] | None = None

    def get_blob(self, digest: str) -> bytes:
        """A blob's bytes, as rules ask for them."""
        return self._blobs.get(digest)

    @property
    def let_go(self) -> int:
        """How many blobs were let go (``keep_days``), whether they are still there or not."""
        return len(self._state.overseen.let_go)

    def root_at(self, size: int) -> bytes | None:
        """The root of the first ``size`` entries."""
        return root_at((leaf.raw for leaf in read(self._folder).leaves()), size)

    def visit(self, leaf: Leaf) -> None:
        """Check one entry and take it into the state; nothing after the first fault, since it rests on it."""
        if self.first_bad is not None:
            return
        try:
            rule = CHECKS.get(leaf.kind)
            if leaf.kind not in KINDS:
                self.unknown[leaf.kind] = self.unknown.get(leaf.kind, 0) + 1
            overseeing.idle(self._state, leaf)
            self._retaining.see(self._state, leaf, self)
            if rule is not None:
                rule(self._state, leaf, self)
            apply(self._state, leaf)
            if leaf.kind == "engine":
                self.engine = {key: str(leaf.body[key]) for key in ("version", "package")}
            if leaf.kind == "seed-commit" and self.signer != "same account":
                self.signer = leaf.body.get("signer", "same account")
        except Exception as error:  # noqa: BLE001  whatever a forged entry makes this stumble over, it is malformed
            told = isinstance(error, Wrong | LedgerBroken)
            reason = str(error) if told else f"malformed: {type(error).__name__} {error}"
            self.first_bad = {"index": leaf.index, "kind": leaf.kind, "reason": reason}
