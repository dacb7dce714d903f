"""Finite hold-outs: splits that share nothing, confirmations that repeat nothing, a climber that learns one bit."""

from __future__ import annotations

import hashlib
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
from selfproof.certify.scale import robust_scale
from selfproof.certify.terms import Pair, Rule
from selfproof.jail import values
from selfproof.ledger import Leaf
from selfproof.nouns import UsageError
from selfproof.trial import loading
from selfproof.trial.holdout import SPLITS, FiniteTask
from selfproof.trial.task import Sample, Task

CHARTER = charters.load(Path(charters.__file__).parents[1] / "templates" / "apprentice" / "charter.toml")
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=4,
)


def task_of(items: Sequence[Sample], *, is_whole: bool = False, **options: Any) -> FiniteTask:
    class Given(FiniteTask):
        metric, better, span, whole = "error", "lower", 1.0, is_whole

        def items(self) -> Sequence[Sample]:
            return items

        def draws(self, sample: Sample, answer: object) -> Sequence[float]:
            return [float(answer != sample.hidden)]

    for name, value in options.items():
        setattr(Given, name, value)
    return Given()


def filler(n: int) -> list[Sample]:
    """Enough items that no split is empty, none of them among those that a property draws."""
    return [Sample(["filler", i], i) for i in range(n)]


def seen(sample: Sample) -> bytes:
    return values.encode(sample.value)


@given(st.lists(st.tuples(plain, st.integers(0, 2)), max_size=40), st.randoms(use_true_random=False))
def test_no_input_is_in_two_splits_and_no_item_twice(rows: list[tuple[Any, int]], rng: random.Random) -> None:
    """Whatever the items: duplicates, equal inputs with different answers, any order; twice the same assignment."""
    items = [*filler(60), *(Sample(value, hidden) for value, hidden in rows)]
    doubled = items + rng.choices(items, k=20)
    rng.shuffle(doubled)
    first, again = task_of(items).parts, task_of(doubled).parts
    inputs = {split: {seen(s) for s in first[split]} for split in SPLITS}
    for one in SPLITS:
        assert [(seen(s), s.hidden) for s in first[one]] == [(seen(s), s.hidden) for s in again[one]]
        assert all(not inputs[one] & inputs[two] for two in SPLITS if two != one)
        once = {(seen(s), s.hidden) for s in first[one]}
        assert len(once) == len(first[one])
    assert set().union(*inputs.values()) == {seen(s) for s in items}


def test_a_split_follows_from_the_inputs_hash_alone_by_the_shares() -> None:
    """Computed anew here; so an item stays where it is when others come."""
    items = filler(4000)
    parts = task_of(items, shares=(0.2, 0.7, 0.1)).parts
    for split, low, high in (("explore", 0.0, 0.2), ("confirm", 0.2, 0.9), ("report", 0.9, 1.0)):
        places = [int(hashlib.sha256(seen(s)).hexdigest()[:16], 16) / 2**64 for s in parts[split]]  # type: ignore[index]
        assert all(low <= place < high for place in places)
        assert abs(len(places) - 4000 * (high - low)) < 120
    more = task_of(items + [Sample(i, i) for i in range(1000)], shares=(0.2, 0.7, 0.1)).parts
    assert {seen(s) for s in parts["confirm"]} <= {seen(s) for s in more["confirm"]}


def test_the_order_of_a_dicts_keys_makes_no_other_item() -> None:
    one, two = Sample({"a": 1, "b": [{"c": 1, "d": 2}]}), Sample({"b": [{"d": 2, "c": 1}], "a": 1})
    whole = task_of([*filler(5), one, two], is_whole=True)
    assert whole.population["items"] == 6


@given(st.integers(3, 80), st.integers(0, 2**256 - 1), st.integers(1, 100))
def test_samples_of_one_call_are_different_and_repeat_for_a_seed(items: int, seed: int, n: int) -> None:
    task = task_of(filler(items), is_whole=True)
    for split in SPLITS:
        found = task.samples(split, seed, n)
        assert len({seen(s) for s in found}) == len(found) == min(n, items)
        assert found == task.samples(split, seed, n)


@given(st.integers(80, 300), st.text("abcdef0123456789", min_size=4, max_size=8), st.integers(1, 99))
def test_a_confirmation_meets_every_item_once_wherever_it_is_cut(items: int, candidate: str, k: int) -> None:
    """As the line draws: a batch at a time, and after a kill from where it was, in an epoch with another key."""
    task = task_of(filler(items), shares=(0.2, 0.6, 0.2))
    told = begun(task)
    body = {"pool": task.population, "candidate": candidate, "counter": "memory", "k": k}
    met: list[bytes] = []
    while numbers := levels.order(told, body)[len(met) : len(met) + 7]:
        met += [seen(task.samples("confirm", number, 1)[0]) for number in numbers]
        apply(told, leaf(told.entries, "seed-commit", epoch=told.epoch + 1, commitment="x"))
    assert len(met) == len(set(met)) == task.population["items"]


@pytest.mark.parametrize(
    ("items", "options", "words"),
    [
        (filler(3), {}, "items are in the"),
        ([*filler(50), Sample(object())], {}, "not plain data"),
        (filler(50), {"shares": (0.5, 0.5, 0.0)}, "shares"),
        (filler(50), {"shares": (0.5, 0.5, 0.5)}, "shares"),
        (filler(50), {"lifetime": 0}, "lifetime"),
    ],
)
def test_impossible_hold_outs_are_refused_with_a_reason(items: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        loading.pools({"it": task_of(items, **options)}, {})


def test_what_a_persons_items_raise_is_explained() -> None:
    class Broken(FiniteTask):
        metric, better = "error", "lower"

        def items(self) -> Sequence[Sample]:
            raise KeyError("no such file")

        def draws(self, sample: Sample, answer: object) -> Sequence[float]:
            return [0.0]

    with pytest.raises(UsageError, match="items of it cannot be had: KeyError"):
        loading.pools({"it": Broken()}, {})


def test_the_population_on_record_changes_with_any_item() -> None:
    items = filler(50)
    first = task_of(items).population
    assert first == task_of(items[::-1]).population and first["lifetime"] == FiniteTask.lifetime
    confirm = task_of(items).parts["confirm"]
    changed = [Sample(s.value, "another answer") if s == confirm[0] else s for s in items]
    assert task_of(changed).population["digest"] != first["digest"]
    assert task_of(items, is_whole=True).population == {**task_of(items, is_whole=True).population, "lifetime": None,
                                                       "items": 50}  # fmt: skip


def test_only_a_finite_task_can_be_whole(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "from selfproof.trial.task import Task\n\n\nclass Endless(Task):\n    whole = True\n\n"
        "    def samples(self, split, seed, n):\n        return []\n\n    def draws(self, sample, answer):\n"
        "        return [0.0]\n"
    )
    text = CHARTER.text.replace("tasks/language.py:Language", "tasks.py:Endless")
    with pytest.raises(UsageError, match="only a FiniteTask can be whole"):
        loading.load(tmp_path, charters.parse(text))


# -- a climber -------------------------------------------------------------------------------------------------------


def leaf(index: int, kind: str, **body: Any) -> Leaf:
    return Leaf(index, kind, body, b"", "2026-01-01T00:00:00.000000Z")


def begun(task: Task, lifetime: int | None = None) -> State:
    state, pools = State(), loading.pools({"memory": task}, {})
    if lifetime is not None:
        pools["memory"] = {**(pools["memory"] or {}), "lifetime": lifetime}
    apply(state, leaf(0, "genesis", weights={"memory": 0.8}, tree="t", files={}, alpha=0.05, pools=pools, mode="fwer",
                      search_seed="cd" * 32))  # fmt: skip
    return state


def climb(seed: int, items: int, lifetime: int, naive: bool) -> tuple[int, float]:
    """A proposer against items that nothing predicts: adoptions, and the last version's score on the confirm items.

    A version answers each item with 0 or 1, the truth is a coin. The proposer keeps what was adopted and changes a
    third of the answers of it at random; with a refusal it knows that this direction is none, and goes the other way.
    So it learns exactly one bit of each confirmation. ``naive`` tests each at alpha, as if there had been no other.
    """
    rng = random.Random(seed)
    task = task_of([Sample(i, rng.randrange(2)) for i in range(items)], shares=(0.05, 0.9, 0.05))
    state = begun(task, lifetime)
    truth = [s.hidden for s in task.parts["confirm"]]
    version = [rng.randrange(2) for _ in truth]
    refused: list[int] = []
    while levels.retired(state, "memory") is None:
        flips = set(rng.sample(range(len(truth)), len(truth) // 3)) - set(refused)
        candidate = [1 - v if i in flips else v for i, v in enumerate(version)]
        level = levels.next_level(state, CHARTER, "memory")
        race = [rng.choice((-1.0, 0.0, 0.0, 1.0)) for _ in range(64)]
        rule = Rule(0.05 if naive else level.alpha, robust_scale(race, 1.0), level.most_pairs)
        confirmation = Confirmation(rule)
        body = {"objective": "memory", "counter": "memory", "k": level.k, "alpha_k": level.alpha,
                "pool": levels.pool_of(state, "memory"), "candidate": f"{rng.getrandbits(64):x}"}  # fmt: skip
        verdict = confirmation.verdict
        for number in levels.order(state, body):
            y = float((candidate[number] == truth[number]) - (version[number] == truth[number]))
            verdict = confirmation.add(Pair(y))
            if verdict.answer != "undecided":
                break
        start = state.entries
        apply(state, leaf(start, "confirm-start", **body))
        if verdict.answer == "certified":
            version, refused = candidate, []
            apply(state, leaf(start + 1, "adopt", confirmation=start, version=len(state.versions), tree="t", files={},
                              objective="memory", candidate="", title="", message="", high_water=[]))  # fmt: skip
        else:
            refused = sorted(flips)[: len(flips) // 4]
    return state.adoptions("memory"), sum(v == t for v, t in zip(version, truth, strict=True)) / len(truth)


def climbs(worlds: int, items: int, lifetime: int, naive: bool) -> tuple[float, float]:
    """Share of worlds in which anything was adopted, and the mean score at the end."""
    found = [climb(seed, items, lifetime, naive) for seed in range(worlds)]
    return sum(n > 0 for n, _ in found) / worlds, math.fsum(score for _, score in found) / worlds


def test_a_climber_on_noise_gains_nothing_and_would_without_the_union() -> None:
    """At most .04 of all worlds may adopt anything; the same climber at a fixed level does so in most."""
    rate, score = climbs(40, items=250, lifetime=40, naive=False)
    assert rate <= 0.04 + 3.1 * math.sqrt(0.04 * 0.96 / 40) and abs(score - 0.5) < 0.02
    rate, score = climbs(10, items=250, lifetime=40, naive=True)
    assert rate >= 0.5 and score > 0.505, "else nothing was tried above"


@pytest.mark.slow
@pytest.mark.parametrize(("worlds", "items", "lifetime"), [(400, 250, 40), (60, 1000, 200)])
def test_of_many_climbers_on_noise_fewer_than_the_level_gain_anything(worlds: int, items: int, lifetime: int) -> None:
    rate, score = climbs(worlds, items, lifetime, naive=False)
    assert rate <= 0.04 and abs(score - 0.5) < 0.01


def test_real_gains_are_found_on_a_hold_out_until_it_is_worn() -> None:
    """Each version is right on three items of ten more, net: adopted, though the level falls with each adoption."""
    rng, adopted = random.Random(7), []
    task = task_of([Sample(i, i) for i in range(2500)], shares=(0.05, 0.9, 0.05))
    state = begun(task, 20)
    while levels.retired(state, "memory") is None and len(adopted) < 20:
        level = levels.next_level(state, CHARTER, "memory")
        confirmation = Confirmation(Rule(level.alpha, 0.2, level.most_pairs))
        verdict = confirmation.verdict
        while verdict.answer == "undecided":
            verdict = confirmation.add(Pair(rng.choice((-1.0, *[0.0] * 12, *[1.0] * 7))))
        start = state.entries
        body = {"objective": "memory", "counter": "memory", "k": level.k, "alpha_k": level.alpha}
        apply(state, leaf(start, "confirm-start", **body))
        adopted.append(verdict.answer == "certified")
        if adopted[-1]:
            apply(state, leaf(start + 1, "adopt", confirmation=start, version=len(state.versions), tree="t", files={},
                              objective="memory", candidate="", title="", message="", high_water=[]))  # fmt: skip
    assert len(adopted) == 20 and sum(adopted) >= 12 and "all 20" in str(levels.retired(state, "memory"))
