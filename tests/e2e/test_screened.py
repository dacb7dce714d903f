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
    """The first version among the members, with its true scores or with those that a poisoned process would give."""
    with lives.opened(copied) as life:
        domain = Quality(life, life.charter.objective("memory"))
        domain.observe()
        base = domain._base
        assert base is not None
        first = life.version(domain.objective, 0)
        if honest:  # the incumbent's own answers, with a claim of the same: nothing to gain, so let the base look worse
            claimed = base.scores
            domain._base = replace(base, id="worse", scores=tuple(s * (1 + 2 * LEAP) for s in base.scores))
            version = life.version(domain.objective)
        else:
            claimed = tuple(s * (1 - 2 * LEAP) for s in base.scores)
            version = first
        source = version.files[domain.path]
        _, structure, nodes = anatomy(source, domain.function)
        domain.population.replace_all([Member(version.id, source, claimed, nodes, structure)])
        domain._texts[version.id] = version
        domain.quiet = 9
        found = domain.finalist()
        assert (found is not None) == honest
        assert bool(domain.population.members) == honest
