"""Lineage: the certified trunk with all twigs, as a picture and as a list with the same content."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from selfproof.web.drawing.forest import lineage
from selfproof.web.models import diffing
from selfproof.web.models.forest import MARKS, OUTCOMES, Forest, Node, Wanted
from selfproof.web.page import Asked, NotHere, Page
from selfproof.web.reading import Reading

AT_ONCE = 50
PAINT_S = 0.15
"""How long the page itself waits for a long ledger to be read; the canvas waits until all of it is."""
KINDS = frozenset({"genesis", "propose", "race", "confirm-start", "adopt"})
LARGEST_PICTURE = 20_000
"""Candidates in an exported picture; of more only the newest, since no viewer takes it."""


@dataclass
class Grown:
    """A forest that is kept between requests, and how many entries it has taken in."""

    forest: Forest = field(default_factory=Forest)
    entries: int = 0


def forest(reading: Reading, seconds: float = 600.0) -> Forest:
    """The program's forest; only entries that are new are read, and not for longer than this."""
    grown, until = grown_of(reading), time.monotonic() + seconds
    for index in range(grown.entries, len(reading.kinds)):
        if time.monotonic() > until:
            break
        if reading.kinds[index] in KINDS:
            grown.forest.take(reading.entry(index), reading.blob)
        grown.entries = index + 1
    reading.memo("forest-marks", lambda: grown.forest.marked(reading.state), key=(reading.state.entries, grown.entries))
    return grown.forest


def grown_of(reading: Reading) -> Grown:
    """What is kept of the forest between requests."""
    return reading.memo("forest", Grown, key="kept")


def wanted_of(asked: Asked) -> Wanted:
    """The filter that an address holds."""
    names = ("objective", "operator", "proposer", "outcome", "q", "controls")
    return Wanted(*(asked.word(name, most=200) for name in names))


def query(wanted: Wanted, **more: object) -> str:
    """A filter as an address: what is empty is left out."""
    told = {("q" if key == "text" else key): value for key, value in asdict(wanted).items() if value}
    return urlencode({**told, **{key: value for key, value in more.items() if value not in {None, ""}}})


def show(asked: Asked) -> Response:
    """The page; with ``list`` in the address the list is opened."""
    whole, wanted = forest(asked.reading, PAINT_S), wanted_of(asked)
    read, entries = grown_of(asked.reading).entries, len(asked.reading.kinds)
    found = whole.find(wanted)
    pages = max(1, -(-len(found) // AT_ONCE))
    number = min(max(1, int(page) if (page := asked.word("page", "1", 6)).isdecimal() else 1), pages)
    newest = found[::-1][(number - 1) * AT_ONCE : number * AT_ONCE]
    choices = {
        "objective": whole.streams.known, "operator": sorted(whole.operators.known),
        "proposer": sorted(whole.proposers.known), "outcome": [*MARKS[1:], *OUTCOMES],
    }  # fmt: skip
    return asked.render(
        "lineage.html", wanted=wanted, found=len(found),
        total=len(whole.find(Wanted(controls=wanted.controls))), aside=bool(whole.aside), number=number, pages=pages,
        read=read, entries=entries, stems=whole.stems, choices=choices,
        rows=[whole.name(whole.nodes[i]) for i in newest],
        link=lambda **more: asked.url("lineage") + "?" + query(wanted, **more),
        export=lambda kind: asked.url(f"lineage.{kind}") + "?" + query(wanted),
    )  # fmt: skip


def data(asked: Asked) -> Response:
    """Numbers for the canvas: every candidate from the number ``from`` on."""
    start = asked.word("from", "0", 9)
    whole = forest(asked.reading)
    return Response(whole.packed(int(start) if start.isdecimal() else 0), media_type="application/octet-stream")


def find(asked: Asked) -> Response:
    """Numbers of the candidates that a filter lets through; null where it lets all through."""
    wanted = wanted_of(asked)
    return JSONResponse(None if wanted.everything else forest(asked.reading).find(wanted))


def node_of(asked: Asked) -> tuple[Forest, Node]:
    """The candidate that an address names.

    Raises:
        NotHere: there is none of this number.
    """
    whole, number = forest(asked.reading), asked.number("index")
    if not 0 <= number < len(whole.nodes):
        raise NotHere(f"there is no candidate {number}", advice=f"Candidates go from 0 to {len(whole.nodes) - 1}.")
    return whole, whole.nodes[number]


def candidate(asked: Asked) -> Response:
    """One candidate: who suggested it, what became of it, what it changes; as a part of the lineage page too."""
    whole, node = node_of(asked)
    state = asked.reading.state
    changed = files_of(asked.reading, node)
    base = asked.reading.files(node.version) if node.version < len(state.versions) else {}
    files = diffing.diff({path: text for path, text in base.items() if path in changed}, changed)
    children = [other.index for other in whole.nodes[node.index + 1 :] if other.parent == node.index]
    template = "candidate-part.html" if asked.fragment else "candidate.html"
    parent = whole.name(whole.nodes[node.parent]) if node.parent >= 0 else None
    return asked.render(
        template, one=whole.name(node), files=files, parent=parent, children=children[:24], many=len(children),
        title=f"Candidate {node.index}", mark=Markup,
    )  # fmt: skip


def files_of(reading: Reading, node: Node) -> dict[str, str]:
    """The texts of a candidate in which it differs from the version that it was made for."""
    body = reading.entry(node.entry).body
    if "candidates" not in body:  # it came straight to a confirmation
        return {path: reading.blob(digest).decode() for path, digest in body["files"].items()}
    rows = body["candidates"]
    rows = json.loads(reading.blob(rows["$blob"])) if isinstance(rows, dict) else rows
    found = next((row for row in rows if row["id"] == node.id), None)
    return {str(path): str(text) for path, text in (found or {"files": {}})["files"].items()}


def picture(asked: Asked) -> Response:
    """The tree as one SVG."""
    whole, wanted = forest(asked.reading), wanted_of(asked)
    shown = None if wanted.everything and wanted.controls else set(whole.find(wanted))
    if len(whole.nodes) > LARGEST_PICTURE:
        newest = set(range(len(whole.nodes) - LARGEST_PICTURE, len(whole.nodes)))
        shown = newest if shown is None else shown & newest
    return exported(lineage(whole, shown, "dark" if asked.word("dark") else "light"), "lineage.svg", "image/svg+xml")


def table(asked: Asked) -> Response:
    """The list as CSV."""
    whole, wanted = forest(asked.reading), wanted_of(asked)
    return exported(csv_of([whole.name(whole.nodes[i]) for i in whole.find(wanted)]), "lineage.csv", "text/csv")


def exported(text: str, name: str, kind: str) -> Response:
    """A file to take away."""
    return Response(text, media_type=f"{kind}; charset=utf-8",
                    headers={"content-disposition": f'inline; filename="{name}"'})  # fmt: skip


def csv_of(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV; what a spreadsheet would take for a formula is put in quotes."""
    if not rows:
        return ""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow([_cell(value) for value in row.values()])
    return out.getvalue()


def _cell(value: Any) -> Any:
    return "'" + value if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


PAGES = (
    Page("lineage", "lineage", "Lineage", show, order=20, key="t"),
    Page("lineage-data", "lineage/data", "Lineage", data),
    Page("lineage-find", "lineage/find", "Lineage", find),
    Page("lineage-svg", "lineage.svg", "Lineage", picture),
    Page("lineage-csv", "lineage.csv", "Lineage", table),
    Page("candidate", "candidate/{index:int}", "Candidate", candidate),
)
