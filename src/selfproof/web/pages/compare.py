"""Compare: any two versions, their texts side by side, what was measured between them, and how to measure more."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from selfproof.nouns import UsageError
from selfproof.viewing.rows import effect_words, rows_of
from selfproof.viewing.texts import unified
from selfproof.web.models import diffing
from selfproof.web.page import Asked, Page
from selfproof.web.pages.curves import curves_of
from selfproof.web.pages.lineage import exported


def versions_of(asked: Asked) -> tuple[int, int, str]:
    """The two versions that an address names, and what was wrong with it."""
    wrong, found = "", []
    for name, default in (("a", "start"), ("b", "now")):
        word = asked.word(name, default, 12) or default
        try:
            found.append(asked.reading.version(word.removeprefix("v")))
        except UsageError as error:
            found.append(asked.reading.version(default))
            wrong = f"{error}. {error.advice}"
    return found[0], found[1], wrong


def show(asked: Asked) -> Response:
    """The page."""
    one, two, wrong = versions_of(asked)
    reading = asked.reading
    files = diffing.diff(reading.files(one), reading.files(two))
    command = f"selfproof compare {one} {two} --on report"
    return asked.render(
        "compare.html", a=one, b=two, wrong=wrong, files=files, mark=Markup,
        added=sum(part.added for part in files), removed=sum(part.removed for part in files),
        steps=steps_between(asked, one, two), tables=tables_between(asked, one, two),
        commands=[f"{command} --objective {o.name}" for o in reading.charter.objectives],
    )  # fmt: skip


def steps_between(asked: Asked, one: int, two: int) -> list[dict[str, Any]]:
    """Certified steps that lead from the older of two versions to the newer, in their order."""
    low, high = sorted((one, two))
    rows = [row for row in rows_of(asked.reading.state) if row["version"] is not None and low < row["version"] <= high]
    return [{**row, "words": effect_words(row)} for row in reversed(rows)]


def tables_between(asked: Asked, one: int, two: int) -> list[dict[str, Any]]:
    """What closing tables measured of exactly these two: version 0 and the version that was now then."""
    state, found = asked.reading.state, []
    for curve in curves_of(asked.reading):
        for row in curve.closing:
            then = max((v.number for v in state.versions if v.leaf < row["entry"]), default=0)
            if {one, two} == {0, then} and one != two and row.get("gain", row.get("ratio")):
                what = row.get("gain") or row["ratio"]
                found.append(
                    {"objective": curve.objective, "metric": curve.metric, "unit": "better" if row.get("gain") else
                     "times as fast", "value": what["value"], "interval": what["interval"], "entry": row["entry"]}
                )  # fmt: skip
    return found


def patch(asked: Asked) -> Response:
    """The difference as a unified diff."""
    one, two, _ = versions_of(asked)
    text = unified(asked.reading.files(one), asked.reading.files(two), (f"v{one}", f"v{two}"))
    return exported(text, f"v{one}-v{two}.patch", "text/x-diff")


PAGES = (
    Page("compare", "compare", "Compare", show, order=45, key="m"),
    Page("compare-patch", "compare.patch", "Compare", patch),
)
