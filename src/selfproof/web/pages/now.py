"""Now: what the program is doing at this moment, what it has become, and how to stop it."""

from __future__ import annotations

import time
from typing import Any

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from selfproof.oversight import control
from selfproof.viewing.words import duration, finite
from selfproof.web import drawing_bound, gains, standing
from selfproof.web.page import Asked, Page


def show(asked: Asked) -> Response:
    """The page; a script of ours asks for its live part alone."""
    asked.program.present.catch_up()
    story = asked.word("part") == "story"
    if asked.fragment:
        return HTMLResponse(_story(asked) if story else _panel(asked))
    reading = asked.reading
    alpha = float(reading.state.charter["alpha"])
    return asked.render(
        "now.html", panel=_panel(asked), story=_story(asked),
        improved=standing.improved(reading), gains=gains.gains(reading),
        counts=standing.counts(reading.state), alpha=alpha, spent=reading.state.spent(),
        controls=[c for c in standing.changes(reading) if c["verdict"] == "control"],
    )  # fmt: skip


def _panel(asked: Asked) -> Markup:
    """What moves; the same for everybody who looks, and written once for each change."""
    reading, present = asked.reading, asked.program.present
    held = (control.told(reading.paths.pause), control.told(reading.paths.drain))
    stopped = standing.stopped(reading)
    key = (present.number, present.running, reading.state.entries, str(stopped), str(held))
    return reading.memo("now", lambda: _written(asked, stopped, held), key=key)


def _written(asked: Asked, stopped: dict[str, str] | None, held: tuple[Any, Any]) -> Markup:
    present = asked.program.present
    bound, status, beat = present.bound, present.status, present.beat
    if bound is not None and not (present.running and bound["answer"] == "undecided" and "line" in bound):
        bound = None
    return asked.part(
        "now_live.html", present=present, now=present.now, bound=bound, stopped=stopped, pause=held[0], drain=held[1],
        picture=drawing_bound.picture(bound) if bound is not None else "", status=status, beat=beat,
        ends=present.ends if present.running else None, at=time.time(), budgets=_budgets(asked),
    )  # fmt: skip


def _story(asked: Asked) -> Markup:
    present = asked.program.present
    return asked.part("now_story.html", present=present, lines=list(present.lines)[::-1])


def _budgets(asked: Asked) -> list[dict[str, Any]]:
    """Ceilings of the charter, and how much of each is used: what can be told from here."""
    reading, present = asked.reading, asked.program.present
    state, budget = reading.state, reading.charter.budget
    total, spent, day = float(state.charter["alpha"]), state.spent(), _today(state.versions)
    told = [
        {"name": f"of the {100 * total:g}% chance of any false change", "used": spent, "most": total,
         "words": f"{100 * spent:.2g}% used by the tests so far"},
        {"name": "changes in 24 hours", "used": day, "most": budget.adoptions_per_day,
         "words": f"{day} of {budget.adoptions_per_day} allowed"},
    ]  # fmt: skip
    seconds, most = finite(present.beat.get("cpu_seconds")), budget.cpu_hours * 3600
    if present.running and seconds is not None:
        words = f"{duration(seconds)} of {duration(most)} allowed"
        told.append({"name": "processor time of this run", "used": seconds, "most": most, "words": words})
    return [one for one in told if one["most"]]


def _today(versions: list[Any]) -> int:
    """Adoptions within the last day, by the ledger's times."""
    since = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 86400))
    return sum(version.time > since for version in versions[1:])


PAGES = (Page("now", "", "Now", show, order=10, key="n"),)
