"""``selfproof run``: let the program improve itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import at_option, invocation, json_option

EPILOG = """\b
Examples:
  selfproof run                       two minutes; makes the program first if the folder is empty
  selfproof run --minutes 10 --seed 7
  selfproof run --minutes 30 --until-certified 1
  selfproof run --strategy hgm        another search strategy (docs/strategies.md)
  selfproof run --focus memory        one objective alone
  selfproof run --model ollama/qwen3:8b
  selfproof run --target self         patches to selfproof's own hot functions, into ./self
  selfproof run --json | tail -1      the summary"""


@click.command(epilog=EPILOG)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Wall clock.  [default: the charter's]")
@click.option(
    "--until-certified", "enough", metavar="N", type=click.IntRange(1), help="End early, once it certified N changes."
)
@click.option("--focus", metavar="OBJECTIVE", help="Spend all time on this one of the charter's objectives.")
@click.option("--seed", type=click.IntRange(0), help="Make the run repeatable; certificates then say so.")
@click.option(
    "--strategy", metavar="NAME", help="Search by this strategy: dgm, hgm, map-elites ...  [default: the charter's]"
)
@click.option("--model", "models", multiple=True, help="Ask this model too: ollama/qwen3:8b, openai/gpt-5-mini, a URL.")
@click.option("--agent", default="", help='Ask a coding agent too: "claude -p {prompt}", or a preset such as claude.')
@click.option("--record", type=click.Path(path_type=Path, dir_okay=False), help="Keep the models' replies in a file.")
@click.option("--replay", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Ask that file instead.")
@click.option(
    "--target",
    metavar="self",
    help="selfproof's own hot functions, in a program of their own (./self); self:MOD:FUNC "
    "names one. The installed package stays as it is.",
)
@click.option("--fail-if-none", is_flag=True, help="Exit with 3 if nothing is certified in this run.")
@at_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, folder: Path, as_json: bool, minutes: float | None, seed: int | None, enough: int | None,
    fail_if_none: bool, **asked: Any,
) -> None:  # fmt: skip
    """Let the program in this folder improve itself; an empty folder gets a new one first. Ctrl-C stops cleanly."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before numpy: the cores belong to the jailed workers
    from selfproof.cli.sandbox import warn_of
    from selfproof.cli.views import view_for
    from selfproof.proposers import Asked
    from selfproof.session import run

    ways = {name: asked.pop(name) for name in ("focus", "strategy")}
    if (target := asked.pop("target")) is not None:
        from selfproof.cli.target import made

        here = ctx.get_parameter_source("folder") is not click.core.ParameterSource.COMMANDLINE
        folder = made(target, None if here else folder, seed, as_json)
    adopted = 0
    last = None
    with view_for(as_json) as view:
        for event in run(folder, minutes, seed, Asked(**asked), certified=enough, **ways):
            if event["event"] == "start":
                warn_of(event["tier"])
                if event["uncertified"]:
                    told = "WARNING: this charter adopts by a test that proves nothing. No change is certified."
                    click.secho(told, fg="red", bold=True, err=True)
            adopted += event["event"] == "decision" and event["verdict"] == "adopted"
            last = event
            view.take(event)
    if last is not None and last.get("ended") == "interrupted":
        click.echo(f"interrupted; everything is saved. To go on: {invocation('run', folder)}", err=True)
        ctx.exit(130)
    ctx.exit(3 if fail_if_none and not adopted else 0)
