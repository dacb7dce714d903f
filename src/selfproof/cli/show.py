"""``selfproof show``: one change with its evidence."""

from __future__ import annotations

import math
from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, coloured, dump, json_option, unified
from selfproof.cli.log import effect_words, rows_of
from selfproof.nouns import UsageError


@click.command(epilog="\b\nExamples:\n  selfproof show 41\n  selfproof show v3")
@click.argument("change")
@at_option
@json_option
def command(change: str, folder: Path, as_json: bool) -> None:
    """One change: what it does, its diff, and its certificate. CHANGE is an id of `log`, or v and a version number."""
    seen = Seen(folder)
    rows = rows_of(seen.state)
    wanted = change.removeprefix("v")
    by_version = [r for r in rows if change.startswith("v") and str(r["version"]) == wanted]
    row = next(iter(by_version or [r for r in rows if str(r["id"]) == change]), None)
    if row is None:
        raise UsageError(f"no change is called {change!r}", advice="`selfproof log` lists them.")
    confirming = seen.state.confirmations[row["id"]]
    body = confirming.body
    before = seen.files(body["base_version"])
    after = {**before, **{p: seen.reader.get_blob(d).decode() for p, d in body["files"].items()}}
    diff = unified(before, after, ("before", "after"))
    if as_json:
        evidence = {"certificate": confirming.verdict, "rule": body["rule"], "decision": confirming.decision}
        dump({**row, "diff": diff, **evidence})
        return
    click.echo(f"{row['verdict']}: {row['title']}")
    click.echo(f"objective {row['objective']}, origin {row['origin']}, confirmation {row['id']}, {row['time']}")
    if words := effect_words(row):
        click.echo(f"effect on fresh pairs: {words}")
    click.echo(f"why: {row['reason']}\n")
    coloured(diff)
    verdict = confirming.verdict
    if verdict is not None:
        click.echo("\nCertificate" if verdict["answer"] == "certified" else "\nEvidence")
        click.echo(f"  claim      {verdict['claim']}: {verdict['answer']}")
        click.echo(f"  level      k = {verdict['k']}, alpha_k = {verdict['alpha_k']:.3g}")
        wealth = math.exp(min(verdict["log_wealth"], 700))
        click.echo(f"  wealth     {wealth:.4g} of 1/alpha_k = {1 / verdict['alpha_k']:.4g}")
        if verdict["log_mean_wealth"] is not None:
            click.echo(f"  mean bet   {math.exp(min(verdict['log_mean_wealth'], 700)):.4g}, margin {verdict['margin']}")
        click.echo(f"  pairs      {verdict['pairs']}, scale {verdict['scale']:.4g}")
        click.echo(f"  isolation  {verdict['tier']}: {', '.join(verdict['layers']) or 'none at all'}")
        if verdict.get("granted"):
            click.echo(f"  granted    {', '.join(verdict['granted'])}")
        click.echo(f"  seeds      {verdict['seeds']}; signer: {verdict['signer']}")
        click.echo(f"  not covered: {'; '.join(verdict['not_covered'])}")
        click.echo("  assumes    " + "\n             ".join(verdict["assumes"]))
