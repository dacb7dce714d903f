"""Edits that were turned away before anything of them was run: each batch of them is one entry of the ledger.

What is kept is how many each rule caught, and the hash of each edit's normal form, so that the same one sent in again
is seen to be the same. The texts are not kept: whoever sends a million would fill the disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from selfproof.archive.tree import form_of, tree_hash
from selfproof.charter import Objective
from selfproof.life import Life
from selfproof.nouns import Edit, Objection

MOST_TOLD = 64
"""Hashes in one entry; all are counted."""
LARGEST_FORM = 256 * 1024
"""Characters of an edit beyond which its bare text is hashed: nothing has seen yet that it can be parsed."""


def log(life: Life, objective: Objective, turned_away: Sequence[tuple[Edit, Objection]]) -> None:
    """Write down what was turned away of an objective's edits, and what its improver said that was no edit at all."""
    rules = Counter(found.rule for _, found in turned_away)
    for rule, _, count in life.dropped:
        rules[rule] += count
    if not rules:
        return
    dropped = [digest for _, digest, _ in life.dropped if digest]
    life.dropped.clear()
    told = [*(digest_of(edit) for edit, _ in turned_away[:MOST_TOLD]), *dropped][:MOST_TOLD]
    batch = life.state.batches.get(objective.name, 0)
    life.log(
        "screened",
        {"objective": objective.name, "batch": batch, "n": rules.total(), "rules": dict(sorted(rules.items())),
         "edits": told},
    )  # fmt: skip


def digest_of(edit: Edit) -> str:
    """The name of an edit's normal form: the same for texts that differ in comments and layout only."""
    if sum(map(len, edit.files.values())) > LARGEST_FORM:
        return tree_hash(edit.files)
    return form_of(edit.files)
