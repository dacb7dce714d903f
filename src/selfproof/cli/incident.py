"""``selfproof incident``: what went wrong, since when it is known, by when who must be told, and what closes it."""

from __future__ import annotations

import datetime
import getpass
import json
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import Seen, at_option, dump, json_option, visible
from selfproof.nouns import UsageError

EPILOG = """\b
Examples:
  selfproof incident open "answers in the wrong language" --severity internal
  selfproof incident list
  selfproof incident update 120 --severity serious --note "a customer acted on it"
  selfproof incident close 120 --corrective guard:languages --note "the guard sees it"
  selfproof incident export -o incidents.json"""

by_option = click.option("--by", default=getpass.getuser, show_default="your account", help="Who says so.")
severity_option = click.option("--severity", help="internal, serious, security, death, infrastructure or imminent.")
when = {"show_default": "now", "metavar": "TIME"}


@click.group(epilog=EPILOG)
def command() -> None:
    """Incidents: entries of the ledger with clocks that run from awareness. No legal advice."""


def _now() -> str:
    from selfproof.oversight.incidents import stamp

    return stamp(datetime.datetime.now(datetime.UTC))


def _write(folder: Path, kind: str, body: dict[str, Any], as_json: bool) -> None:
    from selfproof.submitting import submit

    number = submit(folder, kind, body)
    if as_json:
        dump({"entry": number, "incident": body.get("incident", number), "due_at": body.get("due_at", {})})
        return
    click.echo(f"entry {number}: incident {body.get('incident', number)}")
    for name, time in body.get("due_at", {}).items():
        click.echo(f"  {time}  {name}, if it applies to you")


@command.command(
    "open", epilog='\b\nExample:\n  selfproof incident open "a wrong answer" --detected 2026-06-30T14:00:00Z'
)
@click.argument("title")
@click.option("--what", default="", help="The whole of it.")
@severity_option
@click.option("--detected", help="When it was seen.", **when)  # type: ignore[arg-type]
@click.option("--aware", help="When somebody responsible knew: the clocks run from here.", **when)  # type: ignore[arg-type]
@by_option
@at_option
@json_option
def begin(
    title: str, what: str, severity: str | None, detected: str | None, aware: str | None, by: str, folder: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Record an incident, whether or not a run is going on."""
    from selfproof.reports import incidents

    aware = aware or _now()
    body = incidents.begun(
        Seen(folder).state, title, what or title, severity or "internal", detected or aware, aware, by, None
    )  # fmt: skip
    _write(folder, "incident", body, as_json)


@command.command(epilog="\b\nExample:\n  selfproof incident update 120 --severity serious --note 'a user was harmed'")
@click.argument("number", type=int)
@click.option("--note", required=True, help="What is known now.")
@severity_option
@click.option("--aware", metavar="TIME", help="An earlier time of awareness; a clock is never set back.")
@by_option
@at_option
@json_option
def update(
    number: int, note: str, severity: str | None, aware: str | None, by: str, folder: Path, as_json: bool
) -> None:
    """Add what is known now, or how bad it is."""
    from selfproof.reports import incidents

    _write(folder, "incident-update", incidents.updated(Seen(folder).state, number, note, by, severity, aware), as_json)


@command.command(epilog="\b\nExample:\n  selfproof incident close 120 --corrective guard:languages --note 'it sees it'")
@click.argument("number", type=int)
@click.option("--corrective", required=True, help="What would see the next one: guard:NAME, test:FILE::NAME, rule:ID.")
@click.option("--note", required=True, help="Why that is enough.")
@by_option
@at_option
@json_option
def close(number: int, corrective: str, note: str, by: str, folder: Path, as_json: bool) -> None:
    """Close an incident; a guard must be in the charter in force, and not in the one of that time."""
    from selfproof.reports import incidents

    seen = Seen(folder)
    _write(folder, "incident-close", incidents.closed(seen.state, seen.reader, number, corrective, note, by), as_json)


@command.command("list", epilog="\b\nExample:\n  selfproof incident list --json")
@at_option
@json_option
def listed(folder: Path, as_json: bool) -> None:
    """All incidents, the newest first."""
    rows = _rows(folder)
    if as_json:
        dump(rows)
        return
    if not rows:
        click.echo("no incident was recorded")
    for row in rows:
        state = "closed" if not row["open"] else "OVERDUE" if row["overdue"] else "open"
        click.echo(f"{row['id']:>6} {state:<8} {row['severity']:<14} {visible(row['title'])}")


@command.command(epilog="\b\nExample:\n  selfproof incident show 120")
@click.argument("number", type=int)
@at_option
@json_option
def show(number: int, folder: Path, as_json: bool) -> None:
    """One incident with its clocks."""
    row = next((one for one in _rows(folder) if one["id"] == number), None)
    if row is None:
        raise UsageError(f"there is no incident {number}", advice="`selfproof incident list` shows them.")
    if as_json:
        dump(row)
        return
    click.echo(f"{visible(row['title'])}\n{visible(row['what'])}")
    click.echo(
        f"severity {row['severity']}, detected {row['detected_at']}, known {row['aware_at']}, {visible(row['by'])}"
    )
    for name, time in row["due_at"].items():
        click.echo(f"  {time}  {name}{' OVERDUE' if name in row['overdue'] else ''}")
    for note in row["notes"]:
        click.echo(f"{note['time'][:19]} {visible(note['by'])}: {visible(note['note'])} (severity {note['severity']})")
    if row["closed"]:
        click.echo(f"closed by {visible(row['closed']['corrective'])}: {visible(row['closed']['note'])}")


@command.command(epilog="\b\nExample:\n  selfproof incident export -o incidents.json")
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: print]")
@at_option
@json_option
def export(out: Path | None, folder: Path, as_json: bool) -> None:
    """All incidents as JSON, with the regimes that their clocks are of, and each entry's number to prove it by."""
    from selfproof.oversight.incidents import REGIMES, SEVERITIES

    del as_json  # it is nothing else
    told = {"format": "selfproof-incidents/1", "program": Seen(folder).state.genesis["program"],
            "severities": dict(SEVERITIES),
            "regimes": [{"id": one.id, "name": one.name, "hours": dict(one.hours)} for one in REGIMES],
            "regimes_as_of": "mid 2026, from secondary sources; check the primary text",
            "incidents": _rows(folder)}  # fmt: skip
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


def _rows(folder: Path) -> list[dict[str, Any]]:
    from selfproof.reports.incidents import told

    now = datetime.datetime.now(datetime.UTC)
    return [told(one, now) for one in reversed(Seen(folder).state.overseen.incidents.values())]
