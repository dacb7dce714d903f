"""Incidents in a life: the entries that open, change and close them, what opens one by itself, how they are told."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from selfproof import charter as charters
from selfproof.archive.overseen import Incident
from selfproof.archive.state import State
from selfproof.nouns import Blobs, UsageError
from selfproof.oversight import incidents

FAILED = "self-check-failed"
"""Beside the ledger: what to open an incident for at the next start."""
Write = Callable[[str, Mapping[str, Any]], object]


def owed(state: State) -> Iterator[dict[str, Any]]:
    """What happened by itself and has no incident yet: told once, with its entry's number as the trigger.

    A control that came out wrong, a change that its canary took back, a halt or a tripwire that stays until a person
    allows going on. How bad it was is for a person to say: the clocks of severity "internal" do not run.
    """
    known = {one.now["trigger"] for one in state.overseen.incidents.values()}
    for index, (kind, when, body) in state.overseen.alarms.items():
        title = None if index in known else _called_for(state, kind, body)
        if title is not None:
            yield begun(state, title, f"opened by entry {index} ({kind})", "internal", when, when, "selfproof", index)


def _called_for(state: State, kind: str, body: Mapping[str, Any]) -> str | None:
    if kind == "control":
        certifies = state.confirmations[body["confirmation"]].body["rule"]["test"] in {"bet", "exact"}
        wrong = certifies and body["expected"] is not None and body["answer"] != body["expected"]
        return f"control {body['name']} was {body['answer']}, it must be {body['expected']}" if wrong else None
    if kind == "rollback":
        undone = ", ".join(map(str, body["undone"]))
        return f"version {undone} was taken back by its canary" if body["by"] == "canary" else None
    by = str(body["by"])[:120]
    return f"halted by {by}: {body['reason']}" if body.get("latched") and by.startswith("tripwire ") else None


def begun(
    state: State, title: str, what: str, severity: str, detected_at: str, aware_at: str, by: str, trigger: int | None
) -> dict[str, Any]:  # fmt: skip
    """The body of an entry ``incident``.

    Raises:
        UsageError: a time or a severity that is none, or awareness before detection.
    """
    try:
        detected, aware = (incidents.stamp(incidents.at(one)) for one in (detected_at, aware_at))
        due = incidents.due(aware, severity)
    except ValueError as error:
        raise UsageError(str(error), advice=f"Severities: {', '.join(incidents.SEVERITIES)}.") from None
    if detected > aware:
        raise UsageError("an incident cannot be known before it was detected", advice="Compare --detected and --aware.")
    return {"title": title[:200], "what": what[:4000], "severity": severity, "detected_at": detected,
            "aware_at": aware, "due_at": due, "by": by[:100], "trigger": trigger,
            "charter": state.charter["charter"]}  # fmt: skip


def updated(
    state: State, number: int, note: str, by: str, severity: str | None, aware_at: str | None
) -> dict[str, Any]:
    """The body of an entry ``incident-update``; what is not said stays, and a clock is never set back.

    Raises:
        UsageError: no such incident is open, or a clock would be set back.
    """
    now = opened(state, number).now
    try:
        aware = incidents.stamp(incidents.at(aware_at or now["aware_at"]))
        level = severity or now["severity"]
        due = incidents.due(aware, level)
    except ValueError as error:
        raise UsageError(str(error), advice=f"Severities: {', '.join(incidents.SEVERITIES)}.") from None
    if incidents.at(aware) > incidents.at(now["aware_at"]):
        raise UsageError("a clock is not set back", advice=f"Awareness was recorded as {now['aware_at']}.")
    return {"incident": number, "note": note[:4000], "severity": level, "aware_at": aware, "due_at": due,
            "by": by[:100]}  # fmt: skip


def closed(state: State, blobs: Blobs, number: int, corrective: str, note: str, by: str) -> dict[str, Any]:
    """The body of an entry ``incident-close``.

    Raises:
        UsageError: no such incident is open, or nothing would see the next one: closing needs the id of a new guard (in
            the charter in force, and not in the one of that time), of a test, or of a rule.
    """
    now = opened(state, number).now
    if incidents.CORRECTIVE.fullmatch(corrective) is None:
        raise UsageError(
            f"{corrective!r} would not see the next one",
            advice="Name what would: --corrective guard:NAME, test:tests/FILE.py::NAME, or rule:ID.",
        )
    kind, _, name = corrective.partition(":")
    if kind == "guard":
        then, today = (charters.parse(blobs.get_blob(digest).decode())
                       for digest in (now["charter"], state.charter["charter"]))  # fmt: skip
        if all(one.name != name for one in today.guards):
            raise UsageError(f"the charter has no guard {name!r}", advice="Add it, and run once, so that it counts.")
        if any(one.name == name for one in then.guards):
            raise UsageError(f"guard {name!r} was there when it happened, and did not see it")
    return {"incident": number, "corrective": corrective, "note": note[:4000], "by": by[:100]}


def opened(state: State, number: int) -> Incident:
    """The open incident of this number.

    Raises:
        UsageError: there is none.
    """
    found = state.overseen.incidents.get(number)
    if found is None or found.closed is not None:
        raise UsageError(f"no incident {number} is open", advice="`selfproof incident list` shows them.")
    return found


def failed(private: Path, words: str) -> None:
    """Remember that a self-check failed: when a ledger does not verify, nothing more is written to it now."""
    told = {"at": incidents.stamp(datetime.datetime.now(datetime.UTC)), "words": words[:4000]}
    (private / FAILED).write_text(json.dumps(told), encoding="utf-8")


def take_up(state: State, private: Path, write: Write) -> None:
    """Open what is owed: what happened by itself since, and a self-check that failed in the run before."""
    for body in list(owed(state)):
        write("incident", body)
    if (private / FAILED).is_file():
        told = json.loads((private / FAILED).read_text("utf-8"))
        title = "a self-check failed: " + told["words"]
        write("incident", begun(state, title, told["words"], "internal", told["at"], told["at"], "selfproof", None))
        (private / FAILED).unlink()


def told(one: Incident, now: datetime.datetime | None = None) -> dict[str, Any]:
    """An incident as JSON has it; with ``now``, which times are over."""
    keys = ("title", "what", "severity", "detected_at", "aware_at", "due_at", "by", "trigger")
    row = {"id": one.index, **{key: one.now[key] for key in keys}, "open": one.closed is None,
           "notes": [{key: note[key] for key in ("note", "severity", "aware_at", "by", "time")} for note in one.notes],
           "closed": None if one.closed is None else
           {key: one.closed[key] for key in ("corrective", "note", "by", "time")}}  # fmt: skip
    over = incidents.overdue(one.now["due_at"], now) if now is not None and one.closed is None else []
    return {**row, **({"overdue": over} if now is not None else {})}
