"""``selfproof token``: let others use the dashboard and its HTTP API, as an auditor or an operator."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import Seen, at_option, dump, json_option, visible

EPILOG = """\b
Examples:
  selfproof token new --role auditor --days 30
  selfproof token list
  selfproof token revoke 3f0c9a1b2d4e"""


@click.group(epilog=EPILOG)
def command() -> None:
    """Tokens for others: an auditor may read and stop, an operator also pause, drain and hand in signatures."""


@command.command(epilog="\b\nExample:\n  selfproof token new --role auditor --days 30")
@click.option("--role", type=click.Choice(["auditor", "operator"]), required=True, help="What they may do.")
@click.option("--days", type=click.FloatRange(0, 366, min_open=True), default=30.0, show_default=True,
              help="For how long.")  # fmt: skip
@at_option
@json_option
def new(role: str, days: float, folder: Path, as_json: bool) -> None:
    """Make one and print it, once: only its hash is kept, and the ledger says that there is one."""
    from selfproof import tokens
    from selfproof.oversight.control import account

    made = tokens.new(folder, role, days, account())
    if as_json:
        dump(made)
        return
    click.echo(made["token"])
    click.echo(f"for the {role}, until {made['until'][:16]} UTC; nobody can read it again", err=True)
    click.echo(f"to end it: selfproof token revoke {made['id']}", err=True)


@command.command("list", epilog="\b\nExample:\n  selfproof token list --json")
@at_option
@json_option
def list_(folder: Path, as_json: bool) -> None:
    """Who was given one, as what, until when, as the ledger has it."""
    found = Seen(folder).state.overseen.tokens
    if as_json:
        dump([{"id": name, **told} for name, told in found.items()])
        return
    for name, told in found.items():
        state = f"revoked {told['revoked'][:16]}" if told["revoked"] else f"until {told['until'][:16]} UTC"
        click.echo(f"{name}  {told['role']:<9} {state}, made {told['at'][:16]} by {visible(told['by'])}")
    if not found:
        click.echo("nobody was given one")


@command.command(epilog="\b\nExample:\n  selfproof token revoke 3f0c9a1b2d4e")
@click.argument("name", metavar="ID")
@at_option
@json_option
def revoke(name: str, folder: Path, as_json: bool) -> None:
    """End one at once; what is open in a browser ends too."""
    from selfproof import tokens
    from selfproof.oversight.control import account

    tokens.revoke(folder, name, account())
    if as_json:
        dump({"revoked": name})
    else:
        click.echo(f"{name} counts no more")
