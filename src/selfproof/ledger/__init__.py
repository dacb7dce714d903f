"""The ledger: an append-only, signed Merkle log of everything that changes state.

Importable without the rest of selfproof: it needs the standard library, `cryptography` and `msgspec`.

    <folder>/log          frames of in-toto Statements          frames.py, statement.py
    <folder>/checkpoint   signed size and Merkle root           note.py, merkle.py
    <folder>/vkey         the key that signs checkpoints        note.py
    <folder>/blobs/       content-addressed data                blobs.py
"""

from selfproof.ledger.errors import LedgerBroken, LedgerBusy
from selfproof.ledger.ledger import Ledger
from selfproof.ledger.statement import Leaf
from selfproof.ledger.verify import Check, Reader, check, read

__all__ = ["Check", "Leaf", "Ledger", "LedgerBroken", "LedgerBusy", "Reader", "check", "read"]
