"""Report: the system card that `selfproof report` makes of the ledger, to read here or to take along."""

from __future__ import annotations

import subprocess
import sys

from starlette.responses import Response

from selfproof.nouns import SelfproofError
from selfproof.web.page import Asked, NotHere, Page

PATIENCE_S = 300.0
FORMS = {
    "html": ("text/html; charset=utf-8", "card.html"),
    "md": ("text/markdown; charset=utf-8", "card.md"),
    "json": ("application/json", "card.json"),
    "cyclonedx": ("application/json", "bom.json"),
}
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'; sandbox"
"""The card is one file with its styles within; nothing in it is run, whoever wrote it."""


def show(asked: Asked) -> Response:
    """The frame around it."""
    return asked.render("report.html", forms=FORMS)


def card(asked: Asked) -> Response:
    """The card itself. It is made in a process of its own, which verifies the whole ledger first."""
    form = asked.request.path_params["form"]
    if form not in FORMS:
        raise NotHere(f"there is no card in the form {form!r}", advice=f"There are {', '.join(FORMS)}.")
    kind, name = FORMS[form]
    with asked.reading.turn() as reading:
        entries, folder = reading.state.entries, reading.paths.folder.resolve()
        held: bytes | None = reading.memo(f"card-{form}", lambda: None)
    if held is None:
        words = [sys.executable, "-m", "selfproof", "report", "--format", form, "--at", str(folder)]
        try:
            done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False)
        except subprocess.TimeoutExpired:
            raise SelfproofError("the report takes too long for a page", advice="selfproof report") from None
        if done.returncode not in {0, 4}:  # 4: the ledger does not verify, and the card says so
            raise SelfproofError(done.stderr.decode("utf-8", "replace").strip()[:500])
        held = done.stdout
        with asked.reading.turn() as reading:
            if reading.state.entries == entries:
                reading.keep(f"card-{form}", held)
    headers = {"content-security-policy": POLICY, "x-frame-options": "SAMEORIGIN"}
    if asked.word("save"):
        headers["content-disposition"] = f'attachment; filename="{name}"'
    return Response(held, media_type=kind, headers=headers)


PAGES = (
    Page("report", "report", "Report", show, order=110, key="p"),
    Page("card", "report/{form}", "Report", card, waits=True),
)
