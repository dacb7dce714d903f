"""One change: what it does to the text, what was claimed and measured, who agreed, and the way back."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from markupsafe import Markup
from starlette.responses import Response

from selfproof.archive.state import Confirming
from selfproof.audit.sharing import Shared
from selfproof.viewing.certificates import page as certificate_page
from selfproof.viewing.rows import effect_words, lineage_words, lineages_of, rows_of
from selfproof.viewing.texts import unified
from selfproof.web import security
from selfproof.web.drawing import evidence as drawing
from selfproof.web.drawing.svg import Palette
from selfproof.web.models import diffing
from selfproof.web.models import evidence as models
from selfproof.web.page import Asked, NotHere, Page
from selfproof.web.pages.lineage import csv_of, exported

ROLLBACK_S = 120.0


def confirming_of(asked: Asked) -> Confirming:
    """The confirmation that an address names, by its entry's number.

    Raises:
        NotHere: there is none.
    """
    found = asked.reading.state.confirmations.get(asked.number("id"))
    if found is None:
        raise NotHere(f"no change is called {asked.number('id')}", advice="The log lists them.")
    return found


def texts_of(asked: Asked, confirming: Confirming) -> tuple[dict[str, str], dict[str, str]]:
    """Files before and after."""
    body = confirming.body
    before = asked.reading.files(body["base_version"])
    changed = {path: asked.reading.blob(digest).decode() for path, digest in body["files"].items()}
    return before, {**before, **changed}


def evidence_of(asked: Asked, confirming: Confirming) -> models.Evidence:
    """What its pairs say, computed once for as many as there are."""
    stage = (len(confirming.evidence), len(confirming.guards), confirming.canary is not None)
    name = f"evidence-{confirming.id}"
    return asked.reading.memo(name, lambda: models.evidence_of(confirming, asked.reading.blob), key=stage)


def answer_of(confirming: Confirming) -> str:
    """The gate's answer so far."""
    return str((confirming.verdict or {}).get("answer", "still open"))


def pictures(asked: Asked, confirming: Confirming, palette: Palette = "page") -> dict[str, str]:
    """The certificate's pictures by name."""
    found = evidence_of(asked, confirming)
    drawn = {}
    if confirming.body["rule"]["test"] == "bet":
        drawn["wealth"] = drawing.wealth(found, answer_of(confirming), palette)
    drawn["pairs"] = drawing.pairs(found, effect_of(confirming), palette)
    if found.guards:
        drawn["guards"] = drawing.guards(found, palette)
    return drawn


def effect_of(confirming: Confirming) -> dict[str, Any]:
    """The measured effect; empty before there is one."""
    return dict((confirming.canary or {}).get("effect") or (confirming.certificate or {}).get("effect") or {})


def show(asked: Asked, told: str = "", wrong: str = "") -> Response:
    """The page."""
    reading, confirming = asked.reading, confirming_of(asked)
    lineages = reading.memo("lineages", lambda: lineages_of(reading))
    row = next(row for row in rows_of(reading.state, lineages) if row["id"] == confirming.id)
    before, after = texts_of(asked, confirming)
    files = diffing.diff(before, after)
    certificate = confirming.certificate or confirming.verdict
    version = reading.state.versions[confirming.version] if confirming.version is not None else None
    steps = sorted(reading.state.confirmations)
    place = steps.index(confirming.id)
    return asked.render(
        "change.html", title=f"Change {confirming.id}", row=row, body=confirming.body, files=files,
        added=sum(one.added for one in files), removed=sum(one.removed for one in files), mark=Markup,
        words=list(certificate_page(certificate)) if certificate else [], certificate=certificate,
        told=told, wrong=wrong, confirming=confirming, version=version, answer=answer_of(confirming),
        pictures={name: Markup(text) for name, text in pictures(asked, confirming).items()},  # noqa: S704  escaped there
        evidence=evidence_of(asked, confirming), effect=effect_words(row), lineage=lineage_words(row),
        table=models.table(evidence_of(asked, confirming)), guard_words=drawing.guard_words,
        earlier=steps[place - 1] if place else None, later=steps[place + 1] if place + 1 < len(steps) else None,
        undoes=undone_by(asked, confirming), may=asked.session.may(security.OPERATE),
    )  # fmt: skip


def undone_by(asked: Asked, confirming: Confirming) -> list[int]:
    """Versions that a rollback of this change would undo: it and what stands on it. Empty where there is nothing."""
    versions = asked.reading.state.versions
    if confirming.version is None or versions[confirming.version].rolled_back:
        return []
    return [v.number for v in versions[confirming.version :] if not v.rolled_back]


def roll_back(asked: Asked) -> Response:
    """The rollback that the page's form asks for, by the very command, in a process of its own; then the page."""
    form = asked.form()
    asked.needs(security.OPERATE)
    told, wrong = "", "Nothing was done: tick the box to say that you mean it."
    with asked.reading.turn():
        confirming = confirming_of(asked)
        wanted = form.get("sure") == "yes" and bool(undone_by(asked, confirming))
    if wanted:
        told, wrong = rolled_back(asked, confirming, form.get("reason", ""))
    with asked.reading.turn():
        return show(asked, told, wrong)


def rolled_back(asked: Asked, confirming: Confirming, given: str) -> tuple[str, str]:
    """What the command said, and what went wrong."""
    reason = (given.strip() or "a person asked for it, on the dashboard")[:500]
    words = ["rollback", f"v{confirming.version}", f"--reason={reason}", "--at", str(asked.program.folder)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "selfproof", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ROLLBACK_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", f"The rollback did not end within {ROLLBACK_S:.0f} seconds and was stopped."
    return (done.stdout.strip()[-600:], "") if not done.returncode else ("", done.stderr.strip()[-600:])


def picture(asked: Asked) -> Response:
    """One picture as a file."""
    confirming, name = confirming_of(asked), asked.request.path_params["name"]
    drawn = pictures(asked, confirming, "dark" if asked.word("dark") else "light")
    if name not in drawn:
        raise NotHere(f"change {confirming.id} has no picture called {name[:40]!r}")
    return exported(drawn[name], f"change-{confirming.id}-{name}.svg", "image/svg+xml")


def numbers(asked: Asked) -> Response:
    """Pairs and wealth as CSV."""
    confirming = confirming_of(asked)
    return exported(csv_of(models.table(evidence_of(asked, confirming))), f"change-{confirming.id}.csv", "text/csv")


def guards(asked: Asked) -> Response:
    """The guards' gains as CSV.

    Raises:
        NotHere: no guard was measured.
    """
    confirming = confirming_of(asked)
    rows = models.guards_table(evidence_of(asked, confirming))
    if not rows:
        raise NotHere(f"change {confirming.id} has no measured guard")
    return exported(csv_of(rows), f"change-{confirming.id}-guards.csv", "text/csv")


def patch(asked: Asked) -> Response:
    """The change as a unified diff that tools take."""
    confirming = confirming_of(asked)
    before, after = texts_of(asked, confirming)
    text = unified(before, after, ("before", "after"))
    return exported(text, f"change-{confirming.id}.patch", "text/x-diff")


def proof(asked: Asked) -> Response:
    """An offline proof that the change's last entry is in the log, as `selfproof ledger proof` makes it."""
    confirming, paths = confirming_of(asked), asked.reading.paths
    version = confirming.version
    entry = confirming.id if version is None else asked.reading.state.versions[version].leaf
    made = Shared(paths.ledger, paths.witnessed).proof(entry)
    return exported(made.text.decode(), f"entry-{entry}.tlog-proof", "text/plain")


PAGES = (
    Page("change", "change/{id:int}", "Change", show),
    Page("rollback", "change/{id:int}/rollback", "Change", roll_back, methods=("POST",), waits=True),
    Page("change-picture", "change/{id:int}/{name:str}.svg", "Change", picture),
    Page("change-numbers", "change/{id:int}/pairs.csv", "Change", numbers),
    Page("change-guards", "change/{id:int}/guards.csv", "Change", guards),
    Page("change-patch", "change/{id:int}/change.patch", "Change", patch),
    Page("change-proof", "change/{id:int}/proof", "Change", proof),
)
