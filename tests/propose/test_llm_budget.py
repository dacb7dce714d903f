"""Money: never more than the budget, whatever runs side by side, fails or is killed; and none that is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_cases import EDIT, brief

from selfproof.nouns import UsageError
from selfproof.propose.brief import ProposerFailed
from selfproof.propose.llm import LLMProposer, proposers, wire
from selfproof.propose.llm.broker import Broker, Line
from selfproof.propose.llm.endpoints import parse
from selfproof.propose.llm.handle import Handle, Patience
from selfproof.propose.llm.journal import Journal, spent
from selfproof.propose.llm.prices import PICO, Price
from selfproof.propose.llm.purse import NOTHING, Amount, Purse
from selfproof.testing.loopback import BreakOff, LoopbackModel, Raw, Say, Silence, Status, Turn

AMOUNTS = st.builds(Amount, st.integers(0, 900), st.integers(0, 900), st.integers(0, 900))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 3000), st.lists(st.tuples(AMOUNTS, st.floats(0, 1), st.integers(0, 5)), max_size=30))
def test_what_is_set_aside_first_cannot_be_overdrawn(ceiling: int, calls: list[tuple[Amount, float, int]]) -> None:
    """Calls in any order and number at a time, each costing at most what was set aside for it."""
    purse = Purse(ceiling, 10 * ceiling)
    under_way: list[tuple[Amount, Amount]] = []
    for worst, share, ends in calls:
        if purse.holds(worst):
            purse.take(worst)
            true = Amount(*(int(value * share) for value in (worst.tokens_in, worst.tokens_out, worst.pico)))
            under_way.append((worst, true))
        else:
            with pytest.raises(ValueError, match="more than"):
                purse.take(worst)
        for _ in range(min(ends, len(under_way))):
            purse.settle(*under_way.pop(0))
        assert purse.settled.pico <= ceiling and purse.settled.tokens <= 10 * ceiling
    assert purse.aside == sum((worst for worst, _ in under_way), NOTHING)


def test_a_call_that_costs_nothing_needs_no_money() -> None:
    assert Purse(0, None).holds(Amount(10**9, 10**9, 0))
    assert not Purse(0, 100).holds(Amount(51, 50, 0))


PRICE = Price(read=700_000, written=3_000_000)


def a_turn(dice: random.Random) -> Turn:
    text = "x" * dice.randrange(1, 400)
    return dice.choice([
        Say(text), Say(text), Say(text, usage="none"), Say(text, streamed=False), Status(429), Status(500),
        BreakOff(text), BreakOff(nothing=True), Raw(b"data: {"),
        Say(text, usage={"prompt_tokens": 0, "completion_tokens": 0}),
        Say(text, ended=None, done=False), Status(400, "no"),
    ])  # fmt: skip


def true_cost(server: LoopbackModel) -> int:
    return sum(PRICE.of(one.tokens_in, one.tokens_out) for one in server.asked if one.tokens_out)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(0, 12))
def test_parallel_calls_stay_within_a_small_budget(
    tmp_path_factory: pytest.TempPathFactory, seed: int, calls_worth: int
) -> None:
    """Over real HTTP, with a tokenizer that makes a token of every byte, and a server that fails in every way."""
    dice = random.Random(seed)
    ask = {"system": "s" * 300, "user": "u" * 200, "reply_tokens": 100, "deadline_s": 5.0, "gap_s": 5.0, "attempts": 3}
    budget = calls_worth * PRICE.of(500, 100)
    path = tmp_path_factory.mktemp("purse") / "spending.jsonl"
    answers: list[wire.FromBroker] = []
    turns = [a_turn(dice) for _ in range(60)]
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")

    async def run(server: LoopbackModel) -> Amount:
        async def send(message: wire.FromBroker) -> None:
            if not isinstance(message, wire.Progress):
                answers.append(message)

        journal = Journal(path)
        purse = Purse(budget, None, journal.settled)
        broker = Broker({"m": Line(parse(server.name), "", PRICE)}, purse, journal, "today", send)
        jobs = [broker.answer(wire.Ask(id=n, model="m", pace=0.0, **ask)) for n in range(10)]  # type: ignore[arg-type]
        await asyncio.gather(*jobs)
        await broker.close()
        journal.close()
        assert purse.aside == NOTHING
        return purse.settled

    with LoopbackModel(turns, bytes_per_token=1) as server:
        settled = asyncio.run(run(server))
        assert true_cost(server) <= settled.pico <= budget
    assert spent(path) == settled
    assert len(answers) == 10
    total = sum(answer.picodollars for answer in answers if not isinstance(answer, wire.Ready))
    assert total == settled.pico, "every call says what it cost, and nothing else was spent"


def paid(server: LoopbackModel, journal: Path, dollars: float, **rest: object) -> LLMProposer:
    """A proposer for the server at a price of $1 and $2 per million tokens."""
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    journal.parent.mkdir(parents=True, exist_ok=True)
    row = f'"{server.name}" = {{ input = 1.0, output = 2.0 }}\n'
    (journal.parent.parent / "prices.toml").write_text(f"[dollars_per_million_tokens]\n{row}")
    given_: dict[str, object] = {"tokens": 0, "patience": Patience(20.0, 10.0, 2, 0.01), **rest}
    (made,) = proposers([server.name], journal=journal, dollars=dollars, **given_)  # type: ignore[arg-type]
    assert isinstance(made, LLMProposer)
    return made


def test_a_call_is_settled_at_what_the_reply_says(server: LoopbackModel, journal: Path) -> None:
    server.play([EDIT])
    model = paid(server, journal, 1.0)
    (got,) = model.propose(brief())
    model.close()
    (asked,) = server.asked
    assert got.spent.dollars == pytest.approx((asked.tokens_in + 2 * asked.tokens_out) / 1e6, abs=1e-12)
    assert model.spent == got.spent
    assert spent(journal).pico == round(got.spent.dollars * PICO)
    again = paid(server, journal, 1.0)
    assert isinstance(again.asker, Handle)
    assert again.asker.before.dollars == got.spent.dollars, "what was spent is known to the next run"
    again.close()


def test_a_reply_without_usage_counts_at_its_bound(server: LoopbackModel, journal: Path) -> None:
    server.play([Say(EDIT, usage="none")])
    model = paid(server, journal, 1.0)
    (got,) = model.propose(brief())
    model.close()
    (asked,) = server.asked
    assert got.spent.tokens_out >= 8000 and got.spent.tokens_in >= len(asked.prompt.encode())


def test_when_the_budget_is_used_up_nothing_is_asked(server: LoopbackModel, journal: Path) -> None:
    server.play([EDIT])
    model = paid(server, journal, 0.01)
    with pytest.raises(ProposerFailed, match=r"budget is used up: \$0\.0000 of \$0\.0100 spent") as caught:
        list(model.propose(brief()))
    model.close()
    assert caught.value.fatal and "[budget] dollars" in caught.value.advice()
    assert server.asked == [] and spent(journal) == NOTHING


def test_tokens_are_a_budget_too(server: LoopbackModel, journal: Path) -> None:
    server.play([EDIT])
    model = paid(server, journal, 1.0, tokens=9000)
    with pytest.raises(ProposerFailed, match="0 of 9000 tokens"):
        list(model.propose(brief()))
    model.close()
    assert server.asked == []


def test_a_vendor_that_charges_more_than_it_may_is_asked_once(server: LoopbackModel, journal: Path) -> None:
    server.play([Say(EDIT, usage={"prompt_tokens": 50, "completion_tokens": 90_000})])
    model = paid(server, journal, 1.0)
    with pytest.raises(ProposerFailed, match="more than the") as caught:
        list(model.propose(brief()))
    model.close()
    assert caught.value.fatal
    assert spent(journal) == Amount(50, 90_000, 50 * 1_000_000 + 90_000 * 2_000_000), "what it says counts all the same"


def test_a_kill_counts_the_most_that_could_have_been_spent(server: LoopbackModel, journal: Path) -> None:
    server.play([Silence()])
    model = paid(server, journal, 0.05)
    assert isinstance(model.asker, Handle)
    asking = threading.Event()
    model.on_progress = lambda _: asking.set()
    caught: list[ProposerFailed] = []

    def ask() -> None:
        try:
            list(model.propose(brief()))
        except ProposerFailed as why:
            caught.append(why)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asking.wait(20)
    while not server.asked:
        time.sleep(0.01)
    os.kill(model.asker.pid, signal.SIGKILL)
    thread.join(20)
    assert caught[0].fatal and "has ended" in str(caught[0])
    with pytest.raises(ProposerFailed, match="has ended"):
        list(model.propose(brief()))
    model.close()

    counted = spent(journal)
    assert counted.tokens_out >= 8000 and counted.pico >= 8000 * 2_000_000
    again = paid(server, journal, counted.pico / PICO + 0.001)
    with pytest.raises(ProposerFailed, match="used up"):
        list(again.propose(brief()))
    again.close()


def test_two_runs_cannot_spend_the_same_budget(server: LoopbackModel, journal: Path) -> None:
    held = Journal(journal)
    with pytest.raises(UsageError, match="another run spends"):
        Journal(journal, wait_s=0.0)
    held.close()
    Journal(journal, wait_s=0.0).close()


def test_a_line_that_a_kill_left_unfinished_is_no_damage(journal: Path) -> None:
    book = Journal(journal)
    book.settle(book.reserve("m", Amount(5, 5, 50), "today"), Amount(1, 1, 10), "usage")
    book.reserve("m", Amount(7, 7, 70), "today")
    book.close()
    whole = journal.read_bytes()
    for cut in range(0, len(whole), 7):
        journal.write_bytes(whole[:cut])
        told = spent(journal)
        assert told.pico in {0, 50, 10, 80}
        again = Journal(journal)
        assert again.settled == told
        again.settle(again.reserve("m", Amount(1, 0, 3), "today"), Amount(1, 0, 3), "usage")
        again.close()
        assert spent(journal).pico == told.pico + 3


@pytest.mark.parametrize("line", [b"{}", b"x", b'{"line":"settle","id":"000009","tokens_in":0,"tokens_out":0,'
                                  b'"picodollars":0,"by":"usage"}', b""])  # fmt: skip
def test_a_damaged_journal_is_refused(journal: Path, line: bytes) -> None:
    book = Journal(journal)
    book.reserve("m", Amount(5, 5, 50), "today")
    book.close()
    journal.write_bytes(line + b"\n" + journal.read_bytes())
    with pytest.raises(UsageError, match="damaged in line 1"):
        spent(journal)
    with pytest.raises(UsageError, match="damaged in line 1"):
        Journal(journal)
    journal.write_bytes(b"")
    Journal(journal).close()


def test_without_a_place_to_write_nothing_is_asked(
    journal: Path, server: LoopbackModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    server.play([EDIT])
    book = Journal(journal)
    sent: list[wire.FromBroker] = []

    async def run() -> None:
        async def send(message: wire.FromBroker) -> None:
            sent.append(message)

        broker = Broker({"m": Line(parse(server.name), "", PRICE)}, Purse(PICO, None), book, "today", send)
        await broker.answer(wire.Ask(1, "m", "s", "u", 10, 5.0, 5.0, 1, 0.0))
        await broker.close()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    asyncio.run(run())
    book.close()
    (told,) = sent
    assert isinstance(told, wire.Failed) and told.fatal and "cannot be written down" in told.message
    assert server.asked == [] and journal.read_bytes() == b""
