"""Counts and a neural model together: what the model is, when its guess is told, and people's rules with the same."""

from __future__ import annotations

import types
from collections.abc import Iterator
from importlib import resources
from typing import Any

import numpy as np
import pytest

from selfproof.jail import values
from selfproof.templates.apprentice.tasks import corpora, mixed, neural, online, stream
from selfproof.templates.apprentice.tasks.corpora import NEWLINE, SYMBOLS
from selfproof.templates.apprentice.tasks.stream import PASSAGES, PAST, STEPS

TEMPLATES = resources.files("selfproof") / "templates"
PROGRAM = (TEMPLATES / "mixed/program/mixed.py").read_text(encoding="utf-8")
READING = (TEMPLATES / "stream/program/stream.py").read_text(encoding="utf-8")
EVEN = np.full((PASSAGES, SYMBOLS), 1.0 / SYMBOLS)


@pytest.fixture(scope="module")
def task() -> Iterator[mixed.Mixed]:
    """With a model of a hundredth of the budget: what it says matters less here than when."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neural, "FLOPS", neural.FLOPS // 100)
        mixed.model_of.cache_clear()
        yield mixed.Mixed()
        mixed.model_of.cache_clear()


def played(source: str, sample: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An exchange in this process."""
    reading, module = types.ModuleType("stream"), types.ModuleType("mixed")
    exec(compile(READING, "stream.py", "exec"), reading.__dict__)
    monkeypatch.setitem(__import__("sys").modules, "stream", reading)
    exec(compile(source, "mixed.py", "exec"), module.__dict__)
    exchange, message = sample.exchange(), sample.value
    while message is not None:
        message = exchange.reply(module.__dict__["predict"](message))
    return exchange.result()


def test_the_model_learns_within_its_budget_and_repeats_itself() -> None:
    texts = ["the cat sat on the mat, and the rat sat on the cat.\n" * 40]
    few, many = (neural.trained(texts, int(flops)) for flops in (1e8, 6e9))
    assert 0 < many.flops <= 6e9 and neural.trained(texts, int(6e9)).digest == many.digest != few.digest
    text = corpora.symbols(texts[0])
    x, y = np.lib.stride_tricks.sliding_window_view(text, neural.CONTEXT)[:-1], text[neural.CONTEXT :]
    bits = []
    for model in (few, many):
        found = model.distribution(x)
        assert found.sum(axis=1) == pytest.approx(1.0, abs=1e-5) and found.min() >= 0
        bits.append(-np.log2(found[np.arange(len(y)), y]).mean())
    assert bits[1] < 0.5 < bits[0]


@pytest.mark.parametrize("step", [0, 3, STEPS - 1])
def test_no_guess_of_the_model_rests_on_what_was_not_guessed_yet(task: mixed.Mixed, step: int) -> None:
    (sample,) = task.samples("confirm", 5, 1)
    other = sample.hidden.copy()
    other[:, PAST + step :] = np.random.default_rng(1).integers(0, SYMBOLS, (PASSAGES, STEPS - step))
    sent = []
    for drawn in (sample.hidden, other):
        again = task._sample(drawn)
        assert again.exchange is not None
        exchange, told = again.exchange(), [values.encode(again.value)]
        told += [values.encode(exchange.reply(EVEN)) for _ in range(step)]
        sent.append(told)
    assert sent[0] == sent[1]


def test_its_guess_is_that_for_the_characters_before_the_place(task: mixed.Mixed) -> None:
    (sample,) = task.samples("explore", 2, 1)
    assert sample.exchange is not None
    exchange = sample.exchange()
    message: Any = sample.value
    for step in range(STEPS):
        for row, guess in list(zip(sample.hidden, message["neural"], strict=True))[:5]:
            past = [NEWLINE if s == stream.NOTHING else s for s in row[: PAST + step]][-neural.CONTEXT :]
            assert guess == pytest.approx(task.model.distribution(np.array([past]))[0], abs=1e-5)
        message = exchange.reply(EVEN)
    assert message is None


def test_the_start_reads_as_the_stream_does_and_a_rule_may_use_the_model(
    task: mixed.Mixed, monkeypatch: pytest.MonkeyPatch
) -> None:
    (sample,) = task.samples("explore", 2, 1)
    same = sample.hidden
    plain = stream.Stream()._sample(same)
    reading = types.ModuleType("alone")
    exec(compile(READING, "stream.py", "exec"), reading.__dict__)
    assert plain.exchange is not None
    exchange = plain.exchange()
    message: Any = plain.value
    while message is not None:
        message = exchange.reply(reading.__dict__["predict"](message))
    found: Any = exchange.result()
    assert np.array_equal(played(PROGRAM, sample, monkeypatch), found)
    alone = played(PROGRAM.replace("    return q\n", "    return u\n"), sample, monkeypatch)
    of_model = mixed.guessed(task.model, [same]).reshape(STEPS, PASSAGES).T
    assert alone == pytest.approx(-np.log2(of_model * (1 - online.FLOOR) + online.FLOOR / SYMBOLS), abs=1e-3)


def test_people_are_given_the_model_too_and_only_gain_from_it_where_they_were_tuned(task: mixed.Mixed) -> None:
    explore, report = ([s.hidden for s in task.samples(split, 8, 2)] for split in ("explore", "report"))
    rows = mixed.rules_with(task, explore, report, 45, 1)
    assert len(rows) == 14 and sum("neural" in row.name for row in rows) == 2
    least = min(online.bits(row.known) for row in rows if "neural" not in row.name)
    for row in rows[-2:]:
        assert len(row.new) == 2 * PASSAGES * STEPS and online.bits(row.known) <= least + 0.01


def test_the_claim_names_the_model(task: mixed.Mixed) -> None:
    about: Any = task.pool("report")
    assert about["neural"] == {"flops": task.model.flops, "sha256": task.model.digest} and task.model.flops > 1e9
