"""``selfproof log``: certified and refused changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from selfproof.archive.state import EXPECTED, Confirming, State
from selfproof.cli.common import Seen, at_option, dump, json_option
from selfproof.recursion import Lineage, lineages


def rows_of(state: State, lineages: Mapping[int, Lineage] | None = None) -> list[dict[str, Any]]:
    """One row per confirmation, newest first; controls are named as such."""
    known = lineages or {}
    rows = [_row(state, confirming) for confirming in reversed(state.confirmations.values())]
    for row in rows:
        of = known.get(row["version"])
        row |= {"improver": of.improver if of else state.confirmations[row["id"]].body.get("improver"),
                "depth": of.depth if of else None, "edits_improver": of.edits_improver if of else None}  # fmt: skip
    return rows


def lineages_of(seen: Seen) -> dict[int, Lineage]:
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
        "time": confirming.time,
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
    return f"{row['effect']:+.4f} better [{low:+.4f}, {high:+.4f}]"


@click.command(epilog="\b\nExamples:\n  selfproof log\n  selfproof log --json | head")
@at_option
@json_option
@click.option("-n", "most", type=click.IntRange(1), help="Only the newest N.")
def command(folder: Path, as_json: bool, most: int | None) -> None:
    """Certified and refused changes, newest first."""
    seen = Seen(folder)
    rows = rows_of(seen.state, lineages_of(seen))[:most]
    if as_json:
        dump(rows)
        return
    if not rows:
        click.echo("nothing was confirmed yet; type: selfproof run")
    marks = {
        "certified": ("+", "green"),
        "uncertified": ("!", "red"),
        "refused": ("-", "red"),
        "rolled back": ("<", "yellow"),
        "open": ("?", None),
        "control": ("=", "cyan"),
    }
    for row in rows:
        mark, colour = marks[row["verdict"]]
        number = f"v{row['version']}" if row["version"] is not None else ""
        words = effect_words(row) or row["reason"] or ""
        if effect_words(row) and row["from"]:
            words += f", on {row['from']}"
        head = click.style(f"{mark} {row['id']:>5} {row['verdict']:<11}", fg=colour)
        click.echo(f"{head} {number:<4} {row['objective']:<11} {words}")
        click.echo(f"        {row['title'][:100]}")
        if seen.improver_may_change and (told := lineage_words(row)):
            click.echo(f"        {told}")
