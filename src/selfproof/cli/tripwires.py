"""``selfproof tripwires``: what is watched beside the certificates, and what was found."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import Seen, at_option, dump, json_option, visible

EPILOG = """\b
Examples:
  selfproof tripwires
  selfproof tripwires --json | jq '.tripwires[] | select(.state != "quiet")'"""


@click.command(epilog=EPILOG)
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """What is watched beside the certificates: each tripwire with its steps, what was measured, its last finding.

    [tripwires] in the charter says what follows from which number on; docs/tripwires.md what each measures.
    """
    seen = Seen(folder)
    rows = rows_of(seen)
    rule = seen.charter.tripwires
    asking = seen.state.overseen.asking
    if as_json:
        dump({"tripwires": rows, "asking": asking or None, "cooldown_s": rule.cooldown_s,
              "cooldown_trials": rule.cooldown_trials})  # fmt: skip
        return
    colours = {"quiet": "green", "alert": "yellow", "ask": "yellow", "halt": "red"}
    for row in rows:
        state = click.style(f"{row['state']:<6}", fg=colours.get(row["state"]))
        steps = ", ".join(row["steps"]) or "off"
        click.echo(f"{row['name']:<13} {state} {measured_words(row):<44} {steps}")
        if (last := row["last"]) is not None:
            click.echo(f"              {last['time'][:19]} version {last['version']}: {visible(last['words'])}")
    if rule.cooldown_s or rule.cooldown_trials:
        click.echo(f"after an adoption nothing else for {rule.cooldown_s:g} s and {rule.cooldown_trials} trials")
    if asking:
        click.echo(f"certified changes wait for approvers until the charter is changed: {visible(asking)}")


def measured_words(row: dict[str, Any]) -> str:
    """The largest number now, and of what."""
    if row["measured"] is None:
        return "nothing measured yet"
    return visible(f"{row['measured']:.3g} ({row['subject']})"[:44])


def rows_of(seen: Seen) -> list[dict[str, Any]]:
    """{"name","steps","state","measured","subject","last"} for each; state: what the last finding under this charter
    said, "quiet" without one, "off" where the charter has no step."""
    from selfproof.oversight import tripwires

    now: dict[str, list[tuple[float, str]]] = {}
    for name, subject, value in tripwires.measured(seen.state):
        now.setdefault(name, []).append((math.inf if math.isnan(value) else value, subject))
    rows: list[dict[str, Any]] = []
    for name in tripwires.NAMES:
        steps = list(getattr(seen.charter.tripwires, name))
        last = next((f for f in reversed(seen.state.overseen.findings) if f["name"] == name), None)
        standing = [body["answer"] for (own, _), body in seen.state.overseen.tripped.items() if own == name]
        state = max(standing, key=tripwires.ANSWERS.index, default="quiet")
        value, subject = max(now.get(name, []), default=(math.nan, ""))
        finite = math.isfinite(value)
        rows.append({"name": name, "steps": steps, "state": state if steps else "off",
                     "measured": value if finite else None, "subject": subject, "last": last})  # fmt: skip
    return rows
