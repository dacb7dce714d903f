"""``selfproof train``: tune a local model on the program's own edits, and let the gate judge it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import at_option, dump, json_option
from selfproof.nouns import UsageError

EPILOG = """\b
Examples:
  selfproof train --dry-run                     what this life has to teach
  selfproof train --model hf:models/small       tune, then judge against the weights of that folder
  selfproof train --model local --lora          go on from the certified weights
  selfproof train --judge --model hf:models/small
  selfproof run --model local                   ask the certified weights"""


@click.command(epilog=EPILOG)
@click.option("--model", default="", help="Weights to begin with: hf:FOLDER, or local for those certified last.")
@click.option("--steps", type=click.IntRange(1, 1_000_000), default=200, show_default=True, help="Steps of training.")
@click.option("--rate", type=click.FloatRange(0, 1, min_open=True), default=2e-5, show_default=True,
              help="Learning rate; small matrices (--lora) take ten times as much.")  # fmt: skip
@click.option("--lora", is_flag=True, help="Learn small matrices and merge them, where memory is short.")
@click.option("--context", type=click.IntRange(0), default=0, help="Tokens of an example.  [default: the model's]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the training.")
@click.option("--edits", type=click.IntRange(1, 64), default=4, show_default=True, help="Of each side in a pair.")
@click.option("--no-judge", is_flag=True, help="Make new weights, and let the gate judge them another time.")
@click.option("--judge", "judge_only", is_flag=True, help="Judge the weights that were made last, or go on with it.")
@click.option("--back", is_flag=True, help="Take back the weights that were certified last.")
@click.option("--dry-run", is_flag=True, help="Say what there is to learn, and do nothing.")
@at_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, folder: Path, as_json: bool, model: str, judge_only: bool, no_judge: bool, **more: Any
) -> None:
    """Tune a local model on this life's accepted and refused edits; it proposes once the gate has certified it."""
    from selfproof.tuning import session
    from selfproof.tuning.making import Recipe

    if sum((judge_only, no_judge, more["back"], more["dry_run"])) > 1:
        raise UsageError("--judge, --no-judge, --back and --dry-run exclude each other")
    if more["dry_run"]:
        _counts(session.told(folder, model).counts, as_json)
        return
    if more["back"]:
        to = session.taken_back(folder)
        _say({"event": "back", "model": to}, as_json)
        return
    recipe = Recipe(more["steps"], more["rate"], more["lora"], more["seed"], more["context"])
    wanted = session.Wanted(model, recipe, judge=not no_judge, judge_only=judge_only, edits=more["edits"])
    halted = False
    for event in session.train(folder, wanted, guest=False):
        halted = event["event"] == "halted"
        _say(event, as_json)
    ctx.exit(130 if halted else 0)


def _counts(counts: dict[str, int], as_json: bool) -> None:
    if as_json:
        dump(counts)
        return
    for name, count in counts.items():
        click.echo(f"{name.replace('_', ' '):<18}{count:>8}")


def _say(event: dict[str, Any], as_json: bool) -> None:
    """One event: a line of JSON, or of words."""
    if as_json:
        dump(event)
        return
    words = _WORDS.get(event["event"])
    if words is not None:
        click.echo(words(event))


def _verdict(event: dict[str, Any]) -> str:
    text = f"{event['answer']}: {event['reason']}"
    if "difference" in event:
        low, high = event["interval"]
        text += (f"\n  the best of a few edits gained {event['incumbent']:.2%} with the weights before and "
                 f"{event['candidate_gain']:.2%} with the new ones, on average"
                 f"\n  difference {event['difference']:+.2%} [{low:+.2%}, {high:+.2%}], from the pairs that decided "
                 f"({event['pairs'] or 'the race'})")  # fmt: skip
    return text


def _pair(event: dict[str, Any]) -> str:
    sides = [f"{event[name]['score']:+.2%} ({event[name]['read']} read, {event[name]['ran']} ran)"
             for name in ("incumbent", "candidate")]  # fmt: skip
    return f"  {'race' if event['event'] == 'model-race' else 'pair'} {event['pair']}: {sides[0]} against {sides[1]}"


def _tuned(event: dict[str, Any]) -> str:
    losses = [f"{loss:.3f}" for loss in event.get("held_out_loss", []) if loss is not None]
    told = f", loss on held-out edits {' -> '.join(losses)} nats a token" if losses else ""
    return f"made {event['model'][:12]}{told}\n  {event['folder']}"


_WORDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "examples": lambda e: f"{e['sft']} accepted edits to learn from, {e['pairs']} pairs with a refused one; "
    f"{e['held_out_prompts']} of {e['prompts']} versions are held out",
    "training": lambda e: f"{e['stage']}: {e['steps']} steps on {e['examples']} examples",
    "tuned": _tuned, "model-race": _pair, "model-pair": _pair, "model-verdict": _verdict,
    "halted": lambda e: f"stopped ({e['by']}); what was open goes on: selfproof train --judge",
    "back": lambda e: f"the weights now: {e['model'][:12] or 'none'}",
}  # fmt: skip
