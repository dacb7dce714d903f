"""What people did, what went wrong, and what watched: actions, incidents, tripwires and drills."""

from __future__ import annotations

from typing import Any

from selfproof.ledger import Leaf
from selfproof.oversight.incidents import REGIMES
from selfproof.reports.facts import BULK, Facts
from selfproof.reports.form import Column, Section, words
from selfproof.reports.incidents import told

ENGINE = BULK | {
    "genesis", "confirm-start", "verdict", "check", "guard-start", "guard", "decision", "adopt", "canary",
    "certificate", "control", "seed-commit", "seed-reveal", "report", "engine", "tuned", "model-start",
    "model-verdict", "screened", "exchange",
}  # fmt: skip
"""What the engine does by itself, and other sections tell of."""
INCIDENTS = frozenset({"incident", "incident-update", "incident-close"})
PEOPLE = {
    "approval": "signed", "charter": "another charter, other tasks or approvers", "rollback": "went back",
    "halt": "ended a run", "resume": "allowed going on", "pause": "paused", "drain": "let it come to an end",
    "model-back": "took weights back", "retire": "retired a version", "redact": "redacted",
    "note": "wrote down",
}  # fmt: skip
UNTOLD = frozenset({"time", "statement", "signature", "approvals", "tasks", "weights", "spans", "pools"})
MOST = 300


def actions(facts: Facts) -> Section:
    """Every human action."""
    columns = (
        Column("time", "When (UTC)", "time"), Column("what", "What"), Column("by", "By", "foreign"),
        Column("on", "On", "foreign"), Column("reason", "Reason given", "foreign"),
    )  # fmt: skip
    rows = []
    for leaf in facts.of(*PEOPLE):
        body = leaf.body
        if leaf.kind == "rollback" and body["by"] == "canary":
            continue
        rows.append({"time": leaf.time, "what": _did(leaf), "by": body.get("by", _signers(body)), "on": _on(leaf),
                     "reason": body.get("reason", body.get("words", "")), "entries": [leaf.index]})  # fmt: skip
    said = ("Whoever approves signs the exact trees with a key of their own. Other actions name who took them by their "
            "own word: whoever may write into the folder may take them.",)  # fmt: skip
    return Section("people", "What people did", said, columns, rows, "No person has intervened.")


def _did(leaf: Leaf) -> str:
    decision = leaf.body.get("decision")
    return f"{PEOPLE[leaf.kind]}: {decision}" if leaf.kind == "approval" and decision else PEOPLE[leaf.kind]


def _signers(body: dict[str, Any]) -> str:
    return ", ".join(str(one["by"]) for one in body.get("approvals") or ()) or "whoever could change the file"


def _on(leaf: Leaf) -> str:
    body = leaf.body
    if leaf.kind == "rollback":
        return f"from version {body['from']} to {body['to']}"
    if leaf.kind == "approval":
        return f"change {body['confirmation']}"
    if leaf.kind == "charter":
        return f"charter {body['charter'][:16]}"
    return f"version {body['version']}" if "version" in body else ""


def incidents(facts: Facts) -> Section:
    """What went wrong, with its clocks."""
    columns = (
        Column("id", "Incident", "number"),
        Column("title", "What", "foreign"),
        Column("severity", "Severity"),
        Column("detected_at", "Detected"),
        Column("aware_at", "Known"),
        Column("due", "To be told by, if it applies", "list"),
        Column("by", "Opened by", "foreign"),
        Column("closed", "Closed by", "foreign"),
    )
    rows = []
    for one in facts.state.overseen.incidents.values():
        row = told(one)
        said = [
            leaf.index for leaf in facts.of("incident-update", "incident-close") if leaf.body["incident"] == one.index
        ]
        rows.append({**row, "due": [f"{name}: {time}" for name, time in row["due_at"].items()],
                     "closed": (row["closed"] or {}).get("corrective"), "entries": [one.index, *said]})  # fmt: skip
    names = "; ".join(f"{one.id}: {one.name}" for one in REGIMES)
    said_first = (
        f"Clocks run from awareness. As of mid 2026, from secondary sources: check the primary text. {names}.",
        "An incident is closed by a new guard, test or rule that would see the next one.",
    )
    return Section("incidents", "Incidents", said_first, columns, rows, "None was recorded.")


def watching(facts: Facts) -> Section:
    """Tripwires, drills, canaries that took something back, and whatever else was recorded."""
    columns = (Column("time", "When (UTC)", "time"), Column("kind", "Entry"), Column("what", "It says", "foreign"))
    rows = []
    for leaf in facts.kept:
        if leaf.kind in ENGINE or leaf.kind in INCIDENTS or (leaf.kind in PEOPLE and leaf.kind != "rollback"):
            continue
        if leaf.kind == "rollback" and leaf.body["by"] != "canary":
            continue
        rows.append({"time": leaf.time, "kind": leaf.kind, "what": _told(leaf.body), "entries": [leaf.index]})
    said = ("Automatic halts and rollbacks, and the drills that showed that they work.",)
    return Section(
        "watching", "Tripwires, drills and other oversight", said, columns, rows, "Nothing fired, no drill was held."
    )


def _told(body: dict[str, Any]) -> str:
    text = "; ".join(f"{key}: {words(value)}" for key, value in sorted(body.items()) if key not in UNTOLD)
    return text if len(text) <= MOST else text[:MOST] + " ..."
