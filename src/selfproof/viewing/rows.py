"""Changes as rows: one for each confirmation, as `selfproof log` and the dashboard list them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from selfproof.archive.state import EXPECTED, Confirming, State
from selfproof.recursion import Lineage, lineages
from selfproof.viewing.seen import View


def rows_of(state: State, lineages: Mapping[int, Lineage] | None = None) -> list[dict[str, Any]]:
    """One row per confirmation, newest first; controls are named as such."""
    known = lineages or {}
    rows = [_row(state, confirming) for confirming in reversed(state.confirmations.values())]
    for row in rows:
        of = known.get(row["version"])
        row |= {"improver": of.improver if of else state.confirmations[row["id"]].body.get("improver"),
                "depth": of.depth if of else None, "edits_improver": of.edits_improver if of else None}  # fmt: skip
    return rows


def lineages_of(seen: View) -> dict[int, Lineage]:
    """Who proposed each version; nothing where the program has no improver."""
    entry = seen.charter.proposers.improver
    return lineages(seen.state, seen.files, entry) if entry else {}


def lineage_words(row: dict[str, Any]) -> str:
    """Who proposed a change, and whether it edits the editor, where an improver may be edited at all; else nothing."""
    if row["version"] is None:
        return ""
    who = f"proposed by v{row['improver']}'s improver, depth {row['depth']}" if row["improver"] is not None else ""
    return "; ".join(filter(None, [who, "edits the improver" if row["edits_improver"] else ""]))


def _row(state: State, confirming: Confirming) -> dict[str, Any]:
    control = confirming.control
    is_control = confirming.counter.startswith("control-")
    body, verdict = confirming.body, confirming.verdict or {}
    version = state.versions[confirming.version] if confirming.version is not None else None
    effect = version.effect if version is not None else {}
    answer = (confirming.decision or {}).get("verdict", "open")
    if version is not None:
        answer = "rolled back" if version.rolled_back else verdict["answer"]
    elif is_control and confirming.decision is not None:
        answer = "control"
    return {
        "id": confirming.id, "version": confirming.version, "verdict": answer, "objective": body["objective"],
        "title": body["title"], "effect": effect.get("value"), "interval": effect.get("interval"),
        "kind": effect.get("kind"), "from": effect.get("from"), "pairs": verdict.get("pairs"),
        "alpha_k": body["alpha_k"], "tier": verdict.get("tier"),
        "origin": f"control {control or ''}".strip() if is_control else body["operator"],
        "step": (confirming.decision or {}).get("step"), "reason": _reason(confirming, control),
        "time": confirming.time, "classes": body.get("classes"),
    }  # fmt: skip


def _reason(confirming: Confirming, control: str | None) -> str | None:
    if control is not None and confirming.verdict is not None:
        answer, expected = confirming.verdict["answer"], EXPECTED.get(control)
        must = "as it must be" if answer == expected else f"IT MUST BE {expected}"
        if expected is None:
            must = "which is measured"
        return f"{control.replace('_', ' ')}: {answer}, {must}; never adopted"
    return (confirming.decision or {}).get("reason")


def effect_words(row: dict[str, Any]) -> str:
    """The measured effect for a person."""
    if row["effect"] is None:
        return ""
    low, high = row["interval"]
    if row["kind"] == "ratio":
        return f"{row['effect']:.2f}x as fast [{low:.2f}, {high:.2f}]"
    return f"{row['effect']:.4f} better [{low:.4f}, {high:.4f}]"
