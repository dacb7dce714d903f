"""Finalists without what they do not need: equal answers bit for bit, and the smaller version is what is confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from selfproof import birth, life
from selfproof.audit import audit
from selfproof.domains import simplifying
from selfproof.domains.quality import SPACED, Quality
from selfproof.life import Life
from selfproof.line.confirming import start
from selfproof.nouns import Candidate, Edit
from selfproof.operators import size

BEFORE = "    return (c + 1.0) / (t + 97.0)\n"
PADDED = """    x1 = c * 3.0
    if d is None:
        s = s + 1.0
    return np.where(c > 0.0, c * 1.0, c * 1.0) / (t + 2.0) + np.abs(np.abs(q)) * (0.1 + 0.2)
"""
SMALL = "    return c / (t + 2.0) + q * 0.30000000000000004\n"
RARELY = """    if int(c.sum()) % 15 == 0:
        q = q * 0.9
    return c / (t + 2.0) + q * 0.3
"""


@pytest.fixture
def search(tmp_path: Path) -> Iterator[Quality]:
    birth.make(tmp_path / "life", seed=3)
    with life.opened(tmp_path / "life", seed=3) as living:
        domain = Quality(living, living.charter.objective("memory"))
        domain.observe()
        yield domain


def made(living: Life, body: str, title: str = "c -> more") -> Candidate:
    objective = living.charter.objective("memory")
    now = living.version(objective)
    assert now.files["memory.py"].count(BEFORE) == 1
    files = {"memory.py": now.files["memory.py"].replace(BEFORE, body)}
    return living.candidate(objective, files, edit=Edit("memory", files, title, "wrap", now.id))


def place(domain: Quality) -> tuple[str, str]:
    return domain.path, domain.function


def test_a_finalist_is_confirmed_without_its_dead_code(search: Quality) -> None:
    living = search.life
    padded, small = made(living, PADDED), made(living, SMALL)
    for _ in search.race([padded]):
        pass
    search.since = SPACED
    finalist = search.finalist()
    assert finalist is not None
    assert finalist.candidate.files == small.files, finalist.candidate.files["memory.py"]
    edit = finalist.candidate.edit
    sizes = [size(c.files["memory.py"], "merge") for c in (padded, small)]
    assert edit is not None and edit.operator == "wrap" and edit.files == small.files and edit.parent == padded.id
    assert edit.title == f"c -> more; simplified: {sizes[0]} -> {sizes[1]} nodes" and sizes[1] < sizes[0] - 10
    # It has taken the leader's place, with the leader's scores, and the archive knows it.
    assert search.population.best.id == small.id and padded.id not in {m.id for m in search.population.members}
    rows = {row["id"]: row for row in living.archive.history("memory", 9)}
    assert rows[small.id]["outcome"] == "raced" and rows[small.id]["score"] == rows[padded.id]["score"]
    assert search.files_of(small.id) == small.files
    body = start(living, search, finalist, None).body
    assert body["candidate"] == small.id and "simplified" in body["title"]
    living.ledger.commit()
    assert audit(living.paths.ledger)["ok"]
    # Once refused it does not come back in its padded form either.
    search.settled(finalist, adopted=False)
    search.population.insert(
        search._member(padded, finalist_scores := [0.5 * s for s in search.population.best.scores])
    )
    search._texts[padded.id], search.since = padded, SPACED
    assert finalist_scores and search._simplified(search.population.best) is None


def test_among_equals_the_smaller_stays_whichever_came_first(search: Quality) -> None:
    padded, small = made(search.life, PADDED), made(search.life, SMALL)
    for candidate in (padded, small):
        for _ in search.race([candidate]):
            pass
    outcomes = {row["id"]: row["outcome"] for row in search.life.archive.history("memory", 9)}
    assert outcomes == {padded.id: "raced", small.id: "raced"}
    assert {m.id for m in search.population.members} == {small.id, search.life.version(search.objective).id}
    larger = made(search.life, PADDED.replace("3.0", "4.0"))
    for _ in search.race([larger]):
        pass
    assert search.life.archive.outcome("memory", larger.id) == "equal"


def test_what_differs_on_fresh_blocks_alone_stays(search: Quality) -> None:
    """Code that does nothing on a block of the panel, but does on others: that block alone would let it go."""
    living, rarely, needed = search.life, made(search.life, RARELY), "q * 0.9"
    loses = [
        block for block in search.panel
        if needed not in simplifying._smallest(living, search.objective, rarely.files, place(search), [block])
    ]  # fmt: skip
    assert loses, "no block of the panel lets it go: choose another divisor"
    found = simplifying.simplified(living, search.task, rarely, place(search), loses[:1])
    assert found is not None and needed in found.files["memory.py"], "what is idle on all of them goes, this stays"


def test_answers_must_be_equal_once_more_in_a_process_of_its_own(
    search: Quality, monkeypatch: pytest.MonkeyPatch
) -> None:
    padded, wrong = made(search.life, PADDED), made(search.life, "    return c + 0.1\n")
    monkeypatch.setattr(simplifying, "_smallest", lambda *rest: wrong.files["memory.py"])
    assert simplifying.simplified(search.life, search.task, padded, place(search), search.panel) is None


def test_there_is_an_end_to_it(search: Quality, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []
    monkeypatch.setattr(simplifying, "MOST_RUNS", 20)
    monkeypatch.setattr(simplifying, "_which", lambda *rest: [ran.append(1) or False for _ in rest[2]])
    assert simplifying.simplified(search.life, search.task, made(search.life, PADDED), place(search), []) is None
    assert len(ran) == 20


def test_what_has_no_function_or_no_edit_is_left_alone(search: Quality) -> None:
    padded = made(search.life, PADDED)
    assert simplifying.simplified(search.life, search.task, padded, ("memory.py", ""), search.panel) is None
    bare = Candidate(padded.id, "memory", padded.files)
    assert simplifying.simplified(search.life, search.task, bare, place(search), search.panel) is None
