"""``selfproof metrics``: the program as numbers for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from selfproof.cli.common import at_option, dump, json_option

EPILOG = """\b
Examples:
  selfproof metrics
  selfproof metrics -o /var/lib/node_exporter/textfile/selfproof.prom      (from a timer)
  selfproof metrics --json"""


@click.command(epilog=EPILOG)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="Write a file, whole or not at all, for node_exporter's textfile collector.")  # fmt: skip
@at_option
@json_option
def command(folder: Path, output: Path | None, as_json: bool) -> None:
    """Print where the program stands as numbers, in Prometheus's text format. Takes no lock; a run may go on."""
    from selfproof.monitoring.metrics import metrics
    from selfproof.viewing.seen import Seen

    text = metrics(Seen(folder))
    if output is not None:
        _write(output, text)
    if as_json:
        rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        dump({name: float(value) for name, _, value in rows})
    elif output is None:
        click.echo(text, nl=False)


def _write(place: Path, text: str) -> None:
    """Replace the file: a collector must never read half of it."""
    aside = place.with_name(f".{place.name}.new")
    aside.write_text(text, encoding="utf-8")
    aside.replace(place)
