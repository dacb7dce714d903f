"""What screening claims is believed only as far as a process of its own repeats it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from selfproof import life as lives
from selfproof.archive.population import Member
from selfproof.domains.quality import LEAP, Quality
from selfproof.operators.anatomy import anatomy


@pytest.mark.parametrize("honest", [True, False])
def test_a_leader_must_repeat_its_scores_in_a_fresh_process(copied: Path, honest: bool) -> None:
    """The incumbent's code under another name, leading with its true scores or with what a poisoned process gave."""
    with lives.opened(copied) as life:
        domain = Quality(life, life.charter.objective("memory"))
        domain.observe()
        base = domain._base
        assert base is not None
        if honest:
            claimed = base.scores
            domain._base = replace(base, scores=tuple(s * (1 + 2 * LEAP) for s in base.scores))
        else:
            claimed = tuple(s * (1 - 2 * LEAP) for s in base.scores)
        version = replace(life.version(domain.objective), id="other")
        _, structure, nodes = anatomy(base.source, domain.function)
        domain.population.replace_all([Member("other", base.source, claimed, nodes, structure)])
        domain._texts["other"] = version
        found = domain.finalist()
        assert (found is not None) == honest
        assert bool(domain.population.members) == honest
