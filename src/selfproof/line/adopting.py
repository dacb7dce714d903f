"""Write a decision: the refusal, or the entry and the commit that make a candidate the program."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from selfproof.adopt import repo
from selfproof.archive.state import Confirming
from selfproof.archive.tree import digests, tree_hash
from selfproof.life import Life
from selfproof.line.certificates import commit_message, write
from selfproof.nouns import Candidate, Decision, Edit
from selfproof.oversight import tripwires


def refuse(life: Life, confirming: Confirming, step: str, reason: str) -> None:
    """Close a confirmation without adopting its candidate; its alpha stays spent."""
    life.log("decision", {"confirmation": confirming.id, "verdict": "refused", "step": step, "reason": reason})
    write(life, confirming)


def limit(life: Life) -> str | None:
    """Why the charter allows no adoption now, or None; asked before alpha is spent and again before an adoption."""
    if life.state.overseen.halted is not None:
        return "the program was stopped"
    if life.charter.autonomy.level == "observe":
        return f"the charter's autonomy level is {life.charter.autonomy.level}"
    now = datetime.datetime.now(datetime.UTC)
    day = now - datetime.timedelta(days=1)
    recent = [v for v in life.state.versions[1:] if datetime.datetime.fromisoformat(v.time) > day]
    if len(recent) >= life.charter.budget.adoptions_per_day:
        return f"{len(recent)} adoptions in 24 hours are all that the charter allows"
    return tripwires.cooling(life.state, life.charter, now)


def full(life: Life) -> bool:
    """Whether so many changes wait for people that nothing more is confirmed: nobody is flooded into agreeing."""
    return len(life.state.waiting) >= life.charter.autonomy.waiting


def candidate_of(life: Life, confirming: Confirming) -> Candidate:
    """What is or was confirmed, from the ledger."""
    body = confirming.body
    texts = {path: life.ledger.get_blob(digest).decode() for path, digest in body["files"].items()}
    edit = Edit(body["objective"], texts, body["title"], body["operator"], body["incumbent"])
    return Candidate(body["candidate"], body["objective"], texts, edit)


def adopt(
    life: Life, objective: str, candidate: Candidate, confirming: Confirming, high_water: Sequence[str]
) -> Decision:
    """Write the leaf, then the commit: from the leaf on the change is adopted, whatever happens to us."""
    files = {**life.files(), **candidate.files}
    body, verdict = confirming.body, confirming.verdict
    assert verdict is not None
    number = len(life.state.versions)
    message = commit_message(number, body["title"], objective, verdict)
    leaf = life.log(
        "adopt",
        {"version": number, "parent": life.state.current, "confirmation": confirming.id, "objective": objective,
         "candidate": body["candidate"], "title": body["title"], "tree": tree_hash(files), "files": digests(files),
         "texts": [life.blob(text) for text in candidate.files.values()],
         "message": message, "high_water": list(high_water)},
        durable=True,
    )  # fmt: skip
    repo.commit(life.tree, files, message, leaf.time)
    return Decision("adopted", "adopt", verdict["reason"], candidate, version=number)
