"""``selfproof audit``: what an auditor gets who has nothing else."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.cli.verify import ledger_of


@click.group(epilog="\b\nExample:\n  selfproof audit export for-the-auditor")
def command() -> None:
    """For someone who has nothing else."""


@command.command(
    epilog="\b\nExample:\n  selfproof audit export for-the-auditor --with-tasks\n"
    "  selfproof audit export for-the-auditor --owner 'Jo Doe, jo@example.org'"
)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--with-tasks", is_flag=True, help="With the tasks, hidden answers included, to run trials again.")
@click.option("--owner", default="", metavar="TEXT", help="Who answers for the program, and how they are reached.")
@at_option
@json_option
def export(out: Path, with_tasks: bool, owner: str, folder: Path, as_json: bool) -> None:
    """Write the log, the system card, diffs, checks, and a page that begins with nothing into OUT, a new folder."""
    from selfproof.audit import bundle
    from selfproof.reports import handover, risks

    with ledger_of(folder, None) as (ledger, witnessed):
        made = handover.export(
            ledger, witnessed, out, folder / risks.FILE, folder / bundle.TASKS if with_tasks else None, owner
        )  # fmt: skip
    if as_json:
        dump({"folder": str(out), "entries": made.entries, "root": made.root, "verified": made.verified})
        return
    click.echo(f"{made.entries} entries in {out}; begin with README.md. Give the auditor this key some other way:")
    click.echo(f"  {made.key}")
