"""One change with its evidence: what `selfproof show --json` and the dashboard's API say."""

from __future__ import annotations

from typing import Any

from selfproof.nouns import UsageError
from selfproof.viewing.rows import lineages_of, rows_of
from selfproof.viewing.seen import View
from selfproof.viewing.texts import unified


def change_of(seen: View, change: str) -> dict[str, Any]:
    """A change by its id, or by its version (v1, or 1 if no id is that): its row, diff, certificate, rule, decision.

    Raises:
        UsageError: there is none.
    """
    rows = rows_of(seen.state, lineages_of(seen))
    wanted = change.removeprefix("v")
    by_version = [r for r in rows if str(r["version"]) == wanted]
    by_id = [r for r in rows if str(r["id"]) == change]  # entries before the first confirmation are not changes
    row = next(iter(by_id or by_version), None)
    if row is None:
        raise UsageError(f"no change is called {change!r}", advice="`selfproof log` lists them.")
    confirming = seen.state.confirmations[row["id"]]
    body = confirming.body
    before = seen.files(body["base_version"])
    after = {**before, **{path: seen.blob(digest).decode() for path, digest in body["files"].items()}}
    overseen = seen.state.overseen
    examined = overseen.examined.get(row["version"]) if row["version"] is not None else None
    touched = [found for found in overseen.findings if examined is not None and found["version"] == row["version"]]
    return {
        **row, "examined": examined, "tripwires": touched, "diff": unified(before, after, ("before", "after")),
        "certificate": confirming.certificate or confirming.verdict, "rule": body["rule"],
        "decision": confirming.decision,
    }  # fmt: skip
