"""Ask the program's own improver for edits, in the jail."""

from __future__ import annotations

from selfproof.charter import Objective
from selfproof.domains import paired
from selfproof.domains.base import Focus
from selfproof.life import Life
from selfproof.nouns import Edit, SelfproofError
from selfproof.propose import jailed


def edits(life: Life, objective: Objective, focus: Focus) -> list[Edit]:
    """What the improver of the certified line suggests, asked once for each view.

    Raises:
        SelfproofError: it fails.
    """
    files, improver = life.files(), life.charter.proposers.improver
    if not improver:
        return []
    asked = [jailed.request(files, improver, view, life.limits) for view in focus.views]
    outcomes = paired.sound(life.jail.map(asked))
    found: list[Edit] = []
    for outcome, view in zip(outcomes, focus.views, strict=True):
        answer = jailed.receive(outcome, objective.name, view["wanted"], (view["path"],))
        life.cpu_seconds += answer.cpu_seconds
        if answer.failure:
            raise SelfproofError(
                f"the improver failed in the jail: {answer.failure}",
                advice=f"Look at {improver} in the program.",
            )
        found += answer.edits
    return found
