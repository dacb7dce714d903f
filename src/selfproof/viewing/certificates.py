"""A certificate in words, line by line. docs/gate.md says how to read it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any


def page(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A certificate line by line: (name, words). docs/gate.md says how to read it."""
    yield "claim", f"{told['claim']}: {told['answer']}"
    yield (
        "level",
        f"k = {told['k']}, alpha_k = {told['alpha_k']:.3g}"
        + (
            f"; budget of the whole life: {told['spent']:.4g} spent, {told['left']:.4g} left" if "spent" in told else ""
        ),
    )
    if told["test"] == "exact":
        yield "compared", f"every sample, and every one again: {told['pairs']} pairs"
    else:
        yield from _bets(told)
    yield from _outcome(told)
    yield "isolation", f"{told['tier']}: {', '.join(told['layers']) or 'none at all'}"
    if told.get("granted"):
        yield "granted", ", ".join(told["granted"])
    yield "seeds", f"{told['seeds']}; signer: {told['signer']}"
    yield "drawn from", ", ".join(f"{key} {value}" for key, value in told["pool"].items())
    yield "not covered", "; ".join(told["not_covered"])
    for number, assumed in enumerate(told["assumes"]):
        yield "" if number else "assumes", assumed


def _bets(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Wealth of each bet that the rule asked for."""
    line = f"of the {math.exp(told['log_threshold']):.4g} that it takes"
    yield "wealth", f"{_exp(told['log_wealth'])} {line}, after {told['pairs']} pairs (scale {told['scale']:.4g})"
    if told["log_mean_wealth"] is not None:
        yield "mean bet", f"{_exp(told['log_mean_wealth'])}, against a mean loss of {told['margin']} or more"
    if told["log_loss_wealth"] is not None:
        yield "loss bet", f"{_exp(told['log_loss_wealth'])}, {told['losses']} loss events"


def _outcome(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What only a completed certificate has: a control's verdict is none, since it is never adopted."""
    if "effect" not in told:
        return
    effect = told["effect"]
    if "value" in effect:
        yield "effect", _effect(effect)
    for guard in told["guards"]:
        against = " and ".join(f"version {number}" for number in guard["references"])
        word = "passed" if guard["passed"] else "NOT passed"
        yield "guard", f"{guard['guard']}: {word}, loses less than {guard['margin']} against {against}"
    yield "anchor", f"version {told['anchor']}"
    cost = told["cost"]
    spent = f"{cost['seconds']:.1f} s, {cost['cpu_seconds']:.1f} s of CPU, ${cost['dollars']:.2f}"
    yield "cost", f"{cost['trials']} trials, {spent}"
    pairing = told["pairing"]
    if pairing.get("correlation") is not None:
        yield "pairing", f"correlation {pairing['correlation']:.3f}: saved {pairing['saved']:.0f} pairs"
    machine = told["machine"]
    if machine:
        held = "not known" if machine["throttled"] is None else f"{machine['throttled']} of {machine['pairs']} pairs"
        yield "machine", f"load {machine['load']:.2f} (at most {machine['most_load']:.2f}), held back in: {held}"
    said = told["prediction"]
    if said:
        hit = "inside" if said["inside"] else "outside"
        yield "prediction", f"{said['stated']:.4g}, measured {said['measured']:.4g}: {hit} the interval"


def _effect(effect: dict[str, Any]) -> str:
    """Its size, its interval, and which pairs tell it: on a finite pool there are none but the confirmation's own."""
    low, high = effect["interval"]
    size = f"{effect['value']:.4g} {'x as fast' if effect['kind'] == 'ratio' else 'better'}"
    if low == high and "from" in effect:
        return f"{size}, exactly: on {effect['from']}, {effect['pairs']} samples"
    size += f", 95% interval [{low:.4g}, {high:.4g}]"
    if "from" in effect:
        return f"{size}, on {effect['pairs']} pairs: {effect['from']}"
    return f"{size}, on {effect['pairs']} pairs that no decision has seen; holds at every look"


def _exp(log: float) -> str:
    return f"{math.exp(min(log, 700)):.4g}"
