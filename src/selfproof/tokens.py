"""Tokens for others: who else may use a program's dashboard and its HTTP API, as what, and until when.

    sp_ID_SECRET        what somebody is given, once; 256 random bits behind the second "_"
    .selfproof/tokens   (0600) by ID: the SHA-256 of the whole token
    the ledger          kind `token`: that it was made, for which role, until when, by whom; that it was revoked

A token counts while both say so: its hash lies there, and the ledger tells of it and of no revocation. Nobody can read
one back.

Does not protect against: whoever was given a token, and whoever they give it to; whoever may write in the program's
folder, who needs none.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from selfproof.archive.overseen import TOKEN_ROLES
from selfproof.ledger.clock import rfc3339, utc_now
from selfproof.nouns import UsageError
from selfproof.places import Paths
from selfproof.submitting import submit

SCOPES = {"auditor": frozenset({"read", "stop"}), "operator": frozenset({"read", "stop", "operate"})}
"""What a token of a role allows. Whoever may read may stop."""

assert set(SCOPES) == set(TOKEN_ROLES)
LARGEST = 1 << 18
MOST = 1000
LONGEST_DAYS = 366
_TOKEN = re.compile(r"sp_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")


def new(folder: Path, role: str, days: float, by: str) -> dict[str, str]:
    """Make a token: {"token", "id", "role", "until"}. The ledger says so first.

    Raises:
        UsageError: of another role, for another time than up to LONGEST_DAYS, or the ledger cannot be written to.
    """
    if role not in SCOPES or not 0 < days <= LONGEST_DAYS:
        raise UsageError(f"a token is for one of {', '.join(SCOPES)}, and at most {LONGEST_DAYS} days")
    name = secrets.token_hex(6)
    token = f"sp_{name}_{secrets.token_urlsafe(32)}"
    until = rfc3339(utc_now() + datetime.timedelta(days=days))
    place = Paths(folder).tokens
    hashes = _hashes(place)
    if len(hashes) >= MOST:
        raise UsageError(f"there are {MOST} tokens already", advice="Revoke those that nobody needs.")
    submit(folder, "token", {"what": "new", "id": name, "role": role, "until": until, "by": by})
    _write(place, {**hashes, name: _hash(token)})
    return {"token": token, "id": name, "role": role, "until": until}


def revoke(folder: Path, name: str, by: str) -> None:
    """End a token at once: first it counts no more, then the ledger says so.

    Raises:
        UsageError: there is none of this id, or the ledger cannot be written to.
    """
    place = Paths(folder).tokens
    hashes = _hashes(place)
    if name in hashes:
        _write(place, {key: value for key, value in hashes.items() if key != name})
    submit(folder, "token", {"what": "revoke", "id": name, "by": by})


def role_of(token: str, place: Path, told: Mapping[str, Mapping[str, Any]], now: str) -> str | None:
    """As what a token counts now; None for one that does not. ``told`` is what the ledger says of tokens, by id."""
    found = _TOKEN.fullmatch(token)
    name = found[1] if found else ""
    entry, kept = told.get(name, {}), _hashes(place).get(name, "")
    same = hmac.compare_digest(_hash(token), kept if len(kept) == 64 else "0" * 64)
    good = same and entry.get("role") in SCOPES and entry.get("revoked") is None and str(entry.get("until", "")) > now
    return str(entry["role"]) if good else None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _hashes(place: Path) -> dict[str, str]:
    """What lies there; nothing, of a file that cannot be read or is none of ours."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return {}
    with os.fdopen(descriptor, "rb") as file:
        try:
            found = json.loads(file.read(LARGEST))
            return {str(name): str(value) for name, value in found.items() if isinstance(value, str)}
        except (ValueError, AttributeError, RecursionError, OSError):
            return {}


def _write(place: Path, hashes: Mapping[str, str]) -> None:
    aside = place.with_name(f"{place.name}-{secrets.token_hex(4)}.new")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(dict(hashes), file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(place)
