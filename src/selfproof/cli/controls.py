"""``selfproof controls``: what the gate said to changes whose true effect is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from selfproof.cli.common import Seen, at_option, dump, json_option

LINES = (2, 5, 10, 20, 100)
BAR = 40
PLACEBOS = ("aa", "placebo")


@click.command(epilog="\b\nExamples:\n  selfproof controls\n  selfproof controls --json | jq .placebo.e_values")
@at_option
@json_option
def command(folder: Path, as_json: bool) -> None:
    """What the gate said to changes whose true effect is known: nothing at all, a planted gain, a fake one."""
    from selfproof.archive.state import EXPECTED

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


def told(seen: Seen, confirming: Any) -> dict[str, Any]:
    """One control: what it was, what came out, whether its versions ever differed, and its bet's largest wealth."""
    from selfproof.archive.evidence import unpack
    from selfproof.certify.gate import Rule
    from selfproof.certify.judging import gate_for
    from selfproof.certify.pairs import pair_of

    body = confirming.body
    gate = gate_for(Rule(**body["rule"]))
    wealth, differs = [0.0], False
    for digest in confirming.evidence:
        for row in unpack(seen.reader.get_blob(digest))[1]:
            pair = pair_of(body["kind"], body["better"], row)
            differs = differs or pair.y != 0.0 or any(pair.parts)
            wealth.append(gate.add(pair).log_wealth)
    return {
        "confirmation": confirming.id, "name": confirming.control, "objective": body["objective"],
        "title": body["title"], "answer": (confirming.verdict or {}).get("answer"), "pairs": len(wealth) - 1,
        "e_value": math.exp(wealth[-1]), "largest": math.exp(max(wealth)), "differs": differs,
    }  # fmt: skip


def reached(nulls: list[dict[str, Any]]) -> list[dict[str, float]]:
    """For some lines x the number of placebos' bets that ever reached x, and how many noise allows on average."""
    return [{"line": x, "reached": sum(r["largest"] >= x for r in nulls), "at_most": len(nulls) / x} for x in LINES]


def chart(rows: list[dict[str, float]], n: int) -> list[str]:
    """A bar for each line; the mark is what noise allows on average."""
    shown = []
    for row in rows:
        bar = ["█"] * round(BAR * row["reached"] / n) + [" "] * BAR
        bar[min(BAR - 1, round(BAR * row["at_most"] / n))] = "|"
        shown.append(f"  >= {row['line']:>4.0f}  {''.join(bar[:BAR])} {row['reached']:.0f} of {n}")
    return shown


def predictions(seen: Seen) -> dict[str, Any]:
    """How edits that stated what they would do came out."""
    found = [(c.certificate or {}).get("prediction") for c in seen.state.confirmations.values()]
    said = [one for one in found if one]
    return {"n": len(said), "inside": sum(one["inside"] for one in said), "all": said}
