"""``selfproof report``: the system card, from the ledger alone."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from selfproof.cli.common import at_option
from selfproof.cli.verify import ledger_of

EPILOG = """\b
Examples:
  selfproof report -o card.html
  selfproof report --format md | less
  selfproof report --format cyclonedx -o bom.json
  selfproof report --bundle FOLDER -o card.html      of a bundle that somebody gave you"""

FORMATS = ("html", "md", "json", "cyclonedx")


@click.command(epilog=EPILOG)
@click.option("-o", "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write.  [default: print]")
@click.option("--format", "form", type=click.Choice(FORMATS), help="[default: by the file's ending, else md]")
@click.option("--bundle", type=click.Path(path_type=Path, file_okay=False, exists=True), help="A bundle's folder.")
@click.option("--new-risks", is_flag=True, help="Write risks.toml, to begin with, beside the charter.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@at_option
def command(
    out: Path | None, form: str | None, bundle: Path | None, new_risks: bool, as_json: bool, folder: Path
) -> None:  # fmt: skip
    """The system card: what changed and why, who agreed, what it cost, what is open, with proofs and mappings.

    It is made from the ledger alone (and risks.toml beside the charter, if there is one), so the same ledger gives the
    same card. Exit code 4 if the ledger does not verify; the card says so then.
    """
    from selfproof.reports import bom, rendering, risks
    from selfproof.reports.card import card
    from selfproof.reports.facts import Facts

    if new_risks:
        risks.begin(folder / risks.FILE)
        click.echo(f"{folder / risks.FILE}: change what does not fit, then `selfproof report`")
        return
    form = "json" if as_json else form or (out.suffix.lstrip(".") if out and out.suffix[1:] in FORMATS else "md")
    with ledger_of(folder, bundle) as (ledger, witnessed):
        facts = Facts(ledger, witnessed)
        if form == "cyclonedx":
            _write(bom.text(facts), out)
            return
        register = None if bundle else risks.load(folder / risks.FILE)
        made = card(facts, register)
    _write(rendering.rendered(made, form), out)
    if out is not None:
        click.echo(f"{out}: {made.entries} entries as of {made.as_of}", err=True)
    if not made.verified:
        click.echo(f"NOT verified: {dict(made.first_bad or {})}", err=True)
        sys.exit(4)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        click.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
