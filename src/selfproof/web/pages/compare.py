"""Compare: any two versions, their texts side by side, what was measured between them, and a button that measures.

What the button measures is a look, as `selfproof compare` gives one, and nothing certified: it stays with this server,
and its address holds the seed, with which anybody measures the same samples again.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import Response

from selfproof.nouns import UsageError
from selfproof.viewing.rows import effect_words, rows_of
from selfproof.viewing.texts import unified
from selfproof.web import security
from selfproof.web.models import diffing
from selfproof.web.page import Asked, Page
from selfproof.web.pages.curves import curves_of
from selfproof.web.pages.lineage import exported

MEASURING_S = 900.0
KEPT = 50
"""Results of the button that are remembered for each program."""
Asking = tuple[int, int, str, int]
_one_at_a_time = threading.Lock()
_measured: dict[tuple[str, Asking], dict[str, Any]] = {}


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


def show(asked: Asked, wrong: str = "") -> Response:
    """The page."""
    one, two, unknown = versions_of(asked)
    reading = asked.reading
    files = diffing.diff(reading.files(one), reading.files(two))
    command = f"selfproof compare {one} {two} --on report"
    return asked.render(
        "compare.html", a=one, b=two, wrong=wrong or unknown, files=files, mark=Markup,
        may=asked.session.may(security.OPERATE),
        result=_measured.get((str(asked.program.folder), asking_of(asked))), asking=asking_of(asked),
        objectives=[objective.name for objective in reading.charter.objectives],
        added=sum(part.added for part in files), removed=sum(part.removed for part in files),
        steps=steps_between(asked, one, two), tables=tables_between(asked, one, two),
        commands=[f"{command} --objective {o.name}" for o in reading.charter.objectives],
    )  # fmt: skip


def asking_of(asked: Asked) -> Asking:
    """Two versions, an objective and a seed, as an address names them; 0: none is named."""
    one, two, _ = versions_of(asked)
    names = [objective.name for objective in asked.reading.charter.objectives]
    name = asked.word("objective", names[0], 64)
    return one, two, name if name in names else names[0], asked.whole("seed", 0)


def measure(asked: Asked) -> Response:
    """Measure what the form names, by the very command in a process of its own; one at a time for this server."""
    asked.form()
    asked.needs(security.OPERATE)
    with asked.reading.turn():
        one, two, name, seed = asking_of(asked)
        seed = seed or secrets.randbits(31) or 1
    words = ["compare", str(one), str(two), "--on=report", f"--objective={name}", f"--seed={seed}", "--json"]
    wrong = "Something is being measured already; try again when it is done."
    if _one_at_a_time.acquire(blocking=False):
        try:
            found, wrong = _compared([*words, "--at", str(asked.program.folder)])
        finally:
            _one_at_a_time.release()
        if found is not None:
            while len(_measured) >= KEPT:
                del _measured[next(iter(_measured))]
            _measured[str(asked.program.folder), (one, two, name, seed)] = found
            query = urlencode({"a": one, "b": two, "objective": name, "seed": seed})
            return asked.go(f"compare?{query}#measured")
    with asked.reading.turn():
        return show(asked, wrong)


def _compared(words: list[str]) -> tuple[dict[str, Any] | None, str]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "selfproof", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=MEASURING_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"The measurement did not end within {MEASURING_S / 60:.0f} minutes and was stopped."
    if done.returncode:
        return None, done.stderr.strip()[-600:] or "The measurement failed."
    return json.loads(done.stdout), ""


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
    Page("compare-measure", "compare/measure", "Compare", measure, methods=("POST",), waits=True),
    Page("compare-patch", "compare.patch", "Compare", patch),
)
