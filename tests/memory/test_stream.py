"""Reading in lock-step: what a program is told when, what it is scored by, and people's rules beside it."""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterator
from importlib import resources
from typing import Any

import numpy as np
import pytest

from selfproof.jail import Limits, values
from selfproof.jail import Pool as Jail
from selfproof.templates.apprentice.tasks import corpora, online, stream
from selfproof.templates.apprentice.tasks.corpora import SYMBOLS
from selfproof.templates.apprentice.tasks.stream import PASSAGES, PAST, STEPS, Stream
from selfproof.trial import blocks
from selfproof.trial.task import InvalidAnswer

SOURCE = (resources.files("selfproof") / "templates/stream/program/stream.py").read_text(encoding="utf-8")
BACKING_OFF = SOURCE.replace("return (c + 1.0 * d * q) / (t + 1.0 * d)", "return (c + 9.0 * d * q) / (t + 9.0 * d)")
EVEN = np.full((PASSAGES, SYMBOLS), 1.0 / SYMBOLS)
PEEKS = {
    "what it was just told": "return np.eye(97)[message['truth']] if 'truth' in message else q",
    "the last of all it was given": "_kept.append(message)\n    found = [v for m in _kept for v in m.values()"
    " if v.dtype == np.uint8]\n    last = found[-1] if found[-1].ndim == 1 else found[-1][:, -1]\n"
    "    return np.eye(97)[np.minimum(last, 96)]",
    "what lies about in its process": "import gc, sys\n    shape = (len(q),)\n"
    "    found = [o for o in gc.get_objects()"
    " if isinstance(o, np.ndarray) and o.shape == shape and o.dtype == np.uint8]"
    "\n    found += [message['truth']] if 'truth' in message else []\n"
    "    return np.eye(97)[np.minimum(found[0], 96)] if found else q",
}
NEIGHBOURS = {
    "the others' mean": "return (q + q.mean(axis=0)) / 2",
    "what the others were told": "seen = np.bincount(message.get('truth', np.zeros(1, int)), minlength=97)[:97]\n"
    "    return q + 0.01 * seen",
}


@pytest.fixture(scope="module")
def task() -> Stream:
    return Stream()


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    with Jail(1) as made:
        yield made


def wrapped(body: str) -> str:
    after = f"\n\n_before, _kept = predict, []\n\n\ndef predict(message):\n    q = _before(message)\n    {body}\n"
    return BACKING_OFF + after


def played(source: str, sample: Any) -> Any:
    """An exchange in this process."""
    module = types.ModuleType("stream")
    exec(compile(source, "stream.py", "exec"), module.__dict__)
    exchange, message = sample.exchange(), sample.value
    while message is not None:
        message = exchange.reply(module.__dict__["predict"](message))
    return exchange.result()


def run(jail: Jail, source: str, part: Any) -> Any:
    return jail.submit(blocks.job({"stream.py": source}, "stream.py:predict", part, Limits(wall_s=30.0))).result()


@pytest.mark.parametrize("step", [0, 1, 5, STEPS - 1])
def test_no_message_tells_what_was_not_guessed_yet(task: Stream, step: int) -> None:
    """Whatever comes from this step on, all that was sent before it was guessed is the same, byte for byte."""
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
        last = exchange.reply(EVEN)  # now it may be told
        told_now = last["truth"] if isinstance(last, dict) else drawn[:, PAST + step]
        assert np.array_equal(told_now, drawn[:, PAST + step])
    assert sent[0] == sent[1]


@pytest.mark.parametrize("kind", PEEKS)
def test_a_program_that_looks_for_the_truth_finds_none(jail: Jail, task: Stream, kind: str) -> None:
    """Each of these is certain of a symbol: right now and then by chance, and far worse than an honest guess."""
    part = blocks.prepare(task.samples("confirm", 3, 1))
    (honest,) = blocks.score(task, part, run(jail, BACKING_OFF, part))
    (trial,) = blocks.score(task, part, run(jail, wrapped(PEEKS[kind]), part))
    assert honest.score is not None and trial.score is not None, trial.message
    assert honest.score < 2.7 and trial.score > 10.0


def test_in_the_jail_it_scores_as_here(jail: Jail, task: Stream) -> None:
    samples = task.samples("explore", 2, 2)
    trials = blocks.score(task, part := blocks.prepare(samples), run(jail, BACKING_OFF, part))
    for trial, sample in zip(trials, samples, strict=True):
        assert trial.draws == pytest.approx(played(BACKING_OFF, sample).mean(axis=1), abs=1e-6)
        assert len(trial.draws) == PASSAGES and max(trial.draws) <= task.worst()


@pytest.mark.parametrize("kind", ["", *NEIGHBOURS])
def test_company_is_found_out(jail: Jail, task: Stream, kind: str) -> None:
    samples = task.samples("confirm", 21, 2)
    others, origin = task.regroup(samples, 22)
    first, again = blocks.prepare(samples), blocks.prepare(others)
    source = wrapped(NEIGHBOURS.get(kind, "return q"))
    one, two = ([run(jail, source, [block]) for block in part] for part in (first, again))
    assert blocks.company_matters(task, first, one, again, two, origin) is bool(kind)


@pytest.mark.parametrize("answer", [None, EVEN[:-1], EVEN * np.nan, EVEN - 1.0, EVEN.tolist(), EVEN * 0])
def test_a_malformed_answer_ends_the_exchange(task: Stream, answer: object) -> None:
    exchange = task.samples("explore", 1, 1)[0].exchange
    assert exchange is not None
    begun = exchange()
    begun.reply(EVEN)
    with pytest.raises(InvalidAnswer):
        begun.reply(answer)
    with pytest.raises(InvalidAnswer, match="to their end"):
        task.draws(task.samples("explore", 1, 1)[0], begun.result())


def test_a_window_is_a_stretch_of_one_section_and_places_are_as_likely() -> None:
    rng, ends = np.random.default_rng(3), Counter[tuple[int, int]]()
    texts = ["".join(map(chr, rng.integers(33, 127, size))) for size in (60, 700, 40, 90)]
    for _ in range(100):
        for row in stream.windows(texts, rng, 20):
            text = "".join(chr(32 + s) for s in row if s != stream.NOTHING)
            assert len(text) >= stream.LEAST + STEPS
            found = [(i, t.find(text) + len(text)) for i, t in enumerate(texts) if text in t]
            assert found and (len(text) == PAST + STEPS or texts[found[0][0]].startswith(text))
            ends[found[0]] += 1
    places = sum(max(0, len(t) - stream.LEAST - STEPS + 1) for t in texts)
    wanted = 2000 / places
    assert len(ends) <= places and max(abs(n - wanted) for n in ends.values()) < 6 * wanted**0.5 + 2


def test_contexts_are_those_that_were_learned(task: Stream) -> None:
    text = task.parts["explore"][0]
    pool, (drawn,) = (
        corpora.Pool.of([text]),
        stream.windows([text[: stream.LEAST + STEPS]], np.random.default_rng(1), 1),
    )
    for step in range(STEPS):
        assert np.array_equal(stream.contexts(drawn[None], step)[:, 0], pool.contexts[:, stream.LEAST + step])


def test_the_programs_and_the_engines_counts_of_a_passage_are_those_by_hand(task: Stream) -> None:
    drawn = task.samples("explore", 4, 1)[0].hidden[:6]
    module = types.ModuleType("stream")
    exec(compile(SOURCE, "stream.py", "exec"), module.__dict__)
    m: Any = module
    m.begin(drawn[:, :PAST])
    for step in range(5):
        if step:
            m.learn(drawn[:, PAST + step - 1])
        mine, engines = m.passage_counts(), online.passage_rows(drawn, step)
        assert np.array_equal(mine, engines[:, m.PLACES].transpose(1, 0, 2))
        for row, found in zip(drawn, engines, strict=True):
            text = [int(s) for s in row[: PAST + step] if s != stream.NOTHING]
            for n in (0, 1, 3, 12):
                after = Counter(text[i] for i in range(n, len(text)) if text[i - n : i] == text[len(text) - n :])
                assert {s: int(k) for s, k in enumerate(found[n]) if k} == dict(after)


def test_peoples_online_rules_are_distributions(task: Stream) -> None:
    """Asked for each symbol in turn, the first guess of a passage adds up to one."""
    passages, rng = 3, np.random.default_rng(2)
    asked = np.repeat(task.samples("explore", 4, 1)[0].hidden[:passages], SYMBOLS, axis=0)
    asked[:, PAST] = np.tile(np.arange(SYMBOLS), passages)
    of, static = online.Reading(task.counts, [asked]), np.full(len(asked) * STEPS, 1.0 / SYMBOLS)
    for name, (step, start) in online.ONLINE.items():
        with np.errstate(all="ignore"):
            found = step(of, static, rng.normal(0.5, 1.0, len(start)))[: len(asked)]
        assert found.reshape(passages, SYMBOLS).sum(axis=1) == pytest.approx(1.0, abs=1e-6), name


def test_peoples_rules_gain_from_the_passage(task: Stream) -> None:
    explore, report = ([s.hidden for s in task.samples(split, 8, 3)] for split in ("explore", "report"))
    rows = online.tuned(task.counts, explore, report, 45, 1)
    means = {b.name: float(np.mean(b.draws)) for b in rows}
    assert len(rows) == 12 and all(len(b.draws) == 3 and len(b.draws[0]) == PASSAGES for b in rows)
    static = min(v for name, v in means.items() if name.endswith("static"))
    assert min(v for name, v in means.items() if not name.endswith("static")) < static < 2.2


def test_no_held_out_section_was_learned_from(task: Stream) -> None:
    learned = {p for text in task.parts["learn"] for p in corpora.passages(text)}
    for name in ("explore", "confirm", "report"):
        assert task.parts[name] and not learned & {p for text in task.parts[name] for p in corpora.passages(text)}
