"""A certificate as a picture: wealth climbing to its line, pairs as dots with their interval, guards with margins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from selfproof.web.drawing.frame import Frame
from selfproof.web.drawing.scales import around, number
from selfproof.web.drawing.svg import Palette
from selfproof.web.models.evidence import Evidence, Step

LEAST_WEALTH, MOST_WEALTH = math.log(1e-4), math.log(1e12)
"""What the wealth's axis shows at most: a bet that has lost all, and one that long has won, say nothing more."""
BETS = (
    ("improve", "line", "typical gain"),
    ("mean", "second", "no mean loss"),
    ("rare", "third", "losses are rare"),
)


def wealth(evidence: Evidence, answer: str, palette: Palette = "page") -> str:
    """The e-process: each bet's wealth after every pair, on a logarithmic axis, and the line that all must reach."""
    steps = evidence.steps
    known = [(field, look, words, _path(steps, field)) for field, look, words in BETS]
    shown = [row for row in known if row[3]]
    logs = [log for _, _, _, path in shown for _, log in path] + [0.0, evidence.line]
    low, high = max(LEAST_WEALTH, min(logs)), min(MOST_WEALTH, max(logs))
    told = (
        "Wealth of the bets, pair by pair",
        f"{len(steps)} pairs; the largest wealth is {number(_exp(evidence.largest), 3)} "
        f"and the line is {number(_exp(evidence.line), 3)}: {answer}",
    )
    frame = Frame.of(
        told, (0, max(1, len(steps))), (_exp(low) * 0.6, _exp(high) * 2.5), ("pairs", "wealth, of 1 at the start"),
        log=True, palette=palette,
    )  # fmt: skip
    frame.level(1.0, "axis")
    if evidence.line:
        frame.level(_exp(evidence.line), "limit")
        frame.name(_exp(evidence.line), f"line: {number(_exp(evidence.line), 3)}", "strong")
    for _, look, words, path in shown:
        points = [(0.0, 1.0), *((float(pair), _exp(log)) for pair, log in path)]
        frame.line(points, look)
        frame.name(points[-1][1], f"{words} {number(points[-1][1], 3)}")
    if steps and answer == "certified":
        end = frame.at(len(steps), _exp(max(LEAST_WEALTH, steps[-1].improve)))
        frame.drawing.dot(end, "dot", radius=5, told="certified")
    elif steps:
        end = frame.at(len(steps), _exp(max(LEAST_WEALTH, steps[-1].improve)))
        frame.drawing.cross(end, "whisker-bad", told=answer)
    return frame.text()


def _path(steps: Sequence[Step], field: str) -> list[tuple[int, float]]:
    rows = [(step.pair, getattr(step, field)) for step in steps]
    return [(pair, min(MOST_WEALTH, max(LEAST_WEALTH, log))) for pair, log in rows if log is not None]


def _exp(log: float) -> float:
    return math.exp(min(log, 700.0))


def pairs(evidence: Evidence, effect: dict[str, Any], palette: Palette = "page") -> str:
    """Every pair's difference as a dot, those after the adoption hollow, and the effect's interval as a band."""
    values = [*(step.difference for step in evidence.steps), *evidence.watched]
    bounds = _in_unit(effect)
    low, high = around([*values, 0.0, *(bounds or ())])
    told = (
        "Differences of pairs",
        f"{len(evidence.steps)} pairs of the confirmation, {len(evidence.watched)} after the adoption; above 0 the "
        f"candidate is better. {effect_words(effect)}",
    )
    names = ("pairs", f"difference, {evidence.unit}")
    frame = Frame.of(told, (0, max(1, len(values))), (low, high), names, palette=palette)
    first = len(evidence.steps)
    if bounds:
        value, bottom, top = bounds
        frame.band([(first, bottom, top), (len(values), bottom, top)])
        frame.line([(first, value), (len(values), value)], "line")
        frame.name(value, f"effect {number(value, 3)}", "good-word" if bottom > 0 else "strong")
        frame.name(top, f"{number(top, 3)}")
        frame.name(bottom, f"{number(bottom, 3)}")
    frame.level(0.0, "limit")
    for place, value in enumerate(values, start=1):
        words = f"pair {place}: {number(value)}"
        after = place > first
        frame.drawing.dot(frame.at(place, value), "dot-open" if after else "dot", radius=3, told=words)
    return frame.text()


def _in_unit(effect: dict[str, Any]) -> tuple[float, float, float] | None:
    """(value, low, high) of an effect in the unit of a pair's difference."""
    if "value" not in effect:
        return None
    value, (low, high) = effect["value"], effect["interval"]
    if effect["kind"] == "ratio":
        return math.log(value), math.log(low), math.log(high)
    return value, low, high


def effect_words(effect: dict[str, Any]) -> str:
    """An effect in one sentence."""
    if "value" not in effect:
        return ""
    low, high = effect["interval"]
    unit = "times as fast" if effect["kind"] == "ratio" else "better"
    return f"{number(effect['value'])} {unit}, 95% interval {number(low)} to {number(high)}"


def guards(evidence: Evidence, palette: Palette = "page") -> str:
    """Each guard against each reference: its gain with an interval, and the loss that had to be excluded."""
    rows = [guard for guard in evidence.guards if guard.gain is not None]
    values = [end for guard in rows if guard.gain for end in (guard.gain.low, guard.gain.high, -guard.margin)]
    low, high = around([*values, 0.0])
    height = 86.0 + 26.0 * len(rows)
    told = ("Guards", "; ".join(guard_words(guard) for guard in evidence.guards))
    names = ("gain on the guard, its metric's unit", "")
    frame = Frame.of(told, (low, high), (0, len(rows) + 0.5), names, palette=palette, height=height, whole_x=False)
    return _guards(frame, rows, height)


def _guards(frame: Frame, rows: Sequence[Any], height: float) -> str:
    drawing, top = frame.drawing, 26.0
    drawing.box((0, 0), (frame.x.start - 2, height - 30), "paper")  # the frame's own numbers of rows say nothing
    drawing.line((frame.x.place(0.0), top - 12), (frame.x.place(0.0), height - 46), "limit")
    for place, guard in enumerate(rows):
        y = top + 12 + 26.0 * place
        look = "whisker" if guard.passed else "whisker-bad"
        ends = frame.x.place(guard.gain.low), frame.x.place(guard.gain.high)
        drawing.line((ends[0], y), (ends[1], y), look)
        for end in ends:
            drawing.line((end, y - 4), (end, y + 4), look)
        drawing.dot((frame.x.place(guard.gain.value), y), "dot" if guard.passed else "dot-bad", told=guard_words(guard))
        limit = frame.x.place(-guard.margin)
        drawing.line((limit, y - 8), (limit, y + 8), "third")
        mark = "✓" if guard.passed else "✗"
        words = f"{mark} {guard.guard[:16]} / v{guard.reference}"
        drawing.word((frame.x.end + 8, y + 4), words, "good-word" if guard.passed else "bad-word")
    return frame.text()


def guard_words(guard: Any) -> str:
    """One guard in words."""
    word = "passed" if guard.passed else "NOT passed"
    shown = "" if guard.gain is None else f", gain {number(guard.gain.value)} [{number(guard.gain.low)}, "
    end = "" if guard.gain is None else f"{number(guard.gain.high)}]"
    return f"{guard.guard} against v{guard.reference}: {word}{shown}{end}, margin {number(guard.margin)}"
