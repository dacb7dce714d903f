"""The language task: what it shows, what it hides, and what it does with answers of every wrong form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import predict_of
from selfproof.templates.apprentice.tasks import corpora, rules, tuning
from selfproof.templates.apprentice.tasks.corpora import NEWLINE, ORDERS, OTHER, SYMBOLS, Pool
from selfproof.templates.apprentice.tasks.counts import Counts
from selfproof.templates.apprentice.tasks.language import BLOCK, SPAN, positions
from selfproof.trial.task import InvalidAnswer


@pytest.fixture(scope="module")
def sample(task: Any) -> Any:
    return task.samples("explore", 1, 1)[0]


@pytest.fixture(scope="module")
def good(sample: Any, witten_bell: Any) -> Any:
    return witten_bell(sample.value)


def changed(good: Any, row: int, value: float) -> Any:
    copy = good.copy()
    copy[row, 5] = value
    return copy


WRONG: dict[str, Callable[[Any], object]] = {
    "nothing": lambda g: None,
    "a number": lambda g: 1.0,
    "text": lambda g: "0.5",
    "bytes": lambda g: g.tobytes(),
    "nested lists": lambda g: g.tolist(),
    "a tuple": lambda g: (g,),
    "a dict": lambda g: {"p": g},
    "one row too few": lambda g: g[:-1],
    "one row too many": lambda g: np.concatenate([g, g[:1]]),
    "one symbol too few": lambda g: g[:, :-1],
    "one symbol too many": lambda g: np.concatenate([g, g[:, :1]], axis=1),
    "transposed": lambda g: g.T,
    "flat": lambda g: g.ravel(),
    "three dimensions": lambda g: g[None],
    "empty": lambda g: g[:0],
    "integers": lambda g: (g * 1000).astype(np.int64),
    "booleans": lambda g: g > 0.1,
    "complex numbers": lambda g: g.astype(np.complex64),
    "objects": lambda g: g.astype(object),
    "a NaN": lambda g: changed(g, 0, math.nan),
    "an infinity": lambda g: changed(g, 100, math.inf),
    "minus infinity": lambda g: changed(g, 100, -math.inf),
    "a negative value": lambda g: changed(g, 255, -1e-9),
    "a row of zeros": lambda g: g * (np.arange(len(g)) != 7)[:, None],
    "a row that overflows": lambda g: np.full(g.shape, 1e308),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_malformed_answer_is_invalid(task: Any, sample: Any, good: Any, kind: str) -> None:
    with pytest.raises(InvalidAnswer):
        task.draws(sample, WRONG[kind](good))


def test_an_invalid_answer_costs_the_most_that_a_draw_can_cost(task: Any, sample: Any, good: Any) -> None:
    wrong = np.eye(SYMBOLS)[(sample.hidden[0].astype(int) + 1) % SYMBOLS]
    assert task.worst() == pytest.approx(SPAN) == pytest.approx(max(task.draws(sample, wrong)))
    assert all(0 <= bits <= SPAN for bits in task.draws(sample, good))


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_good_answers_of_every_width_score_the_same(task: Any, sample: Any, good: Any, kind: str) -> None:
    tolerance = 0.01 if kind == "float16" else 1e-6
    wanted = -np.log2(good[np.arange(BLOCK), sample.hidden[0]].astype(float) * (1 - 1e-4) + 1e-4 / SYMBOLS)
    close = pytest.approx(wanted.mean(), abs=tolerance)
    assert np.mean(task.draws(sample, good.astype(kind))) == close


def test_the_truth_is_not_in_what_the_program_sees(task: Any) -> None:
    """The same contexts with other truths are the same input; the hidden part is never encoded."""
    one = task.samples("confirm", 9, 1)[0]
    pool = task.pools["confirm"]
    drawn = positions(len(pool.truth), np.random.default_rng(9))
    assert np.array_equal(one.hidden[0], pool.truth[drawn])
    assert np.array_equal(one.value, task.counts.rows(pool.contexts[:, drawn]))


@pytest.mark.parametrize("size", [BLOCK, 4 * BLOCK, 1000, 25_779, 300, 40])
def test_a_block_has_one_position_from_each_slice_and_every_position_is_as_likely(size: int) -> None:
    """Else a block's mean would not be the pool's on average, and the bet on single draws would not be fair."""
    rng, times = np.random.default_rng(4), 2000
    blocks = np.stack([positions(size, rng) for _ in range(times)])
    edges = np.arange(BLOCK + 1) * size / BLOCK
    ordered = np.sort(blocks, axis=1)
    assert ((ordered >= np.floor(edges[:-1])) & (ordered < np.ceil(edges[1:]))).all()
    counts = np.bincount(blocks.ravel(), minlength=size)
    wanted = times * BLOCK / size
    assert len(counts) == size and np.abs(counts - wanted).max() <= 6 * np.sqrt(wanted) + 6
    assert np.abs(np.corrcoef(np.arange(BLOCK), blocks.mean(axis=0))[0, 1]) < 0.3, "the order tells the slice"


def test_samples_repeat_for_a_seed_and_differ_between_seeds_and_splits(task: Any) -> None:
    first, again, other = (task.samples("confirm", seed, 2) for seed in (5, 5, 6))
    assert all(np.array_equal(a.hidden[0], b.hidden[0]) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].hidden[0], first[1].hidden[0])
    assert not np.array_equal(first[0].hidden[0], other[0].hidden[0])
    assert not np.array_equal(first[0].hidden[0], task.samples("report", 5, 1)[0].hidden[0])


def test_seeds_of_the_engines_width_are_taken(task: Any) -> None:
    assert len(task.samples("confirm", 2**256 - 1, 1)) == 1


def test_no_held_out_passage_was_learned_from(task: Any) -> None:
    parts = task.parts
    assert set(parts) == {"learn", "explore", "confirm", "report"}
    everything = [passage for part in parts.values() for passage in part]
    assert len(set(everything)) == len(everything) == len(corpora.passages(corpora.topics()))
    assert task.counts._table.counts[0].sum() == sum(map(len, parts["learn"])), (
        "the memory learned that part and no other"
    )
    shares = {name: sum(map(len, part)) / sum(map(len, everything)) for name, part in parts.items()}
    assert 0.7 < shares["learn"] < 0.9
    assert all(0.03 < shares[name] < 0.12 for name in ("explore", "confirm", "report"))


def test_the_certificates_pool_is_the_one_that_is_drawn_from(task: Any) -> None:
    said = task.pool("confirm")
    assert said["positions"] == len(task.pools["confirm"].truth) > 10_000
    assert said["sha256"] == Pool.of(task.parts["confirm"]).digest != task.pool("report")["sha256"]


@given(st.text(max_size=60))
def test_every_character_is_one_of_97_symbols(text: str) -> None:
    found = corpora.symbols(text)
    assert len(found) == len(text)
    for ch, symbol in zip(text, found, strict=True):
        assert symbol == (ord(ch) - 32 if " " <= ch <= "~" else NEWLINE if ch == "\n" else OTHER)


@given(
    st.lists(st.text("ab\n", min_size=1, max_size=30), min_size=1, max_size=4), st.text("abc", min_size=1, max_size=12)
)
def test_counts_are_what_counting_by_hand_gives(learned: list[str], held: str) -> None:
    counter: list[Counter[tuple[str, str]]] = [Counter() for _ in range(ORDERS)]
    for text in learned:
        padded = "\n" * (ORDERS - 1) + text
        for i in range(ORDERS - 1, len(padded)):
            for n in range(ORDERS):
                counter[n][padded[i - n : i], padded[i]] += 1
    rows = Counts(Pool.of(learned)).rows(Pool.of([held]).contexts)
    padded = "\n" * (ORDERS - 1) + held
    for position in range(len(held)):
        context = padded[: position + ORDERS - 1]
        for n in range(ORDERS):
            for ch in "abc\n":
                wanted = counter[n][context[len(context) - n :], ch]
                assert rows[position, n, corpora.symbols(ch)[0]] == wanted
    assert rows.shape == (len(held), ORDERS, SYMBOLS)


def told(task: Any, samples: Any) -> tuning.Evidence:
    rows = [(s.value, task.counts.continued.rows(s.hidden[2]), s.hidden[0]) for s in samples]
    return tuning.Evidence([tuning.Block(*row) for row in rows])


def test_peoples_rules_are_scored_like_the_program(task: Any, source: Any) -> None:
    """The shortcut that scores Witten-Bell on the truth alone equals the program's full distributions."""
    samples = task.samples("explore", 3, 2)
    predict = predict_of(source("(c + 2.0 * d * q) / (t + 2.0 * d)"))
    wanted = [bits for s in samples for bits in task.draws(s, predict(s.value))]
    found = told(task, samples).bits(rules.RULES["Witten-Bell"], np.full((ORDERS, 1), math.log(2.0)))
    assert found == pytest.approx(wanted, abs=2e-3) and np.mean(found) == pytest.approx(np.mean(wanted), abs=1e-4)


@pytest.mark.parametrize("name", list(rules.RULES))
def test_every_rule_is_a_distribution(task: Any, name: str) -> None:
    """Asked for each symbol in turn, the shortcut for the truth gives probabilities that add up to one."""
    (sample,), few = task.samples("explore", 3, 1), slice(0, 40)
    rows, continued = sample.value[few], task.counts.continued.rows(sample.hidden[2][:, few])
    rule, total = rules.RULES[name], np.zeros(40)
    parameters = np.linspace(-1.0, 1.0, ORDERS * rule.size).reshape(ORDERS, rule.size)
    if rule.sort == "continued":  # counts below a discount would be taken less than is given on
        parameters = np.tile(np.log([0.5, 0.5, 0.5])[: rule.size], (ORDERS, 1))
    for symbol in range(SYMBOLS):
        block = tuning.Block(rows, continued, np.full(40, symbol, dtype=np.uint8))
        with np.errstate(all="ignore"):
            bits = tuning.Evidence([block]).bits(rule, parameters)
        total += (2.0**-bits - tuning.FLOOR / SYMBOLS) / (1.0 - tuning.FLOOR)
    assert total == pytest.approx(1.0, abs=1e-6)


@given(st.lists(st.text("ab", min_size=1, max_size=20), min_size=1, max_size=3))
def test_continuation_counts_are_what_counting_by_hand_gives(learned: list[str]) -> None:
    padded = ["\n" * (ORDERS - 1) + text for text in learned]
    held = Pool.of(["abba"])
    found, context = Counts(Pool.of(learned)).continued.rows(held.contexts), "\n" * (ORDERS - 1) + "abba"
    for position in range(4):
        for n in range(ORDERS - 1):
            end = position + ORDERS - 1
            for ch in "ab":
                string = context[end - n : end] + ch
                # a follower of order n + 1 begins n + 1 characters before it, within the padding at the earliest
                before = {
                    text[i - 1]
                    for text in padded
                    for i in range(1, len(text))
                    if i + n >= ORDERS - 1 and text[i : i + n + 1] == string
                }
                assert found[position, n, corpora.symbols(ch)[0]] == len(before)


def test_an_escape_leaves_out_what_a_longer_context_was_followed_by() -> None:
    rows = np.array([[[5, 3, 2, 1], [2, 1, 0, 0], [1, 0, 0, 0]]], dtype=np.float32)
    assert tuning.excluded(rows).tolist() == [[[0, 0, 2, 1], [0, 1, 0, 0], [1, 0, 0, 0]]]


def test_peoples_rules_are_tuned(task: Any) -> None:
    """More evaluations do not hurt on the split that they are tuned on, and every rule beats the start by far."""
    found = task.baselines(5, 60, task.samples("explore", 77, 6))
    assert {b.name.split(",")[0] for b in found} == set(rules.RULES)
    means = {b.name: float(np.mean(b.draws)) for b in found}
    assert all(len(b.draws) == 6 and len(b.draws[0]) == BLOCK for b in found)
    assert max(means.values()) < 2.6 and min(means.values()) < 2.1


def test_a_readers_text_is_scored_by_the_same_memory(task: Any) -> None:
    from selfproof.nouns import UsageError

    blocks = task.from_text("def f(x):\n    return x + 1\n" * 20, 1, 3)
    assert len(blocks) == 3 and blocks[0].value.shape == (BLOCK, ORDERS, SYMBOLS)
    for short in ("", " \n" * 500, "too short"):
        with pytest.raises(UsageError, match="characters"):
            task.from_text(short, 1, 3)


def test_regrouping_moves_rows_and_keeps_them(task: Any) -> None:
    samples = task.samples("confirm", 2, 3)
    others, origin = task.regroup(samples, 8)
    assert sorted(origin) == [(i, j) for i in range(3) for j in range(BLOCK)]
    rows = np.concatenate([s.value for s in others])
    truth = np.concatenate([s.hidden[0] for s in others])
    for place, (i, j) in enumerate(origin):
        assert np.array_equal(rows[place], samples[i].value[j]) and truth[place] == samples[i].hidden[0][j]
    together = sum(i == origin[0][0] for i, _ in origin[:BLOCK])
    assert 40 < together < 140, "a third of a new block comes from each old one"
