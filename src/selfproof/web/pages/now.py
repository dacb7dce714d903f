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

UNTOLD = {"isolation", "started"}
"""Lines of a run's story that say nothing to somebody who looks for a minute; they are in the log."""


def show(asked: Asked) -> Response:
    """The page; a script of ours asks for its live part alone."""
    asked.program.present.catch_up()
    if asked.fragment:
        return HTMLResponse(PARTS.get(asked.word("part"), _panel)(asked))
    return asked.render("now.html", gained=_gains(asked), panel=_panel(asked), story=_story(asked))


def _gains(asked: Asked) -> Markup:
    """What improved and how sure that is; written once for each entry."""
    reading, improved = asked.reading, standing.improved(asked.reading)
    return reading.memo("now-gains", lambda: asked.part(
        "now_gains.html", improved=improved, gains=gains.gains(reading), spent=reading.state.spent(),
        promise=gains.promise(reading.state.charter.get("mode", "fwer")),
        alpha=float(reading.state.charter["alpha"]), unproved=sum(row["verdict"] == "uncertified" for row in improved),
    ))  # fmt: skip


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
    reading = asked.reading
    return asked.part(
        "now_story.html", present=present, lines=[one for one in present.lines if one[1].word not in UNTOLD][::-1],
        improved=standing.improved(reading), counts=standing.counts(reading.state),
        controls=[c for c in standing.changes(reading) if c["verdict"] == "control"],
    )  # fmt: skip


PARTS = {"story": _story, "gains": _gains}


def _budgets(asked: Asked) -> list[dict[str, Any]]:
    """Ceilings of the charter, and how much of each is used: what can be told from here."""
    reading, present = asked.reading, asked.program.present
    state, budget = reading.state, reading.charter.budget
    day = _today(state.versions)
    told = [
        {"name": "changes kept in 24 hours", "used": day, "most": budget.adoptions_per_day,
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
