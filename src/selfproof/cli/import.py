"""``selfproof import``: another tool's task as a living program."""  # noqa: N999  a command has its own name

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import LIVING, dump, invocation, json_option

EPILOG = """\b
Examples:
  selfproof import examples/circle_packing           a folder of OpenEvolve, ShinkaEvolve or autoresearch
  selfproof import main.py                           a script that calls GEPA
  selfproof import scoring.py:evaluate               an evaluator of GEPA's form, with seed_candidate beside it
  selfproof import evals.py:sums --solver agent.py:answer      an Inspect task"""


@click.command(epilog=EPILOG)
@click.argument("path")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option(
    "--kind", type=click.Choice(["openevolve", "shinka", "gepa", "autoresearch", "inspect"]),
    help="What it is.  [default: looked at]",
)  # fmt: skip
@click.option("--solver", metavar="FILE.py:FUNC", default="", help="Inspect: the function that answers.")
@click.option("--metric", metavar="NAME", default="", help="autoresearch: what train.py prints.  [default: looked at]")
@click.option("--lower", "better", flag_value="lower", help="autoresearch: less of the metric is better.")
@click.option("--higher", "better", flag_value="higher", help="autoresearch: more of it is better.")
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(0.1, 80000), help="Ceiling of one evaluation.")
@click.option("--seed", type=click.IntRange(0), help="Make the search repeatable.")
@json_option
def command(path: str, folder: Path | None, as_json: bool, **options: Any) -> None:
    """Make a living program of another tool's task (into ./living or FOLDER); the task itself stays as it is.

    Its evaluator is run unmodified, in the jail. What was understood is told, and what was not; the first program is
    measured, with its noise, before anything is written.
    """
    from selfproof.adapters import detect

    place, _, name = path.partition(":") if ".py:" in path else (path, "", "")
    kind = options["kind"] or ""
    if name and not kind:
        kind = "inspect" if options["solver"] else "gepa"
    chosen = detect.Options(
        kind, name, options["timeout"] or 0.0, options["seed"], options["solver"], options["metric"],
        options["better"] or "",
    )  # fmt: skip
    home = folder or Path(LIVING)
    kind, made = detect.bring(Path(place), home, chosen, (lambda _: None) if as_json else click.echo)
    if as_json:
        dump({"event": "import", "kind": kind, "program": made.program_id, "folder": str(made.folder),
              "told": made.told})  # fmt: skip
        return
    click.echo(f"program {made.program_id} is ready in {made.folder.resolve()}")
    click.echo("  charter.toml  what you allow it to do: read it, it is yours")
    click.echo(f"  next: {invocation('run', made.folder)}")
