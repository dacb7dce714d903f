"""Controls: what watches the program, what it said, what people did. All of it is an entry, or the charter."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from starlette.responses import Response

from selfproof.archive.state import EXPECTED
from selfproof.holding import lasting
from selfproof.oversight import control
from selfproof.oversight.budgets import ceilings
from selfproof.web import standing
from selfproof.web.page import Asked, Page
from selfproof.web.reading import Reading

HISTORY = ("halt", "pause", "resume", "rollback", "approval", "charter", "retire", "note", "token", "redact")
"""Kinds of entries that people's actions write."""

NEWEST = 30
SIGNS = {"alert": "wait", "ask": "wait", "halt": "bad"}


def show(asked: Asked) -> Response:
    """The page."""
    reading = asked.reading
    overseen, charter = reading.state.overseen, reading.charter
    return asked.render(
        "controls.html", stopped=standing.stopped(reading), paused=control.told(reading.paths.pause),
        tripwires=_tripwires(reading), findings=overseen.findings[::-1][:NEWEST], signs=SIGNS,
        ceilings=ceilings(charter.budget, _used(reading)), controls=_controls(reading),
        drills=_entries(reading, ("drill",))[:5], history=_entries(reading, HISTORY)[:NEWEST],
        incidents=list(overseen.incidents.values())[::-1], autonomy=dataclasses.asdict(charter.autonomy),
        classes=dataclasses.asdict(charter.classes), rules=charter.rules, screened=_screened(reading),
        tokens=overseen.tokens,
    )  # fmt: skip


def _used(reading: Reading) -> dict[str, float]:
    """What of each ceiling is used; it takes a walk over the folder, so for a quarter of a minute it stands."""
    key = reading.state.entries, int(time.time() / 15)
    return reading.memo("used", lambda: lasting(reading.paths, reading.state), key=key)


def _tripwires(reading: Reading) -> list[dict[str, Any]]:
    """Each tripwire of the charter: its steps, and what touched it last under this charter."""
    last: dict[str, dict[str, Any]] = {}
    for (name, _), body in reading.state.overseen.tripped.items():
        last[name] = body
    found = []
    for field in dataclasses.fields(reading.charter.tripwires):
        steps = getattr(reading.charter.tripwires, field.name)
        if isinstance(steps, tuple):
            found.append({"name": field.name, "steps": steps, "last": last.get(field.name)})
    return found


def _controls(reading: Reading) -> list[dict[str, Any]]:
    """Controls by name: what the gate must say, and what it said the last time."""
    told = reading.state.controls
    return [
        {"name": name.replace("_", " "), "expected": expected, "answer": told[name]["answer"], "why": told[name]["why"],
         "id": told[name]["confirmation"]}
        for name, expected in EXPECTED.items() if name in told
    ]  # fmt: skip


def _entries(reading: Reading, kinds: tuple[str, ...]) -> list[dict[str, Any]]:
    """The newest entries of these kinds."""
    numbers = [i for i in range(len(reading.kinds) - 1, -1, -1) if reading.kinds[i] in kinds][:NEWEST]
    found = []
    for index in numbers:
        leaf = reading.entry(index)
        words = {key: leaf.body[key] for key in ("what", "reason", "words", "decision", "role", "version", "to")
                 if isinstance(leaf.body.get(key), str | int) and leaf.body[key] != ""}  # fmt: skip
        told = ", ".join(f"{key} {value}" for key, value in words.items())
        about = {"index": index, "kind": leaf.kind, "time": leaf.time, "by": leaf.body.get("by", "")}
        found.append({**about, "words": told, "body": leaf.body})
    return found


def _screened(reading: Reading) -> list[tuple[str, int]]:
    """How many edits each rule turned away so far."""
    total: dict[str, int] = {}
    for _, _, rules in reading.state.overseen.screened:
        for name, many in rules.items():
            total[name] = total.get(name, 0) + many
    return sorted(total.items(), key=lambda one: -one[1])


PAGES = (Page("controls", "controls", "Controls", show, order=90, key="o"),)
