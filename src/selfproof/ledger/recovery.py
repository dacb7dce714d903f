"""What a writer takes over from the one before it: entries that no checkpoint covers yet, and who signs them.

Does not protect against:
- what `replay.py` does not protect against
"""

from typing import NamedTuple

from selfproof.ledger.blobs import Blobs
from selfproof.ledger.errors import LedgerBroken
from selfproof.ledger.frames import unsigned_hint
from selfproof.ledger.merkle import Tree, leaf_hash
from selfproof.ledger.replay import Replay
from selfproof.ledger.rotation import KINDS, Keys
from selfproof.ledger.statement import blobs_of


class State(NamedTuple):
    """What an append changes, replaced in one assignment so that an interrupt sees the old or the new."""

    end: int = 0
    tree: Tree = Tree()
    time: str = ""


def recovered(replay: Replay) -> tuple[State, Keys, list[bytes]]:
    """What is on disk, the keys that sign it, the hashes of its entries; LedgerBroken where it does not read back."""
    state, keys, hashes, blobs = State(), replay.keys, list[bytes](), Blobs(replay.folder)
    for frame, tree in replay.steps():
        turns = False
        if tree.size >= replay.checkpoint.size:  # older ones are covered by the signed root
            leaf = frame.leaf()
            unsigned = tree.size > replay.checkpoint.size
            # To sign an entry whose blob is gone would break the ledger for good.
            if unsigned and (fault := blobs.fault_of(blobs_of(leaf.body), set())):
                raise LedgerBroken(leaf.index, leaf.kind, fault + unsigned_hint(state.end))
            state, turns = State(frame.end, tree, leaf.time), unsigned and leaf.kind in KINDS
        keys = keys if turns else replay.keys
        hashes.append(leaf_hash(frame.raw))
    return state, keys, hashes
