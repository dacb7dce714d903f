"""Seeds that nobody could fit: committed before, used once, revealed after.

``K_epoch`` is 32 random bytes; its SHA-256 is in the ledger before any seed of the epoch is used, and the key itself
after the epoch, so that an auditor can recompute every seed. ``s_j = HMAC-SHA256(K_epoch, "confirm|c|k|j")`` binds
the proposer: the candidate's hash c is logged before its seeds exist.

Does not protect against: a dishonest operator who draws several epoch keys and keeps the one he likes (a witness's
nonce would; certificates say which held). With an operator's seed the certificate says ``operator-chosen``.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_epoch_key(operator_seed: int | None, epoch: int) -> bytes:
    """32 bytes: random, or derived from the operator's seed so that a run can be repeated."""
    if operator_seed is None:
        return secrets.token_bytes(32)
    return hashlib.sha256(f"selfproof epoch|{operator_seed}|{epoch}".encode()).digest()


def commitment(epoch_key: bytes) -> str:
    """What the ledger holds before the epoch's first seed is used."""
    return hashlib.sha256(epoch_key).hexdigest()


def derive(epoch_key: bytes, *parts: object) -> int:
    """A 256-bit seed for the purpose that ``parts`` name; no part may contain the separator ``|``."""
    words = [str(part) for part in parts]
    if any("|" in word for word in words):
        raise ValueError(f"a seed's purpose must not contain '|': {words}")
    return int.from_bytes(hmac.new(epoch_key, "|".join(words).encode(), hashlib.sha256).digest(), "big")
