"""What a ledger says, read once for reports: the fold, the charter in force, and where each statement stands."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from selfproof import charter as charters
from selfproof.archive.state import State, apply
from selfproof.audit.sharing import Shared
from selfproof.ledger import Leaf
from selfproof.ledger.merkle import leaf_hash
from selfproof.viewing.seen import View

BULK = frozenset({"propose", "race", "results", "texts", "model-race", "model-results"})
"""Kinds of which there are many, and whose bodies no report repeats."""


class Facts(View):
    """The signed part of a ledger. ``at`` maps (kind, confirmation or version) to the numbers of its entries."""

    def __init__(self, ledger: Path, witnessed: Path | None = None) -> None:
        """Read it.

        Raises:
            LedgerBroken: an entry, the key or the checkpoint does not read back.
        """
        self.shared = Shared(ledger, witnessed)
        self.reader = self.shared.reader
        self.state, self.kept = State(), list[Leaf]()
        self.kinds: Counter[str] = Counter()
        self.named: dict[int, tuple[str, str, str]] = {}
        """Kind, time and leaf hash of each entry, by its number."""
        self.at: dict[tuple[str, int], list[int]] = {}
        self.proposed: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()
        for leaf in self.reader.leaves():
            if leaf.index < self.shared.signed.size:
                self._take(leaf)
        self.charter = charters.parse(self.blob(self.state.charter["charter"]).decode())

    def _take(self, leaf: Leaf) -> None:
        apply(self.state, leaf)
        self.kinds[leaf.kind] += 1
        self.named[leaf.index] = (leaf.kind, leaf.time, leaf_hash(leaf.raw).hex())
        for key in ("confirmation", "version"):
            if isinstance(of := leaf.body.get(key), int):
                self.at.setdefault((leaf.kind, of), []).append(leaf.index)
        if leaf.kind == "propose":
            self.proposed[leaf.body["objective"]] += leaf.body["n"]
        elif leaf.kind == "race":
            self.outcomes.update(row["outcome"] for row in self._rows(leaf.body["results"]))
        if leaf.kind not in BULK:
            self.kept.append(leaf)

    def _rows(self, stored: Any) -> list[dict[str, Any]]:
        import json

        rows: list[dict[str, Any]] = json.loads(self.blob(stored["$blob"])) if isinstance(stored, dict) else stored
        return rows

    def blob(self, digest: str) -> bytes:
        """A blob of the ledger."""
        return self.reader.get_blob(digest)

    def of(self, *kinds: str) -> list[Leaf]:
        """All entries of these kinds, in order."""
        return [leaf for leaf in self.kept if leaf.kind in kinds]

    def entries(self, of: int, *kinds: str) -> list[int]:
        """The numbers of the entries of these kinds that are about one confirmation, or one version."""
        return sorted(number for kind in kinds for number in self.at.get((kind, of), ()))

    def metric(self, objective: str) -> str:
        """The name of an objective's metric; "" of one that the charter has no more."""
        return next((one.metric for one in self.charter.objectives if one.name == objective), "")

    @property
    def as_of(self) -> str:
        """The time of the last entry: a report has no other clock."""
        return self.named[max(self.named)][1]
