"""``selfproof status``: where a program stands."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, dump, json_option, visible


@click.command(epilog="\b\nExample:\n  selfproof status --json")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """Where the program stands: version, counts, error budget, whether it may run."""
    from selfproof.viewing.status import status_of

    seen = Seen(folder)
    state = seen.state
    row = status_of(seen)
    if as_json:
        dump(row)
        return
    click.echo(f"program {row['program']}, version {row['version']} (tree {state.now.tree[:12]})")
    click.echo(f"  {row['certified']} certified, {row['refused']} refused, {state.trials} trials logged")
    if row["uncertified"]:
        click.echo(f"  {row['uncertified']} adopted without a certificate")
    if row["waiting"]:
        click.echo(f"  {len(row['waiting'])} certified and waiting for approval: `selfproof review`")
    _say_incidents(row["incidents"])
    alpha = row["alpha"]
    click.echo(f"  error budget spent: {alpha['spent']:.4f} of {alpha['total']}")
    for name, reason in row["retired"].items():
        click.echo(f"  {name} is retired: {reason}; an objective of a new name needs new samples")
    for one in row["ceilings"]:
        click.echo(f"  {one['ceiling']}: {one['used']:.6g} of {one['limit']:.6g} ({one['share']:.0%})")
    click.echo(f"  ledger: {state.entries} entries, root {seen.reader.root.hex()[:16]}")
    if row["stopped"]:
        by = row["halted"] or {"by": "a STOP file", "reason": ""}
        click.echo(f"  stopped by {visible(by['by'])}: {visible(by['reason'])}; to go on: selfproof resume")
    if row["paused"]:
        click.echo(f"  paused by {visible(row['paused']['by'])}; to go on: selfproof resume")


def _say_incidents(told: dict[str, list[int]]) -> None:
    if told["open"]:
        late = f", {len(told['overdue'])} OVERDUE" if told["overdue"] else ""
        click.echo(f"  {len(told['open'])} open incidents{late}: `selfproof incident list`")
