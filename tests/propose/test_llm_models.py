"""Whole questions to a real HTTP server that behaves as badly as servers do, through a real broker."""

from __future__ import annotations

import importlib.util
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from llm_cases import EDIT, FILES, QUICK, brief

from selfproof.nouns import UsageError
from selfproof.propose.brief import Lesson, Proposer, ProposerFailed, Spent
from selfproof.propose.llm import LLMProposer, Progress, proposers
from selfproof.propose.llm.handle import Handle, Patience
from selfproof.testing.loopback import BreakOff, Drip, LoopbackModel, Raw, Say, Silence, Status, Turn

BOUND_OUT = 8_016


def handle_of(proposer: LLMProposer) -> Handle:
    assert isinstance(proposer.asker, Handle)
    return proposer.asker


def failure(proposer: Proposer, **other: object) -> ProposerFailed:
    with pytest.raises(ProposerFailed) as caught:
        list(proposer.propose(brief(**other)))
    assert str(caught.value).isprintable()
    return caught.value


def test_a_model_is_a_proposer(proposer: LLMProposer, server: LoopbackModel) -> None:
    assert isinstance(proposer, Proposer)
    (got,) = proposer.propose(brief())
    assert got.files == {"solver.py": "def solve(x):\n    return sum(x)\n"}
    assert (got.title, got.prediction) == ("use the built-in sum", 1.8)
    (asked,) = server.asked
    assert got.spent == Spent(asked.tokens_in, asked.tokens_out, 0.0)
    assert asked.body["model"] == "loopback" and asked.body["stream"] is True
    assert "total += y" in asked.prompt and asked.body["max_tokens"] == 8000


def test_progress_is_told_while_it_streams(proposer: LLMProposer, server: LoopbackModel) -> None:
    server.play([Say(EDIT, pieces=6, pause_s=0.12)])
    seen: list[Progress] = []
    proposer.on_progress = seen.append
    list(proposer.propose(brief()))
    assert [one.status for one in seen[:1] + seen[-1:]] == ["asking", "done"]
    streaming = [one.spent.tokens_out for one in seen if one.status == "streaming"]
    assert streaming and streaming == sorted(streaming)
    assert seen[-1].spent.tokens_out == server.asked[0].tokens_out


@pytest.mark.parametrize(
    "again",
    [
        Status(429, retry_after=0.05), Status(500), Status(503, "overloaded"), Status(529), BreakOff("half"),
        BreakOff(nothing=True), Raw(b'data: {"choices": [{"del'), Raw(b'data: {"choices": []}\n\ndata: [DONE]\n\n'),
        Say("half a sen", ended=None, done=False),
    ],
    ids=repr,
)  # fmt: skip
def test_what_may_pass_is_tried_again(proposer: LLMProposer, server: LoopbackModel, again: Turn) -> None:
    server.play([again, again, EDIT])
    assert len(list(proposer.propose(brief()))) == 1
    assert len(server.asked) == 3
    server.play([again])
    failure(proposer)
    assert len(server.asked) == QUICK.attempts, "and then no more"


def test_retry_after_is_waited_for(proposer: LLMProposer, server: LoopbackModel) -> None:
    """Whatever the pace: the server's own wish is never undercut."""
    server.play([Status(429, retry_after=0.4), EDIT])
    seen: list[tuple[str, float]] = []
    proposer.on_progress = lambda one: seen.append((one.status, time.monotonic()))
    list(proposer.propose(brief()))
    asked = [when for status, when in seen if status == "asking"]
    assert asked[1] - asked[0] >= 0.4


@pytest.mark.parametrize(
    ("turn", "why", "fatal", "tries"),
    [
        (Status(401, "bad key"), "the key was refused", True, 1),
        (Status(402, "pay"), "no money left", True, 1),
        (Status(429, "insufficient_quota"), "no money left", True, 1),
        (Status(404, "no model"), "no such model", True, 1),
        (Status(307, location="http://127.0.0.1:1/v1/chat/completions"), "redirects elsewhere", True, 1),
        (Status(400, "violates the policy"), "refused (400: violates the policy)", False, 1),
        (Say("", own_words={"refusal": "I must\x1b[2J not"}), "the model refused: I must [2J not", False, 1),
        (Say("", ended="content_filter"), "content filter", False, 1),
        (Raw(b"\x1f\x8b\x08", encoding="gzip"), "compressed", False, 1),
        (Say("Nothing to improve here."), "no edit is in it", False, 1),
    ],
    ids=repr,
)
def test_every_failure_is_one_line(
    proposer: LLMProposer, server: LoopbackModel, turn: Turn, why: str, fatal: bool, tries: int
) -> None:
    server.play([turn])
    got = failure(proposer)
    assert why in str(got) and got.fatal == fatal
    assert len(server.asked) == tries


def test_two_megabytes_are_enough(proposer: LLMProposer, server: LoopbackModel) -> None:
    server.bytes_per_token = 1000
    try:
        server.play([Say("x" * (3 << 20), pieces=30)])
        assert "larger than 2 MB" in str(failure(proposer))
    finally:
        server.bytes_per_token = 4


@pytest.mark.parametrize("turn", [Drip(), Drip(headers=True), Silence()], ids=repr)
def test_a_server_cannot_hold_a_question_for_ever(proposer: LLMProposer, server: LoopbackModel, turn: Turn) -> None:
    """Drips come often enough never to be silent: only the deadline of the whole helps."""
    handle = handle_of(proposer)
    server.play([turn])
    handle.patience = Patience(deadline_s=0.5, gap_s=0.4, attempts=1, pace=0.01)
    try:
        why = str(failure(proposer))
    finally:
        handle.patience = QUICK
    assert ("nothing came" if isinstance(turn, Silence) else "no complete reply within 0.5 s") in why


def test_hostile_words_of_a_model_change_nothing_else(proposer: LLMProposer, server: LoopbackModel) -> None:
    server.play([
        "solver.py\n<<<<<<< SEARCH\n    total = 0\n=======\n    total = 1\n>>>>>>> REPLACE\n"
        "../../charter.toml\n<<<<<<< SEARCH\n=======\nalpha = 1\n>>>>>>> REPLACE\n"
        "tasks/answers.py\n```\nANSWERS = {}\n```\n"
    ])  # fmt: skip
    (got,) = proposer.propose(brief())
    assert set(got.files) == {"solver.py"}


def test_the_same_edit_a_thousand_times_costs_twenty(proposer: LLMProposer, server: LoopbackModel) -> None:
    assert len(list(proposer.propose(brief()))) == 1
    lessons = tuple(Lesson(f"edit {n}", "worse") for n in range(3))
    for _ in range(20):
        assert "same edit again" in str(failure(proposer, lessons=lessons))
    got = failure(proposer)
    assert got.fatal and "not asked any more" in str(got)
    assert len(server.asked) == 21


def test_garbage_a_thousand_times_costs_twenty(proposer: LLMProposer, server: LoopbackModel) -> None:
    server.play(["all work and no play"])
    fatal = [failure(proposer).fatal for _ in range(25)]
    assert fatal == [False] * 20 + [True] * 5
    assert len(server.asked) == 20


def test_a_prompt_that_is_too_long_is_shortened(proposer: LLMProposer, server: LoopbackModel) -> None:
    files = {"solver.py": FILES["solver.py"], "long.py": "\n".join(f"x{n} = {n}" for n in range(6000))}
    server.play(lambda body: EDIT if len(str(body)) < 40_000 else Status(400, "maximum context length is 9000 tokens"))
    (got,) = proposer.propose(brief(files=files))
    assert set(got.files) == {"solver.py"}
    sizes = [len(one.prompt) for one in server.asked]
    assert len(sizes) > 1 and sizes == sorted(sizes, reverse=True)
    server.play([Status(400, "maximum context length is 9 tokens")])
    assert failure(proposer, files=files).fatal


def test_a_server_that_knows_fewer_fields_is_asked_with_fewer(proposer: LLMProposer, server: LoopbackModel) -> None:
    def picky(body: dict[str, object]) -> Turn | str:
        return Status(422, "stream_options: extra inputs are not permitted") if "stream_options" in body else EDIT

    server.play(picky)
    assert len(list(proposer.propose(brief()))) == 1
    assert ["stream_options" in one.body for one in server.asked] == [True, False]
    assert "max_tokens" in server.asked[1].body


def test_questions_run_side_by_side(proposer: LLMProposer, server: LoopbackModel) -> None:
    server.play([Say(EDIT, pieces=3, pause_s=0.1)])
    server.most_in_flight = 0
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(lambda n=n: list(proposer.propose(brief(parent=str(n))))) for n in range(4)]
        assert [len(one.result()) for one in done] == [1] * 4
    assert server.most_in_flight > 1


def test_a_reply_that_is_cut_off_says_what_to_do(server: LoopbackModel, proposer: LLMProposer) -> None:
    short = LLMProposer(replace(proposer.model, reply_tokens=20), server.name, proposer.asker, on_close=lambda: None)
    got = failure(short)
    assert "cut off after 20 tokens" in str(got) and "reply_tokens=40" in got.advice()


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with LoopbackModel([EDIT]) as gone:
        name = gone.name
    (lonely,) = proposers([name], journal=tmp_path / "a" / "b.jsonl", dollars=0, tokens=0, patience=QUICK)
    try:
        got = failure(lonely)
    finally:
        lonely.close()
    assert "cannot be reached (is the server running?)" in str(got) and got.spent == Spent()


def test_close_ends_the_broker_and_whoever_waits(server: LoopbackModel, journal: Path) -> None:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    server.play([Silence()])
    (one,) = proposers([server.name], journal=journal, dollars=0, tokens=0)
    assert isinstance(one, LLMProposer)
    caught: list[ProposerFailed] = []
    asking = threading.Event()
    one.on_progress = lambda _: asking.set()
    thread = threading.Thread(target=lambda: caught.append(failure(one)))
    thread.start()
    assert asking.wait(20)
    one.close()
    one.close()
    thread.join(20)
    assert caught and caught[0].fatal and "this run ends" in str(caught[0])
    assert failure(one).fatal


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["openai/gpt-99"], "no key"),
        (["https://models.example/v1#m"], "price is not known"),
        (["nonsense"], "names no model"),
        (["ollama/m", "ollama/m?effort=low"], "named twice"),
        (["any:bedrock/m"], "any_llm, which is not installed"),
        (["cassette:/nowhere/at/all"], "cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_known_before_the_run(
    names: list[str], why: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    if names[0].startswith("any:") and importlib.util.find_spec("any_llm"):
        pytest.skip("any-llm is installed, so that its absence cannot be tried")
    for variable in ("OPENAI_API_KEY", "SELFPROOF_KEY_OPENAI"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(UsageError, match=why) as caught:
        proposers(names, journal=journal, dollars=5.0, tokens=0)
    assert caught.value.exit_code == 2


def test_a_paid_model_needs_a_budget(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    with pytest.raises(UsageError, match=r"costs money, and \[budget\] dollars is 0"):
        proposers(["openai/gpt-5-mini"], journal=journal, dollars=0.0, tokens=0, keep_keys=True)
