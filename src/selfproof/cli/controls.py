"""``selfproof controls``: what the gate said to changes whose true effect is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import Seen, at_option, dump, json_option

BAR = 40


@click.command(epilog="\b\nExamples:\n  selfproof controls\n  selfproof controls --json | jq .placebo.e_values")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """What the gate said to changes whose true effect is known: nothing at all, a planted gain, a fake one."""
    from selfproof.archive.state import EXPECTED
    from selfproof.viewing.controls import PLACEBOS, predictions, reached, told

    seen = Seen(folder)
    rows = [told(seen, c) for c in seen.state.confirmations.values() if c.control is not None]
    same, power = [r for r in rows if r["name"] in PLACEBOS], [r for r in rows if r["name"] == "power"]
    nulls = [r for r in same if r["differs"]]  # a bet on differences that are all 0 could not go wrong
    result: dict[str, Any] = {
        "controls": rows,
        "placebo": {
            "n": len(nulls), "left_out": len(same) - len(nulls),
            "certified": sum(r["answer"] == "certified" for r in nulls),
            "e_values": [r["largest"] for r in nulls],
            "reached": reached(nulls),
        },
        "power": {"n": len(power), "found": sum(r["answer"] == "certified" for r in power)},
        "predictions": predictions(seen),
    }  # fmt: skip
    if as_json:
        dump(result)
        return
    if not rows:
        click.echo("no control was run yet; they come after a run's first confirmation")
        return
    for row in rows:
        must = f", must be {EXPECTED[row['name']]}" if EXPECTED.get(row["name"]) else ""
        click.echo(f"{row['confirmation']:>6} {row['name']:<13} {row['objective']:<12} {row['answer']}{must}")
        click.echo(f"       {row['title']}: largest wealth {row['largest']:.3g}, {row['pairs']} pairs")
    if nulls:
        click.echo(f"\nplacebos certified: {result['placebo']['certified']} of {len(nulls)}")
        click.echo("the largest wealth of each, where noise reaches x with a chance of at most 1/x")
        for line in chart(result["placebo"]["reached"], len(nulls)):
            click.echo(line)
    if left_out := result["placebo"]["left_out"]:
        click.echo(f"\nA/A: {left_out} left out, where nothing ever differed, so that there was no noise")
    if power:
        click.echo(f"\nplanted gains found: {result['power']['found']} of {len(power)}")
    said = result["predictions"]
    if said["n"]:
        click.echo(f"\npredictions: {said['inside']} of {said['n']} within the measured interval")


def chart(rows: list[dict[str, float]], n: int) -> list[str]:
    """A bar for each line; the mark is what noise allows on average."""
    shown = []
    for row in rows:
        bar = ["█"] * round(BAR * row["reached"] / n) + [" "] * BAR
        bar[min(BAR - 1, round(BAR * row["at_most"] / n))] = "|"
        shown.append(f"  >= {row['line']:>4.0f}  {''.join(bar[:BAR])} {row['reached']:.0f} of {n}")
    return shown
