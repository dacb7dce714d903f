"""Whether what was let go was the program's to let go: the charter's days, and nothing that anything else rests on.

Does not protect against: a text that is gone; what it was is known by its hash alone.
"""

from __future__ import annotations

import json

from selfproof import charter as charters
from selfproof.archive.state import State
from selfproof.audit.comparing import Source, must
from selfproof.ledger import Leaf
from selfproof.ledger.statement import blobs_of
from selfproof.ledger.verify import RETENTION
from selfproof.retention.taking import Batches, before


class Retaining:
    """Sees every entry, in order."""

    def __init__(self) -> None:
        self._batches = Batches()

    def see(self, state: State, leaf: Leaf, reader: Source) -> None:
        """Check an entry ``retention``, and that no other needs what was let go before it.

        Raises:
            Wrong: it may not be.
        """
        if leaf.kind == RETENTION:
            self._check(state, leaf, reader)
        if state.overseen.let_go and leaf.kind != "propose":
            must(state.overseen.let_go.keys().isdisjoint(blobs_of(leaf.body)), "it rests on what was let go before")
        self._batches.see(leaf)

    def _check(self, state: State, leaf: Leaf, reader: Source) -> None:
        body = leaf.body
        days = charters.parse(reader.get_blob(state.charter["charter"]).decode()).ledger.keep_days
        must(days > 0 and body["days"] == days, "texts were let go that the charter keeps")
        due = self._batches.older(before(leaf.time, days), state.overseen.let_go)
        stays = json.loads(reader.get_blob(body["rows"]["$blob"]))
        must(len(body["batches"]) == len(stays) > 0, "what stays is not of the batches that were let go")
        for row in body["batches"]:
            must(due.get(row["blob"]) == row["entry"], f"blob {row['blob']} may not be let go")
            rows, n = stays[row["blob"]], self._batches.found[row["blob"]][3]
            must(len(rows) == n == len({one["id"] for one in rows}), "what stays of a batch is not all of its rows")
