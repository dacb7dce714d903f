"""What waits for people's approval, as `selfproof review` and the dashboard show it."""

from __future__ import annotations

from typing import Any

from selfproof.archive.state import Confirming
from selfproof.line import approving, permitting
from selfproof.nouns import UsageError
from selfproof.oversight import classes
from selfproof.viewing.seen import View

REMINDER = (
    "A certificate says that the change is better on samples like these. It says nothing of what no sample asks for: "
    "read the diff as if a stranger had sent it."
)


def named(waiting: list[Confirming], change: str) -> Confirming:
    """The waiting change of this id.

    Raises:
        UsageError: there is none.
    """
    found = next((one for one in waiting if str(one.id) == change), None)
    if found is None:
        raise UsageError(f"no change {change!r} waits for approval", advice="`selfproof review` lists those that do.")
    return found


def row_of(seen: View, confirming: Confirming) -> dict[str, Any]:
    """One of them: who signed, how many must, until when, and what exactly a signature is about."""
    standing = approving.standing(seen.state, confirming)
    return {
        "id": confirming.id, "objective": confirming.body["objective"], "title": confirming.body["title"],
        "operator": confirming.body["operator"], "until": (confirming.waits or {}).get("until"),
        "approved_by": sorted(one["by"] for one in standing if one["decision"] == "approve"),
        "needed": max(1, permitting.signatures(seen.state, seen.charter, confirming, seen.blob)),
        "classes": classes.in_force(seen.state, seen.charter, confirming.body["files"], seen.blob),
        "overtaken": approving.overtaken(seen.state, seen.charter, confirming),
        **approving.subject_of(seen.state, confirming),
    }  # fmt: skip


def standing_words(row: dict[str, Any]) -> str:
    """Where it stands with its signatures."""
    if row["overtaken"]:
        return "overtaken: its files have changed since; the next run refuses it"
    names = ", ".join(row["approved_by"]) or "nobody yet"
    return f"signed by {names}; {row['needed']} must sign, until {row['until'][:16]} UTC"
