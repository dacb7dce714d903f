"""``selfproof run``: let the program improve itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from selfproof.cli.common import at_option, invocation, json_option

if TYPE_CHECKING:
    from selfproof.monitoring.listening import Listener

EPILOG = """\b
Examples:
  selfproof run                       two minutes; makes the program first if the folder is empty
  selfproof run --minutes 10 --seed 7
  selfproof run --minutes 30 --until-certified 1
  selfproof run --strategy hgm        another search strategy (docs/strategies.md)
  selfproof run --focus memory        one objective alone
  selfproof run --archive postgresql://selfproof@db/selfproof    divide the search with others (docs/archive.md)
  selfproof run --model ollama/qwen3:8b
  selfproof run --target self         patches to selfproof's own hot functions, into ./self
  selfproof run --cluster ray://head:10001   trials on the nodes of a Ray cluster (docs/clusters.md)
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
@click.option(
    "--archive", metavar="URL", help="Keep the candidates there: postgresql://USER@HOST/DB (no password), or local."
    "  [default: the charter's]",
)  # fmt: skip
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
@click.option("--cluster", metavar="ADDRESS", help="Run trials on a Ray cluster's nodes.  [default: the charter's]")
@click.option("--otel", is_flag=True, help="Send a trace to OTEL_EXPORTER_OTLP_ENDPOINT (extra `otel`).")
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
    from selfproof.monitoring.sinks import told_to
    from selfproof.proposers import Asked
    from selfproof.session import Ways, run

    ways = Ways(**{name: asked.pop(name) for name in ("focus", "strategy", "archive", "cluster")})
    if (target := asked.pop("target")) is not None:
        from selfproof.cli.target import made

        here = ctx.get_parameter_source("folder") is not click.core.ParameterSource.COMMANDLINE
        folder = made(target, None if here else folder, seed, as_json)
    listeners = traced() if asked.pop("otel") else []
    adopted = 0
    last = None
    events = run(folder, minutes, seed, Asked(**asked, own_process=True), certified=enough, ways=ways)
    with view_for(as_json) as view:
        for event in told_to(events, listeners):
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
    if last is not None and last.get("ended") == "its watcher ended":
        click.echo("its stop watcher ended, and without one nothing may run; the next run starts another", err=True)
        ctx.exit(1)
    if last is not None and str(last.get("ended")).startswith("ceiling disk:"):
        click.echo("the disk is nearly full: make room on it, and run again; nothing is lost", err=True)
        ctx.exit(1)
    if last is not None and (missed := missed_by(last)):
        click.echo(missed, err=True)
        ctx.exit(5)
    ctx.exit(3 if fail_if_none and not adopted else 0)


def traced() -> list[Listener]:
    """Who sends the trace that --otel asks for.

    Raises:
        UsageError: the environment does not say where to.
    """
    from selfproof.monitoring.sinks import traces_to
    from selfproof.nouns import UsageError

    if not (endpoint := os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")).startswith(("http://", "https://")):
        raise UsageError("--otel needs OTEL_EXPORTER_OTLP_ENDPOINT, the address of a collector",
                         advice="For instance OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318")  # fmt: skip
    return [traces_to(endpoint)]


def missed_by(summary: dict[str, Any]) -> str:
    """Which ceiling came before what the charter says that a run is for, and what to do; "" if none did."""
    target, ended = summary.get("target"), str(summary.get("ended"))
    ceiling = "minutes" if ended == "time" else ended.removeprefix("ceiling ")
    if not target or target["reached"] or (ended != "time" and ceiling == ended):
        return ""
    from selfproof.holding import ADVICE

    told = f"{target['certified']} of the {target['wanted']} changes that the charter asks for (until_certified)"
    return f"the ceiling {ceiling} was reached with {told} certified. {ADVICE[ceiling]}"
