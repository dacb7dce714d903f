"""What engines of one search do for each other through a shared archive: none races what another has, good ones move.

A form that a sibling has claimed or raced is left out of a batch, before anything is run; an entry of the ledger and an
event say how many were. What survived a sibling's race is offered here, a few at a time, as a suggestion like any
other: screened, raced on this engine's own panel, written down whole in this engine's own ledger. So nothing that the
archive says decides anything, and ``verify`` never needs it.

Rows are a stranger's, those of this program too: a candidate whose name is not the hash of its text is dropped, and its
text meets the screen again.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any

from selfproof.archive.kin import kins_of
from selfproof.archive.protocol import Sibling
from selfproof.archive.tree import matches, scope, tree_hash
from selfproof.charter import Objective
from selfproof.domains.base import Domain, admitted
from selfproof.domains.briefing import own_files
from selfproof.life import Life
from selfproof.nouns import Candidate, Edit
from selfproof.propose.jailed import plain

SIBLING = "sibling"
"""The proposer of what another engine raced."""
MOST_TOLD = 64
"""Forms in one entry; all are counted."""
CLAIM_S, LONGEST_S = 600.0, 7 * 86400.0
"""Seconds that a claim holds where a trial is short, and at most."""
EVERY, AT_ONCE, LOOKED_AT = 4, 4, 64
"""Each so many batches, at most so many of a sibling's candidates are taken over, of so many that are looked at."""


def kin_of(life: Life, objective: Objective) -> str | None:
    """The name of the search that this objective's has in common with other engines' now; None where it has none.

    Not in a run with a seed, which must repeat, and not where a clock decides.
    """
    timed = objective.kind != "quality" or getattr(life.tasks[objective.name], "timed", False)
    if life.seed is not None or timed or not life.charter.archive.share or life.archive.shared is None:
        return None
    return kins_of(life.charter, life.state.charter["tasks"], life.state.versions[0].tree).get(objective.name)


def unclaimed(
    life: Life, objective: Objective, stream: str, new: list[tuple[Candidate, str]], trials: int
) -> list[tuple[Candidate, str]]:  # fmt: skip
    """Of a batch's candidates, each with its form, those that no other engine is racing or has raced.

    ``trials`` is how many each may take at most, by which a claim's time is reckoned. What was taken over from another
    engine stays: here it has not been raced.
    """
    kin = kin_of(life, objective) if stream == objective.name and new else None
    shared = life.archive.shared if kin else None
    if kin is None or shared is None:
        return new
    forms = [form for candidate, form in new if candidate.edit is None or candidate.edit.proposer != SIBLING]
    each = float(getattr(life.tasks[objective.name], "seconds", 0.0))
    held = min(LONGEST_S, CLAIM_S + 4 * each * trials * len(forms))
    taken = shared.claim(kin, forms, held)
    life.left -= {(objective.name, form) for _, form in new}
    if not taken:
        return new
    life.left |= {(objective.name, form) for form in taken}
    counts = {why: sum(found == why for found in taken.values()) for why in ("claimed", "raced")}
    told = {"objective": objective.name, **counts}
    life.log("exchange", {**told, "batch": life.state.batches.get(stream, 0), "forms": sorted(taken)[:MOST_TOLD],
                          "taken": []})  # fmt: skip
    life.notices.append({"event": "exchange", **told, "taken": 0})
    return [(candidate, form) for candidate, form in new if form not in taken]


def untried(life: Life, candidate: Candidate, form: str, tried: Container[str]) -> bool:
    """Whether nobody has tried a form here: one that was left to another engine may come back from it."""
    back = candidate.edit is not None and candidate.edit.proposer == SIBLING
    return form not in tried or (back and (candidate.objective, form) in life.left)


def offered(domain: Domain) -> list[Edit]:
    """A few of what survived other engines' races and was not offered here before, the best first, as edits."""
    life, objective = domain.life, domain.objective
    batch = life.state.batches.get(objective.name, 0)
    kin = kin_of(life, objective) if batch % EVERY == EVERY - 1 else None
    shared = life.archive.shared if kin else None
    if kin is None or shared is None:
        return []
    edits, taken, seen = list[Edit](), list[dict[str, str]](), life.offered
    for one in shared.siblings(kin, LOOKED_AT, highest=objective.better == "higher"):
        if len(edits) == AT_ONCE:
            break
        if (objective.name, one.id) in seen:
            continue
        seen.add((objective.name, one.id))
        edit = _edit(life, objective, one)
        if edit is not None:
            edits.append(edit)
            taken.append({"id": one.id, "program": one.program})
    if edits:
        told = {"objective": objective.name, "claimed": 0, "raced": 0}
        life.log("exchange", {**told, "batch": batch, "forms": [], "taken": taken})
        life.notices.append({"event": "exchange", **told, "taken": len(taken)})
    return edits


def _edit(life: Life, objective: Objective, one: Sibling) -> Edit | None:
    """A sibling's candidate as an edit of the incumbent; None if its name is not its text's, or nothing would change.

    What is outside of the objective's files is left out: it is another objective's.
    """
    own = {path: text for path, text in one.files.items() if matches(path, objective.files)}
    files = {**own_files(life, objective, 0), **own}
    if tree_hash(scope(files, objective.files)) != one.id:
        return None
    now = life.files()
    changed = {path: text for path, text in files.items() if now.get(path) != text}
    title = plain(f"of another engine: {one.title}")
    parent = life.version(objective).id
    return Edit(objective.name, changed, title, "exchange", parent, proposer=SIBLING) if changed else None


def members(life: Life, objective: Objective, rows: Sequence[dict[str, Any]]) -> list[Candidate]:
    """Versions from an archive's rows of one's own. Where others may have written them, only what is sound."""
    known = range(len(life.state.versions))
    rows = [row for row in rows if row["files"]]  # else its texts were let go, long after it left the population
    bases = {row["version"]: own_files(life, objective, row["version"]) for row in rows if row["version"] in known}
    if life.archive.shared is None:
        return [Candidate(r["id"], objective.name, {**bases[r["version"]], **r["files"]}) for r in rows]
    found = []
    for row in rows:
        base = bases.get(row["version"], {})
        edit = Edit(objective.name, row["files"], "", row["operator"], row["id"])
        passed, _ = admitted(life, objective, [edit], {row["id"]: base}.get)
        if base and passed and passed[0].id == row["id"]:
            found.append(replace(passed[0], edit=None))
    return found
