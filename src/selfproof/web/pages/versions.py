"""Versions: the certified line, newest first."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from selfproof.viewing.rows import effect_words, rows_of
from selfproof.web.page import Asked, Page


def show(asked: Asked) -> Response:
    """The page."""
    reading = asked.reading
    return asked.render("versions.html", rows=reading.memo("versions", lambda: _rows(asked)))


def _rows(asked: Asked) -> list[dict[str, Any]]:
    state = asked.reading.state
    changes = {row["version"]: row for row in rows_of(state) if row["version"] is not None}
    rows = []
    for version in reversed(state.versions):
        change = changes.get(version.number)
        rows.append({
            "number": version.number, "title": version.title, "objective": version.objective, "time": version.time,
            "effect": effect_words(change) if change else "", "verdict": change["verdict"] if change else "",
            "href": asked.url(f"change/{change['id']}") if change else asked.url("versions"),
            "now": version.number == state.current,
        })  # fmt: skip
    return rows


PAGES = (Page("versions", "versions", "Versions", show, order=50, key="v"),)
