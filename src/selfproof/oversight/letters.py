"""Statements to sign, and signed ones that people left beside a life. What one is worth, ``approvals`` decides.

Does not protect against: anything; whoever can write into the folder can leave what they like, or take it away.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from selfproof.ledger.statement import canonical
from selfproof.oversight.approvals import TYPE

MOST = 64  # looked at in one turn
LARGEST = 1 << 16  # bytes


def letters(folder: Path, about: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The signed statements that lie in a folder, oldest first: about the charter ("charter"), about changes
    ("change"), or about going on after a halt ("resume"). One that cannot be read comes as {}.
    """
    for place in sorted(folder.glob(f"*.{about}.json"))[:MOST]:
        try:
            told = json.loads(bytes_of(place))
            yield place, {key: told[key] for key in ("change", "statement", "signature")}
        except (ValueError, TypeError, KeyError, OSError, RecursionError):
            yield place, {}


def statement(
    program: str, subject: Mapping[str, Any], decision: str, reason: str, checkpoint: Mapping[str, Any], until: str
) -> str:
    """What an approver signs; ``checkpoint`` is {"size", "root"}, ``until`` a time in UTC as the ledger writes it."""
    told = {"_type": TYPE, "program": program, "decision": decision, "reason": reason, "subject": dict(subject)}
    return canonical({**told, "checkpoint": dict(checkpoint), "until": until}).decode()


def bytes_of(place: Path) -> bytes:
    """A plain file's bytes; of a link, a pipe or a device, or where there are too many, none."""
    descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        data = file.read(LARGEST + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else b""
    return data if len(data) <= LARGEST else b""
