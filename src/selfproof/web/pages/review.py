"""Review: what waits for people, with its evidence; and the way to a signature, which no page can make.

A signature is made where the key is. The page shows exactly what is signed and the command for it, and hands what comes
back to `selfproof approve`, which checks it and leaves it for the engine: the same rights, the same letters.
"""

from __future__ import annotations

import datetime
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from starlette.responses import Response

from selfproof.archive.state import Confirming
from selfproof.ledger.clock import utc_now
from selfproof.line import approving
from selfproof.nouns import UsageError
from selfproof.oversight import approvals, halting, letters
from selfproof.viewing.certificates import page as certificate
from selfproof.viewing.reviews import REMINDER, named, row_of, standing_words
from selfproof.viewing.texts import unified
from selfproof.web import security, standing
from selfproof.web.page import Asked, NotHere, Page

PATIENCE_S = 120.0
DAYS = (1, 7, 30)
RESUME = "resume"


def show(asked: Asked) -> Response:
    """The queue, and what people decided before."""
    reading = asked.reading
    rows = [{**row_of(reading, one), "time": one.time} for one in reading.state.waiting]
    past = [one for one in reversed(reading.state.confirmations.values()) if one.approvals][:20]
    stopped = standing.stopped(reading)
    needs = bool(reading.state.overseen.halted and reading.state.charter.get("approvers"))
    return asked.render(
        "review.html", rows=rows, past=[_past(one) for one in past], standing_words=standing_words, stopped=stopped,
        resume=needs, approvers=bool(reading.state.charter.get("approvers")), reminder=REMINDER,
    )  # fmt: skip


def _past(one: Confirming) -> dict[str, Any]:
    return {"id": one.id, "title": one.body["title"], "approvals": one.approvals, "decision": one.decision or {}}


def change(asked: Asked) -> Response:
    """One change: what an approver must have seen before they sign."""
    reading = asked.reading
    confirming = _waiting(asked)
    before = reading.files(reading.state.current)
    changed = {path: reading.blob(digest).decode() for path, digest in confirming.body["files"].items()}
    diff = unified(before, {**before, **changed}, ("before", "after"))
    verdict = confirming.verdict or {}
    row = row_of(reading, confirming)
    return asked.render(
        "review_change.html", row=row, body=confirming.body, diff=_lines(diff), words=standing_words(row),
        reminder=REMINDER,
        evidence=[pair for pair in certificate(verdict) if pair[0] not in {"not covered", "assumes", ""}],
        not_covered=verdict.get("not_covered", []), assumes=verdict.get("assumes", []), guards=confirming.guards,
        approvals=confirming.approvals, days=DAYS, title=f"Review {confirming.id}", time=confirming.time,
    )  # fmt: skip


def _waiting(asked: Asked) -> Confirming:
    try:
        return named(asked.reading.state.waiting, asked.request.path_params["what"])
    except UsageError as error:
        raise NotHere(str(error), advice="It may have been decided meanwhile: the log says.") from None


def _lines(diff: str) -> list[tuple[str, str]]:
    """(kind, text) of each line of a diff."""
    kinds = {"+": "added", "-": "removed", "@": "hunk"}
    found = []
    for line in diff.split("\n")[:-1]:
        head = line.startswith(("--- ", "+++ "))
        found.append(("file" if head else kinds.get(line[:1], "same"), line))
    return found


def sign(asked: Asked) -> Response:
    """What is to be signed and how; or, sent back with a signature, what became of it."""
    asked.needs(security.OPERATE)
    if asked.request.method == "POST":
        form = asked.form()
        found = _handed_in(asked, form.get("statement", ""), form.get("signature", ""))
        with asked.reading.turn():
            if isinstance(found, str):
                return _told(asked, form.get("statement", ""), found)
            return asked.render("signed.html", row=found, title="Signed")
    with asked.reading.turn():
        return _to_do(asked)


def _to_do(asked: Asked) -> Response:
    decision = "reject" if asked.word("decision") == "reject" else "approve"
    days = min(max(asked.whole("days", 1), 1), 365)
    text = _statement(asked, decision, asked.word("reason", most=400), days)
    return asked.render("sign.html", **_to_sign(asked, text), decision=decision, days=days, title="Sign")


def _to_sign(asked: Asked, text: str) -> dict[str, Any]:
    command = f"printf %s {shlex.quote(text)} | ssh-keygen -Y sign -n {approvals.NAMESPACE} -f ~/.ssh/id_ed25519"
    told = json.loads(text)
    return {"statement": text, "command": command, "told": told, "what": asked.request.path_params["what"]}


def _statement(asked: Asked, decision: str, reason: str, days: int) -> str:
    reading, what = asked.reading, asked.request.path_params["what"]
    if not reading.state.charter.get("approvers"):
        raise UsageError("nobody may approve here: the ledger names no approvers")
    if reading.checkpoint is None:
        raise UsageError("there is no signed checkpoint yet")
    if what == RESUME:
        if reading.state.overseen.halted is None:
            raise NotHere("this program is not stopped: there is nothing to sign")
        subject = halting.subject_of(reading.state.overseen)
    else:
        subject = approving.subject_of(reading.state, _waiting(asked))
    until = (utc_now() + datetime.timedelta(days=days)).astimezone(datetime.UTC).isoformat(timespec="seconds")
    seen = {"size": reading.checkpoint.size, "root": reading.checkpoint.root.hex()}
    return letters.statement(reading.state.genesis["program"], subject, decision, reason, seen, until)


def _handed_in(asked: Asked, statement: str, signature: str) -> dict[str, Any] | str:
    """Hand a signed statement to `selfproof approve`, in a process of its own: what it says, or what is wrong."""
    what = asked.request.path_params["what"]
    if what != RESUME and not what.isdecimal():
        raise NotHere(f"nothing is called {what!r}")
    with tempfile.TemporaryDirectory() as scratch:
        said, signed = Path(scratch, "statement"), Path(scratch, "signature")
        said.write_text(statement, "utf-8", newline="")
        signed.write_text(signature.replace("\r\n", "\n").strip() + "\n", "utf-8")
        words = [sys.executable, "-m", "selfproof", "approve", what, "--statement", str(said), "--signature",
                 str(signed), "--at", str(asked.reading.paths.folder.resolve()), "--json"]  # fmt: skip
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"it took longer than {PATIENCE_S:.0f} seconds; look again in a while"
    if done.returncode:
        return done.stderr.strip().removeprefix("selfproof: ")
    row: dict[str, Any] = json.loads(done.stdout)
    return row


def _told(asked: Asked, statement: str, problem: str) -> Response:
    """The form again, with what is wrong."""
    try:
        told = _to_sign(asked, statement)
        decision = "reject" if told["told"]["decision"] == "reject" else "approve"
    except (ValueError, TypeError, KeyError):
        raise UsageError(
            "the statement is not one that this page wrote", advice="Begin with the change again."
        ) from None
    return asked.render(
        "sign.html", status=400, **told, decision=decision, days=1, title="Sign", problem=problem.split("\n")
    )


PAGES = (
    Page("review", "review", "Review", show, order=80, key="r"),
    Page("review-change", "review/{what}", "Review", change),
    Page("sign", "review/{what}/sign", "Sign", sign, methods=("GET", "POST"), waits=True),
)
