"""Have one's own log cosigned: the newest checkpoint to each witness, their signatures kept beside the ledger.

Does not protect against:
- witnesses that are never asked, or that all belong to whoever runs the engine
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from selfproof.audit.sharing import Shared
from selfproof.ledger.files import replace_file
from selfproof.ledger.note import Checkpoint
from selfproof.ledger.witness_http import Asked, WitnessRefused, cosign
from selfproof.nouns import Event


def ask(found: Shared, place: Path, asked: Asked) -> Checkpoint:
    """Have the newest checkpoint cosigned, and keep the signature in ``place``; returns the checkpoint.

    Raises:
        WitnessRefused: it has seen another history, or does not know this log.
        OSError: it cannot be reached.
    """
    lines = cosign(asked, found.log, found.note, found.hashes.consistency)
    same = bool(found.cosigned) and found.checkpoint(found.cosigned) == found.signed
    found.cosigned = found.cosigned if same else found.note
    found.cosigned += b"" if lines in found.cosigned else lines
    replace_file(place, place.with_suffix(".new"), found.cosigned, durable=True)
    return found.signed


def ask_all(folder: Path, place: Path, lines: Sequence[str]) -> list[Event]:
    """Ask each witness that a charter names; what came of it. One that cannot be reached is told and left out."""
    rows: list[Event] = []
    found = Shared(folder, place) if lines else None
    for asked in map(Asked.parse, lines):
        assert found is not None
        row: Event = {"name": asked.cosigner.name, "entries": None, "reason": "", "conflict": False}
        try:
            row["entries"] = ask(found, place, asked).size
        except (WitnessRefused, OSError) as error:
            row |= {"reason": str(error), "conflict": isinstance(error, WitnessRefused) and error.conflict}
        rows.append(row)
    return rows
