"""Where a program stands, in numbers that its ledger holds: what improved, by how much, how sure that is."""

from __future__ import annotations

import json
from typing import Any

from selfproof.archive.state import State
from selfproof.nouns import SelfproofError
from selfproof.viewing.rows import rows_of
from selfproof.web.reading import Reading


def changes(reading: Reading) -> list[dict[str, Any]]:
    """All confirmations as rows, newest first, kept until the ledger grows."""
    return reading.memo("rows", lambda: rows_of(reading.state))


def improved(reading: Reading) -> list[dict[str, Any]]:
    """Changes that were adopted and still stand, newest first."""
    return [row for row in changes(reading) if row["verdict"] in {"certified", "uncertified"}]


def table(reading: Reading) -> tuple[dict[str, dict[str, Any]], int]:
    """The newest closing table by objective, and the version that it measured; nothing before there is one."""
    index = next((i for i in range(len(reading.kinds) - 1, -1, -1) if reading.kinds[i] == "report"), None)
    if index is None:
        return {}, 0
    try:
        rows = json.loads(reading.blob(reading.entry(index).body["table"]["$blob"]))
        told = {row["name"]: row for row in rows if isinstance(row, dict)}
    except (SelfproofError, ValueError, KeyError, TypeError):
        return {}, 0  # what stands in it is not needed to say the rest, and `verify` reports the damage
    return told, max((v.number for v in reading.state.versions if v.leaf < index), default=0)


def counts(state: State) -> dict[str, int]:
    """How many changes were certified and stand, were refused, wait, and are open."""
    found = {"certified": 0, "uncertified": 0, "refused": 0, "waiting": len(state.waiting), "open": 0, "undone": 0}
    for one in state.confirmations.values():
        if one.counter.startswith("control-"):
            continue
        if one.version is not None and one.verdict is not None:
            gone = state.versions[one.version].rolled_back
            found["undone" if gone else one.verdict["answer"]] += 1
        elif one.decision is None:
            found["open"] += 1
        elif one.decision["verdict"] == "refused":
            found["refused"] += 1
    return found


def stopped(reading: Reading) -> dict[str, str] | None:
    """Who stopped it, when and why; None while it may run. An order that no entry tells of yet counts too."""
    halted = reading.state.overseen.halted
    if halted is not None:
        return {"by": halted.by, "at": halted.at, "reason": halted.reason}
    if reading.paths.stop.exists() or reading.paths.stop.is_symlink():
        return {"by": "an order", "at": "", "reason": ""}
    return None
