"""``selfproof propose``: leave a suggestion for the next run."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import Seen, at_option, dump, json_option
from selfproof.nouns import UsageError

if TYPE_CHECKING:
    from selfproof.propose.inbox import Letter

EPILOG = """\b
Examples:
  cp -r program better; edit better/memory.py; selfproof propose better --title "keep the counts sorted"
  selfproof propose idea.json            {"files": {"memory.py": "..."}, "title": "...", "prediction": 0.05}
  selfproof propose --list"""
KEYS = ("files", "title", "prediction", "risk", "objective", "by")


@click.command(epilog=EPILOG)
@click.argument("source", required=False)
@click.option("--title", help="What it changes, in a few words.")
@click.option("--prediction", type=float, help="Expected gain in the metric's unit; for speed a ratio above 1.")
@click.option("--risk", help="What may break, in a few words.")
@click.option("--objective", help="Which objective it is for; without it the one whose files it changes.")
@click.option("--by", help="Who suggests it; shown in the log as its origin.")
@click.option("--list", "as_list", is_flag=True, help="What waits already.")
@at_option
@json_option
def command(source: str | None, as_list: bool, folder: Path, as_json: bool, **words: Any) -> None:
    """Leave a suggestion for the next run: SOURCE is a changed copy of the program's folder, a JSON file, or -.

    It is screened, raced and confirmed like any other. Nothing is adopted without the gate.
    """
    from selfproof.propose.inbox import put, waiting

    seen = Seen(folder)
    inbox = seen.paths.private / "inbox"
    if as_list:
        rows = [{"id": one.id, "title": one.letter.title, "files": sorted(one.letter.files)} for one in waiting(inbox)]
        if as_json:
            dump(rows)
        for row in [] if as_json else rows:
            click.echo(f"{row['id']}  {row['title'][:80]}  ({', '.join(row['files'])})")
        return
    if source is None:
        raise UsageError("nothing is suggested", advice="Name a changed copy of the program's folder, or a JSON file.")
    now = seen.files(seen.state.current)
    given = {**_read(source, now), **{key: value for key, value in words.items() if value is not None}}
    pools = seen.state.charter.get("pools", {})
    told: dict[str, Any] = {"id": put(inbox, _letter(given, now, seen)), "waiting": len(waiting(inbox)),
            "adopts": seen.charter.autonomy.level != "observe",
            "hold_outs": sorted(name for name, pool in pools.items() if pool and pool.get("lifetime"))}  # fmt: skip
    if as_json:
        dump(told)
        return
    click.echo(f"waits for the next run, {told['waiting']} in all: {told['id']}")
    if not told["adopts"]:
        click.echo('  the charter\'s autonomy is "observe": it will be raced, and nothing will be adopted')
    for name in told["hold_outs"]:
        click.echo(f"  {name} has a hold-out: who suggests must not have read its certificates (docs/gate.md)")


def _read(source: str, now: Mapping[str, str]) -> dict[str, Any]:
    """What a folder or a JSON document suggests.

    Raises:
        UsageError: it cannot be read, or is no suggestion.
    """
    path = Path(source)
    try:
        if path.is_dir():
            from selfproof.adopt.repo import read_files

            return {"files": {name: text for name, text in read_files(path).items() if now.get(name) != text}}
        text = sys.stdin.read() if source == "-" else path.read_text("utf-8")
        body = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{source} cannot be read: {error}", advice="Give a folder, or JSON as in --help.") from None
    if not isinstance(body, dict) or not set(body) <= set(KEYS):
        raise UsageError(f"{source} is no suggestion", advice=f"An object with {', '.join(KEYS)}.")
    return body


def _letter(given: Mapping[str, Any], now: Mapping[str, str], seen: Seen) -> Letter:
    """A checked suggestion.

    Raises:
        UsageError: a wrong type, a file that may not be changed, an objective that is not there.
    """
    from selfproof.archive.tree import matches
    from selfproof.propose.inbox import Letter

    files, stated = given.get("files"), given.get("prediction")
    if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
        raise UsageError("files must map paths to whole new texts")
    if stated is not None and (
        isinstance(stated, bool) or not isinstance(stated, int | float) or not math.isfinite(stated)
    ):
        raise UsageError(f"the prediction {stated!r} is no number")
    texts = {key: given.get(key) or "" for key in ("title", "risk", "objective", "by")}
    for key, text in texts.items():
        if not isinstance(text, str):
            raise UsageError(f"{key} must be text")
    program = seen.charter.program
    for path in files:
        if not matches(path, program.editable) or matches(path, program.protected):
            raise UsageError(f"{path} is not editable", advice=f"The charter allows: {', '.join(program.editable)}.")
    if texts["objective"]:
        seen.charter.objective(texts["objective"])
    base = {path: now.get(path) for path in files}
    return Letter(files, base, prediction=None if stated is None else float(stated), **texts)
