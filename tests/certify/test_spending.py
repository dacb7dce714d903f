"""The error budget: it is spent once, in order, and never comes back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof.archive.state import State, apply
from selfproof.certify.guards import LIFETIME, guard_level
from selfproof.certify.spending import gamma, level, weights
from selfproof.ledger import Leaf


def test_all_gammas_together_stay_below_one() -> None:
    """A partial sum, and the integral of .93 / (x ln(x)^2) as a bound on everything behind it."""
    terms = 200_000
    tail = 0.93 / math.log(terms + 2)
    assert math.fsum(map(gamma, range(1, terms + 1))) + tail < 1.0


@given(st.integers(1, 10**9))
def test_each_confirmation_gets_less_than_the_one_before(k: int) -> None:
    assert 0 < gamma(k + 1) < gamma(k) < 1


@given(st.integers(1, 12), st.integers(0, 40))
def test_weights_of_all_objectives_ever_created_stay_within_one(first: int, later: int) -> None:
    shares = weights(first, later)
    assert len(shares) == first + later and min(shares) > 0
    assert math.fsum(shares) <= 1 + 1e-12
    assert weights(first, later + 1)[: first + later] == shares


@given(st.floats(1e-6, 0.5), st.floats(0.01, 1), st.integers(0, 300))
def test_all_levels_together_are_less_than_the_share(alpha: float, weight: float, n: int) -> None:
    assert math.fsum(level(alpha, weight, k) for k in range(1, n + 1)) < alpha * weight


@pytest.mark.parametrize("k", [0, -1])
def test_confirmations_are_counted_from_one(k: int) -> None:
    with pytest.raises(ValueError, match="from 1"):
        gamma(k)


@pytest.mark.parametrize(("first", "later"), [(0, 1), (1, -1)])
def test_a_charter_has_objectives(first: int, later: int) -> None:
    with pytest.raises(ValueError):
        weights(first, later)


def test_guards_spend_at_most_a_twentieth_over_a_life() -> None:
    assert LIFETIME == 0.05
    assert math.fsum(guard_level(n) for n in range(1, 10_001)) < LIFETIME


def leaf(index: int, kind: str, **body: object) -> Leaf:
    return Leaf(index, kind, body, b"", "2026-01-01T00:00:00.000000Z")


def test_k_survives_rollback_new_charter_halt_and_new_epochs() -> None:
    state = State()
    shares = {"memory": 0.8}
    apply(state, leaf(0, "genesis", weights=shares, tree="t", files={}, alpha=0.05))
    apply(state, leaf(1, "confirm-start", counter="memory", k=7, objective="memory"))
    apply(state, leaf(2, "decision", confirmation=1, verdict="refused", step="gate", reason=""))
    later = (
        ("seed-reveal", {"epoch": 1, "key": "00"}),
        ("seed-commit", {"epoch": 2, "commitment": "x"}),
        ("charter", {"weights": {**shares, "new": 0.1}, "alpha": 0.04}),
        ("rollback", {"from": 0, "to": 0, "undone": [], "tree": "t", "by": "person"}),
        ("halt", {"by": "stop file"}),
        ("resume", {"what": "halt"}),
        ("key", {}),
    )
    for index, (kind, body) in enumerate(later, start=3):
        apply(state, leaf(index, kind, **body))
        assert state.counters["memory"] == 7
