"""``selfproof review``: what waits for people's approval, with its evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import Seen, at_option, coloured, dump, invocation, json_option, unified, visible
from selfproof.viewing.certificates import page
from selfproof.viewing.reviews import REMINDER, named, row_of, standing_words
from selfproof.viewing.weighing import weighed


@click.command(epilog="\b\nExamples:\n  selfproof review\n  selfproof review 81\n  selfproof approve 81 --key KEY")
@click.argument("change", required=False)
@at_option
@json_option
def command(change: str | None, folder: Path, as_json: bool) -> None:
    """What waits for approval; with CHANGE, its diff, its evidence and what that does not cover."""
    seen = Seen(folder)
    waiting = seen.state.waiting
    if change is None:
        rows = [row_of(seen, one) for one in waiting]
        if as_json:
            dump(rows)
            return
        for row in rows:
            click.echo(f"{row['id']:>6}  {row['objective']}: {visible(row['title'][:80])}")
            click.echo(f"        {standing_words(row)}")
        told = f"look at one: {invocation('review ID', folder)}" if rows else "nothing waits for approval"
        click.echo(told)
        return
    confirming = named(waiting, change)
    row, body = row_of(seen, confirming), confirming.body
    before = seen.files(seen.state.current)
    after = {**before, **{path: seen.reader.get_blob(digest).decode() for path, digest in body["files"].items()}}
    diff = unified(before, after, ("before", "after"))
    if as_json:
        weighs = weighed(seen, confirming)
        dump({**row, "diff": diff, "evidence": confirming.verdict, "guards": confirming.guards, "weighs": weighs})
        return
    click.echo(visible(row["title"]))
    click.echo(f"objective {row['objective']}, suggested by {visible(body['operator'])}, {confirming.time}")
    for name, why in row["classes"].items():
        click.echo(f"class {name}: {visible(why)}")
    click.echo(f"{standing_words(row)}\n")
    weighs = weighed(seen, confirming)
    for name, words in _weighing(weighs):
        click.echo(f"  {name:<11} {visible(words)}")
    click.echo()
    for path in [one["file"] for one in weighs["changes"]]:  # what changes most first
        coloured(unified({path: before[path]} if path in before else {}, {path: after[path]}, ("before", "after")))
    click.echo("\nEvidence")
    for name, words in page(confirming.verdict or {}):
        click.echo(f"  {name:<11} {visible(words)}")
    for guard in confirming.guards:
        click.echo(f"  guard       {guard['guard']}: {'passed' if guard['passed'] else 'NOT passed'}")
    click.echo(f"\n{REMINDER}")
    for word in ("", " --reject --reason WHY"):
        click.echo(f"  {invocation(f'approve {confirming.id} --key ~/.ssh/id_ed25519{word}', folder)}")


def _weighing(weighs: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What to weigh, line by line: what it may affect comes first, then what nobody asked of it."""
    for change in weighs["changes"]:
        functions = f" ({', '.join(change['functions'])})" if change["functions"] else ""
        yield "changes", f"{change['file']}: +{change['added']} -{change['removed']} lines{functions}"
    guards = ", ".join(weighs["serves"]["guards"]) or "none: nothing else was measured"
    yield "guards", guards
    since = weighs["since_approved"]
    yield "since", f"{since['lines']} lines more than version {since['version']}, which people saw last"
    for package in weighs["imports_added"]:
        known = f"{package['version'] or 'not installed here'}, licence {package['licence'] or 'NOT KNOWN'}"
        yield "imports", f"{package['name']}: {known}"
    if weighs["tests_removed"]:
        yield "tests", f"{len(weighs['tests_removed'])} are gone: {', '.join(weighs['tests_removed'][:5])}"
    if weighs["linted"] is None:
        yield "linter", "ruff is not installed here: nothing was looked for"
    for words in weighs["linted"] or ():
        yield "linter", words
    predicted = weighs["prediction"]
    yield "prediction", "none was made" if predicted is None else f"{predicted:.4g}, by whoever suggested it"
    for by, count in weighs["signed_lately"].items():
        yield "lately", f"{by} agreed to {count} changes in the last 24 hours" if count > 1 else f"{by} agreed to one"
