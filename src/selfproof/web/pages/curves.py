"""Curves: each objective from version 0 to now, what it is compared with, controls, and what a gain has cost."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from selfproof.viewing.controls import PLACEBOS, predictions, reached, told
from selfproof.web.drawing import curves as drawing
from selfproof.web.drawing.svg import Palette
from selfproof.web.models import curves as models
from selfproof.web.models.curves import Curve
from selfproof.web.page import Asked, NotHere, Page
from selfproof.web.pages.lineage import csv_of, exported
from selfproof.web.reading import Reading

ROW = ("version", "what", "level", "low", "high", "blocks", "effect", "effect_low", "effect_high", "effect_kind",
       "certified", "stands", "confirmation")  # fmt: skip
"""Columns of a curve's numbers."""


def curves_of(reading: Reading) -> list[Curve]:
    """All curves; computed again when a report or an adoption came."""
    reports = [index for index, kind in enumerate(reading.kinds) if kind == "report"]
    state = reading.state
    watched = sum(1 for v in state.versions if v.effect), sum(v.rolled_back for v in state.versions)

    def made() -> list[Curve]:
        closing = models.closing_rows((reading.entry(index) for index in reports), reading.blob)
        return models.curves(state, reading.charter.objectives, closing, reading.blob)

    return reading.memo("curves", made, key=(len(reports), len(state.versions), *watched))


def controls_of(reading: Reading) -> list[dict[str, Any]]:
    """Every control with the wealth that its bet reached."""
    ended = [c for c in reading.state.confirmations.values() if c.control is not None]
    return reading.memo("controls", lambda: [told(reading, c) for c in ended], key=len(ended))


def placebos(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Controls of which nothing is better, where there was noise to bet on."""
    return [row for row in rows if row["name"] in PLACEBOS and row["differs"]]


def show(asked: Asked) -> Response:
    """The page."""
    found, controls = curves_of(asked.reading), controls_of(asked.reading)
    nulls = placebos(controls)
    shown = [
        {"curve": one, "picture": Markup(drawing.curve(one)), "words": drawing.words(one),  # noqa: S704  escaped there
         "rows": rows_of(one), "costs": models.costs(one), "against": against(one)}
        for one in found
    ]  # fmt: skip
    largest = [row["largest"] for row in nulls]
    return asked.render(
        "curves.html", shown=shown, controls=controls, nulls=nulls, reached=reached(nulls),
        placebo=Markup(drawing.reached(reached(nulls), largest)) if nulls else "",  # noqa: S704  escaped there
        predictions=predictions(asked.reading),
    )  # fmt: skip


def rows_of(of: Curve) -> list[dict[str, Any]]:
    """The numbers behind a curve: one row a version, then what the closing tables said."""
    rows = []
    for p in of.points:
        effect: dict[str, Any] = {"value": None, "interval": [None, None], "kind": None, **p.effect}
        rows.append({
            "version": p.version, "what": p.title, "level": p.level.value if p.level else None,
            "low": p.level.low if p.level else None, "high": p.level.high if p.level else None,
            "blocks": p.level.n if p.level else None, "effect": effect["value"], "effect_low": effect["interval"][0],
            "effect_high": effect["interval"][1], "effect_kind": effect["kind"], "certified": p.certified,
            "stands": p.stands, "confirmation": p.confirmation,
        })  # fmt: skip
    if of.now:
        low, high = of.now["interval"]
        rows.append({
            **dict.fromkeys(ROW), "version": "now", "what": "closing table",
            "level": of.now["now"], "low": low, "high": high, "blocks": of.now.get("blocks"), "stands": True,
            "certified": False,
        })  # fmt: skip
    return rows


def against(of: Curve) -> list[dict[str, Any]]:
    """What the newest closing table compared: rows of a name, a value and its interval."""
    now = of.now
    if now is None:
        return []
    rows: list[dict[str, Any]] = [
        {"name": "version 0", "value": now["start"], "interval": now.get("start_interval")},
        {"name": "now", "value": now["now"], "interval": now["interval"]},
    ]
    if gain := now.get("gain"):
        rows.append({"name": "now is better than version 0 by", "value": gain["value"], "interval": gain["interval"]})
    if ratio := now.get("ratio"):
        rows.append({"name": "times as fast as version 0", "value": ratio["value"], "interval": ratio["interval"]})
    if human := now.get("best_human"):
        rows.append({"name": f"best human rule: {human['name']}", "value": human["value"], "interval": None})
        rows.append({"name": "now, of the best human rule", "value": human["ratio"],
                     "interval": human["ratio_interval"]})  # fmt: skip
    if alone := now.get("constants_only"):
        rows.append({"name": f"constants only, {alone['evaluations']} candidates", "value": alone["value"],
                     "interval": alone["interval"]})  # fmt: skip
    for other in now.get("transfer") or []:
        rows.append({"name": f"on other data, {other['corpus']}: version 0", "value": other["start"], "interval": None})
        rows.append({"name": f"on other data, {other['corpus']}: now", "value": other["now"],
                     "interval": other["interval"]})  # fmt: skip
    return rows


def curve_of(asked: Asked) -> Curve:
    """The curve that an address names.

    Raises:
        NotHere: there is no such objective.
    """
    name = asked.request.path_params["objective"]
    found = next((one for one in curves_of(asked.reading) if one.objective == name), None)
    if found is None:
        raise NotHere(f"no objective is called {name[:60]!r}")
    return found


def picture(asked: Asked) -> Response:
    """One curve as a file."""
    palette: Palette = "dark" if asked.word("dark") else "light"
    return exported(drawing.curve(curve_of(asked), palette), "curve.svg", "image/svg+xml")


def table(asked: Asked) -> Response:
    """One curve's numbers as CSV."""
    return exported(csv_of(rows_of(curve_of(asked))), "curve.csv", "text/csv")


def placebo_picture(asked: Asked) -> Response:
    """The placebos' wealth as a file."""
    nulls = placebos(controls_of(asked.reading))
    palette: Palette = "dark" if asked.word("dark") else "light"
    text = drawing.reached(reached(nulls), [row["largest"] for row in nulls], palette)
    return exported(text, "placebos.svg", "image/svg+xml")


def placebo_table(asked: Asked) -> Response:
    """The controls as CSV."""
    return exported(csv_of(controls_of(asked.reading)), "controls.csv", "text/csv")


PAGES = (
    Page("curves", "curves", "Curves", show, order=30, key="c"),
    Page("placebos-svg", "curves/placebos/e-values.svg", "Curves", placebo_picture),
    Page("placebos-csv", "curves/placebos/e-values.csv", "Curves", placebo_table),
    Page("curve-svg", "curves/{objective}/curve.svg", "Curves", picture),
    Page("curve-csv", "curves/{objective}/curve.csv", "Curves", table),
)
