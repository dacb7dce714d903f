"""An objective from version 0 to now: levels with anytime bands, steps, and what it is compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from selfproof.viewing.words import metric_words
from selfproof.web.drawing.evidence import effect_words
from selfproof.web.drawing.frame import Frame
from selfproof.web.drawing.scales import around, number
from selfproof.web.drawing.svg import Palette
from selfproof.web.models.curves import Curve, Point

LEAST_RATIO = 0.5


def curve(of: Curve, palette: Palette = "page") -> str:
    """The picture of one objective; of times the steps' ratios, since only they were measured pair by pair."""
    return _ratios(of, palette) if of.kind == "speed" else _levels(of, palette)


def _levels(of: Curve, palette: Palette) -> str:
    points = [p for p in of.points if p.level is not None]
    now = of.now
    lines = compared_with(now)
    values = [end for p in points if p.level for end in (p.level.low, p.level.high)]
    values += [value for _, value in lines] + ([*now["interval"], now["start"]] if now else [])
    last = max([p.version for p in of.points], default=0) + 1
    told = (f"{of.objective}: {metric_words(of.metric)}, {of.better} is better", words(of))
    frame = Frame.of(told, (0, last), around(values), ("version", f"{metric_words(of.metric)}, {of.better} is better"),
                     palette=palette)  # fmt: skip
    for name, value in lines:
        frame.level(value, "control")
        frame.name(value, f"{name} {number(value, 3)}")
    standing = [p for p in points if p.stands]
    if standing:
        frame.step_band([(p.version, p.level.low, p.level.high) for p in standing if p.level], last)
        ends = [(last, standing[-1].level.value)] if standing[-1].level else []
        frame.steps([(p.version, p.level.value) for p in standing if p.level] + ends, "line")
    for p in points:
        if p.level:
            frame.whisker(p.version, p.level.low, p.level.high)
            _mark(frame, p, p.level.value, f"{point_words(p)}: {number(p.level.value)}")
    if now:
        low, high = now["interval"]
        frame.whisker(last, low, high, "whisker-soft")
        said = f"closing table: {number(now['now'])} [{number(low)}, {number(high)}]"
        frame.drawing.square(frame.at(last, now["now"]), "dot-open", radius=5, told=said)
        frame.name(now["now"], f"now {number(now['now'], 4)}", "strong")
    return frame.text()


def _ratios(of: Curve, palette: Palette) -> str:
    steps = [p for p in of.points if "value" in p.effect]
    now = of.now or {}
    whole = now.get("ratio")
    values = [end for p in steps for end in p.effect["interval"]] + (whole["interval"] if whole else []) + [1.0]
    low, high = max(1e-3, min(values) * 0.85), max(values) * 1.2
    last = max([p.version for p in of.points], default=0) + 1
    told = (f"{of.objective}: times as fast as the version before", words(of))
    frame = Frame.of(told, (0, last), (low, high), ("version", "times as fast"), log=True, palette=palette)
    frame.level(1.0, "limit")
    frame.name(1.0, "as fast as before")
    for p in steps:
        frame.whisker(p.version, *p.effect["interval"])
        _mark(frame, p, p.effect["value"], f"{point_words(p)}: {effect_words(p.effect)}")
    if whole:
        bottom, top = whole["interval"]
        frame.whisker(last, bottom, top, "whisker-soft")
        said = f"the whole run, now against version 0: {number(whole['value'])} times as fast"
        frame.drawing.square(frame.at(last, whole["value"]), "dot-open", radius=5, told=said)
        frame.name(whole["value"], f"whole run {number(whole['value'], 3)}x", "strong")
    return frame.text()


def _mark(frame: Frame, p: Point, value: float, told: str) -> None:
    place = frame.at(p.version, value)
    if not p.stands:
        frame.drawing.cross(place, "whisker-bad", told=f"{told} (rolled back)")
    elif p.certified:
        frame.drawing.dot(place, "dot", radius=4.5, told=told)
    else:
        frame.drawing.dot(place, "dot-open", radius=4, told=told)


def compared_with(row: dict[str, Any] | None) -> list[tuple[str, float]]:
    """Lines that a level is compared with: start, best human rule, constants alone."""
    if not row:
        return []
    lines = [("start", row["start"])]
    if row.get("best_human"):
        lines.append(("best human", row["best_human"]["value"]))
    if row.get("constants_only"):
        lines.append(("constants only", row["constants_only"]["value"]))
    return lines


def point_words(p: Point) -> str:
    """Which step a point is."""
    return "version 0, the start" if p.version == 0 else f"version {p.version}, {p.title[:80]}"


def words(of: Curve) -> str:
    """A curve in one or two sentences."""
    steps = sum(p.certified and p.stands for p in of.points)
    said = [f"{steps} certified {'step' if steps == 1 else 'steps'}"]
    now = of.now
    if now:
        low, high = now["interval"]
        said.append(f"{number(now['start'])} at the start, {number(now['now'])} now [{number(low)}, {number(high)}]")
        if now.get("ratio"):
            ratio = now["ratio"]
            said.append(
                f"{number(ratio['value'], 3)} times as fast as version 0 "
                f"[{number(ratio['interval'][0], 3)}, {number(ratio['interval'][1], 3)}]"
            )
        if human := now.get("best_human"):
            said.append(f"best human rule: {number(human['value'])} ({human['name']})")
    return "; ".join(said)


def reached(rows: Sequence[dict[str, float]], nulls: Sequence[float], palette: Palette = "page") -> str:
    """Placebos' largest wealth against the line 1/x that noise may reach with a chance of at most 1/x."""
    ordered = sorted(nulls, reverse=True)
    most = max([*ordered, 20.0])
    told = (
        "Largest wealth of placebos",
        f"{len(nulls)} confirmations of changes that change nothing; "
        + ", ".join(f"{row['reached']:.0f} reached {row['line']:g}" for row in rows),
    )
    frame = Frame.of(told, (1, most * 1.3), (0, max(1, len(nulls)) * 1.1), ("wealth x", "placebos that ever reached x"),
                     palette=palette, height=240, whole_x=False)  # fmt: skip
    allowed = [(x, len(nulls) / x) for x in _between(1.0, most * 1.3)]
    frame.line(allowed, "limit")
    frame.name(allowed[-1][1], "noise allows at most")
    frame.steps([(1.0, float(sum(v >= 1.0 for v in ordered))),
                 *((v, float(sum(w > v for w in ordered))) for v in sorted(ordered) if v > 1.0),
                 (most * 1.3, 0.0)], "line")  # fmt: skip
    for place, value in enumerate(ordered, start=1):
        if value >= 1.0:
            frame.drawing.dot(frame.at(value, place), "dot", told=f"placebo: largest wealth {number(value, 3)}")
    frame.name(0.0, "placebos")
    return frame.text()


def _between(low: float, high: float, n: int = 60) -> list[float]:
    return [math.exp(math.log(low) + (math.log(high) - math.log(low)) * i / n) for i in range(n + 1)]
