"""The ledger: an append-only, signed Merkle log of everything that changes state.

Importable without the rest of selfproof: it needs the standard library, `cryptography` and `msgspec`. Names are loaded
when they are first used, so that the signer, which is in this package, starts with little.

    <folder>/log          frames of in-toto Statements          frames.py, statement.py
    <folder>/checkpoint   signed size and Merkle root           note.py, merkle.py
    <folder>/vkey         the key that signs checkpoints        note.py
    <folder>/blobs/       content-addressed data                blobs.py
    <folder>/openings/    texts that may be taken out           openings.py
    <key>, <key>.signed   outside: the key, what it signed      signer.py, keys.py
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selfproof.ledger.errors import LedgerBroken, LedgerBusy
    from selfproof.ledger.ledger import Ledger
    from selfproof.ledger.statement import Leaf
    from selfproof.ledger.verify import Check, Reader, check, read

__all__ = ["Check", "Leaf", "Ledger", "LedgerBroken", "LedgerBusy", "Reader", "check", "read"]


def __getattr__(name: str) -> Any:
    """What is loaded when it is first named."""
    for module in ("errors", "statement", "verify", "ledger") if name in __all__ else ():
        if hasattr(found := importlib.import_module(f"selfproof.ledger.{module}"), name):
            return getattr(found, name)
    raise AttributeError(f"module 'selfproof.ledger' has no attribute {name!r}")
