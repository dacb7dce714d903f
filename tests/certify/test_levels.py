"""Levels of confirmations, in every mode, against computations of their own; what a charter may not change."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selfproof import charter as charters
from selfproof import levels
from selfproof.archive.state import State, apply
from selfproof.certify.gate import Confirmation
from selfproof.certify.terms import Level, Pair, Rule
from selfproof.ledger import Leaf

CHARTER = charters.load(Path(charters.__file__).parents[1] / "templates" / "apprentice" / "charter.toml")
HOLDOUT = {"lifetime": 10, "items": 500, "digest": "aa"}
SUITE = {"lifetime": None, "items": 30, "digest": "bb"}
WEIGHTS = {"one": 0.4, "two": 0.4}
ALPHA = 0.05


class Told:
    """A life as entries tell it."""

    def __init__(self, mode: str = "fwer", told: dict[str, Any] | None = None, **pools: Any) -> None:
        self.state = State()
        self.index = 0
        self.add("genesis", weights=WEIGHTS, tree="t", files={}, alpha=ALPHA, mode=mode, search_seed="ab" * 32,
                 pools={"one": None, "two": None, **pools},
                 **({"confirm_pairs": 250} if told is None else told))  # fmt: skip

    def add(self, kind: str, **body: Any) -> int:
        apply(self.state, Leaf(self.index, kind, body, b"", "2026-01-01T00:00:00.000000Z"))
        self.index += 1
        return self.index - 1

    def confirm(self, name: str, adopted: bool, *, control: bool = False, answer: str = "certified") -> Level:
        """Start, end and decide a confirmation as the line does; its level."""
        level = levels.next_level(self.state, CHARTER, name, control=control)
        start = self.add("confirm-start", objective=name, counter=level.counter, k=level.k, alpha_k=level.alpha,
                         pool=levels.pool_of(self.state, name), candidate="c", form="f")  # fmt: skip
        self.add("verdict", confirmation=start, answer=answer if adopted else "refused")
        if adopted:
            self.add("adopt", confirmation=start, version=len(self.state.versions), tree="t", files={}, objective=name,
                     candidate="c", title="", message="", high_water=[])  # fmt: skip
        else:
            self.add("decision", confirmation=start, verdict="refused", step="gate", reason="")
        return level


def gamma(k: int) -> float:
    return 0.93 / (k + 2) / math.log(k + 2) ** 2


histories = st.lists(st.tuples(st.sampled_from(["one", "two"]), st.booleans(), st.booleans()), max_size=30)


@given(histories, st.sampled_from(["fwer", "fdr"]))
def test_levels_are_what_the_papers_say(history: Sequence[tuple[str, bool, bool]], mode: str) -> None:
    """Alpha spending, and e-LOND, recomputed from the plain history; controls count by themselves, at a fixed level."""
    told = Told(mode)
    for i, (name, adopted, control) in enumerate(history):
        same = [h for h in history[:i] if h[0] == name and h[2] == control]
        k = 1 + len(same)
        won = sum(a for n, a, c in history[:i] if n == name and not c) if mode == "fdr" and not control else 0
        level = told.confirm(name, adopted and not control, control=control)
        wanted = gamma(1 if control else k) * (won + 1)
        assert level.k == k and level.alpha == pytest.approx(ALPHA * 0.4 * wanted, rel=1e-12)
        assert (level.test, level.most_pairs) == ("bet", 250)


def test_what_an_uncertified_test_let_in_raises_no_level() -> None:
    told, hold_out = Told("fdr"), Told("fdr", one=HOLDOUT)
    for _ in range(5):
        told.confirm("one", True, answer="uncertified")
    assert levels.next_level(told.state, CHARTER, "one").alpha == pytest.approx(ALPHA * 0.4 * gamma(6))
    told.confirm("one", True)
    assert levels.next_level(told.state, CHARTER, "one").alpha == pytest.approx(ALPHA * 0.4 * gamma(7) * 2)
    assert told.state.spent() == pytest.approx(sum(ALPHA * 0.4 * gamma(k) for k in range(1, 7)))
    hold_out.confirm("one", True, answer="uncertified")
    level = levels.next_level(hold_out.state, CHARTER, "one")
    assert level.alpha == pytest.approx(ALPHA * 0.4 / 20.0**2), "a hold-out's proposers learned a bit all the same"


def test_the_most_pairs_are_the_entries_own_and_not_this_versions() -> None:
    assert levels.next_level(Told(told={"confirm_pairs": 77}).state, CHARTER, "one").most_pairs == 77
    assert levels.next_level(Told(told={}).state, CHARTER, "one").most_pairs == 150


def test_one_hold_out_serves_one_name() -> None:
    again = {**HOLDOUT, "lifetime": 99}
    assert "one and kept" in str(levels.shared_holdout({"two": None, "one": HOLDOUT, "kept": again}))
    assert levels.shared_holdout({"kept": {**HOLDOUT, "lifetime": None}, "one": HOLDOUT}) is not None
    assert levels.shared_holdout({"one": HOLDOUT, "kept": {**HOLDOUT, "digest": "cc"}, "two": None}) is None
    assert levels.shared_holdout({"one": SUITE, "kept": SUITE, "two": None}) is None, "a suite pays for nothing"


@given(histories)
def test_what_is_spent_is_the_sum_of_the_gammas_in_either_mode(history: Sequence[tuple[str, bool, bool]]) -> None:
    for mode in ("fwer", "fdr"):
        told = Told(mode)
        for name, adopted, control in history:
            told.confirm(name, adopted and not control, control=control)
        counts = [sum(n == name and not c for n, _, c in history) for name in WEIGHTS]
        wanted = sum(ALPHA * 0.4 * gamma(k) for count in counts for k in range(1, count + 1))
        assert told.state.spent() == pytest.approx(wanted) and told.state.spent() < ALPHA


def test_an_adoption_that_was_rolled_back_still_counts() -> None:
    told = Told("fdr")
    told.confirm("one", True)
    before = levels.next_level(told.state, CHARTER, "one")
    told.add("rollback", **{"from": 1, "to": 0, "undone": [1], "tree": "t", "by": "person", "reason": ""})
    assert levels.next_level(told.state, CHARTER, "one") == before
    assert before.alpha == pytest.approx(ALPHA * 0.4 * gamma(2) * 2)


@given(st.lists(st.booleans(), max_size=10))
def test_a_hold_out_is_tested_at_the_union_over_transcripts(bits: list[bool]) -> None:
    told = Told("fdr", one=HOLDOUT)
    for t, adopted in enumerate(bits):
        if levels.retired(told.state, "one"):
            break
        level = told.confirm("one", adopted)
        assert level.alpha == pytest.approx(ALPHA * 0.4 / 20.0 ** (1 + sum(bits[:t])))
        assert (level.test, level.most_pairs) == ("bet", 500)
        assert told.state.spent() == pytest.approx(ALPHA * 0.4), "all of its share, from the first one on"


def test_all_transcripts_of_a_hold_out_together_stay_within_its_share() -> None:
    """Every candidate that any string of bits could lead to, at the level that it meets: the sum is the bound."""
    lifetime, total = 12, 0.0
    for t in range(1, lifetime + 1):
        for adoptions in range(t):
            told = Told(one={**HOLDOUT, "lifetime": lifetime})
            for i in range(t - 1):
                told.confirm("one", i < adoptions)
            total += math.comb(t - 1, adoptions) * levels.next_level(told.state, CHARTER, "one").alpha
    assert total <= ALPHA * 0.4


def test_a_hold_out_is_retired_by_its_lifetime_and_by_its_size() -> None:
    told = Told(one=HOLDOUT)
    for _ in range(10):
        assert levels.retired(told.state, "one") is None
        told.confirm("one", False)
    assert "all 10 confirmations" in str(levels.retired(told.state, "one"))
    assert levels.retired(told.state, "two") is None
    small = Told(one={**HOLDOUT, "items": 12})
    assert levels.retired(small.state, "one") is None  # 20 / 0.02 = 1000: 11 outcomes of 1 at a stake of .9 reach it
    small.confirm("one", True)
    assert "12 samples cannot certify anything after 1 adoptions" in str(levels.retired(small.state, "one"))
    ten = Told(one={**HOLDOUT, "items": 10})
    assert "10 samples" in str(levels.retired(ten.state, "one"))
    best = Confirmation(Rule(levels.next_level(ten.state, CHARTER, "one").alpha, 1.0, 10))
    assert [best.add(Pair(9.0)).answer for _ in range(10)][-1] == "refused", "it could not have been certified"


def test_a_hold_out_of_any_lifetime_has_a_level_until_it_is_retired() -> None:
    told = Told(one={"lifetime": 10**6, "items": 10**9, "digest": ""})
    while levels.retired(told.state, "one") is None:
        assert told.confirm("one", True).alpha > 0
    assert told.state.adoptions("one") > 20


def test_a_whole_population_spends_nothing_and_runs_everything_twice() -> None:
    told = Told(one=SUITE)
    for k in range(1, 50):
        level = told.confirm("one", k % 2 == 0)
        assert (level.k, level.alpha, level.test, level.most_pairs) == (k, 0.0, "exact", 60)
    assert told.state.spent() == 0.0 and levels.retired(told.state, "one") is None


@given(st.integers(1, 200), st.text("abc", min_size=1), st.integers(1, 50))
def test_an_order_holds_every_number_once_and_is_the_confirmations_own(items: int, candidate: str, k: int) -> None:
    told = Told(one={**HOLDOUT, "items": items})
    body = {"pool": told.state.charter["pools"]["one"], "candidate": candidate, "counter": "one", "k": k}
    found = levels.order(told.state, body)
    assert sorted(found) == list(range(items)) and found == levels.order(told.state, body)
    if items > 20:
        assert found != levels.order(told.state, {**body, "k": k + 1}) != levels.order(told.state, {**body, "k": k + 2})
    assert levels.order(told.state, {**body, "pool": {**SUITE, "items": items}}) == [*range(items)] * 2


CHANGES: dict[str, tuple[Any, Any, bool]] = {
    "nothing": (HOLDOUT, HOLDOUT, True),
    "other items": (HOLDOUT, {**HOLDOUT, "digest": "cc"}, False),
    "a longer lifetime": (HOLDOUT, {**HOLDOUT, "lifetime": 99}, False),
    "a hold-out instead of fresh samples": (None, HOLDOUT, False),
    "fresh samples instead of a hold-out": (HOLDOUT, None, False),
    "a hold-out called a suite": (HOLDOUT, {**HOLDOUT, "lifetime": None}, False),
    "a suite that grew": (SUITE, {**SUITE, "items": 31, "digest": "dd"}, True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_an_objective_is_drawn_from_stays(name: str) -> None:
    before, after, allowed = CHANGES[name]
    told = Told(one=before)
    reason = levels.forbidden_change(told.state.charter, {"mode": "fwer", "pools": {"one": after, "two": None}})
    assert (reason is None) == allowed, reason


def test_the_mode_stays() -> None:
    reason = levels.forbidden_change(Told().state.charter, {"mode": "fdr", "pools": {}})
    assert "mode is fdr" in str(reason)


def share_false(mode: str, seed: int, confirmations: int) -> tuple[int, float]:
    """One life in which every third change is a gain: adoptions, and the share of false ones among them."""
    told, adopted = Told(mode), [0, 0]
    for number in range(confirmations):
        rng = random.Random(f"{seed}|{number}")  # the same pairs in either mode
        gain = rng.random() < 1 / 3
        level = levels.next_level(told.state, CHARTER, "one")
        confirmation = Confirmation(Rule(level.alpha, 1.0, 60))
        verdict = confirmation.verdict
        while verdict.answer == "undecided":
            verdict = confirmation.add(Pair(rng.gauss(0.9 if gain else 0.0, 1)))
        told.confirm("one", verdict.answer == "certified")
        adopted[gain] += verdict.answer == "certified"
    return sum(adopted), adopted[0] / max(1, sum(adopted))


def test_e_lond_adopts_at_least_as_much_and_few_of_it_is_false() -> None:
    found = {mode: [share_false(mode, seed, 25) for seed in range(20)] for mode in ("fwer", "fdr")}
    gains = {mode: sum(n for n, _ in rows) for mode, rows in found.items()}
    assert gains["fdr"] >= gains["fwer"] > 50
    assert sum(share for _, share in found["fdr"]) / 20 <= 0.05


@pytest.mark.slow
def test_over_many_lives_the_expected_share_of_false_adoptions_is_below_alpha() -> None:
    shares = [share_false("fdr", seed, 100)[1] for seed in range(400)]
    assert sum(shares) / 400 <= 0.05
