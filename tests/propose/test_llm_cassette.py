"""Recorded answers repeat a run without network, key or cost; and the fakes that are shipped."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from llm_cases import EDIT, QUICK, brief

from selfproof.nouns import UsageError
from selfproof.propose import blocks, prompt
from selfproof.propose.brief import Lesson, Proposer, ProposerFailed, Spent, Suggestion
from selfproof.propose.llm import LLMProposer, proposers
from selfproof.propose.llm.cassette import Asker, Recorder, Replayer
from selfproof.testing import LoopbackModel as ShippedLoopback
from selfproof.testing import ScriptedModel
from selfproof.testing.loopback import LoopbackModel, Status, main

OTHER = EDIT.replace("return sum(x)", "return sum(list(x))")


class Shared:
    """Other tests' broker, which stays open."""

    def __init__(self, inner: Asker) -> None:
        self.ask = inner.ask

    def close(self) -> None:
        pass


@contextmanager
def recorded(proposer: LLMProposer, path: Path) -> Iterator[LLMProposer]:
    """The same model with a recorder before it."""
    one = LLMProposer(proposer.model, proposer.name, Recorder(Shared(proposer.asker), path))
    yield one
    one.close()


def replayed(path: Path) -> LLMProposer:
    made = proposers([f"cassette:{path}"], journal=path.parent / "none" / "j", dollars=0, tokens=0)
    (one,) = made
    assert isinstance(one, LLMProposer)
    return one


def test_a_recording_is_replayed(proposer: LLMProposer, server: LoopbackModel, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    server.play([EDIT, OTHER, Status(400, "no")])
    with recorded(proposer, tape) as live:
        first, second = list(live.propose(brief())), list(live.propose(brief()))
        with pytest.raises(ProposerFailed, match="no"):
            list(live.propose(brief(guidance="else")))
    asked = len(server.asked)

    again = replayed(tape)
    assert again.name == f"cassette: {proposer.name}"
    got = [list(again.propose(brief())), list(again.propose(brief()))]
    assert [one[0].files for one in got] == [first[0].files, second[0].files]
    assert got[0][0].spent == Spent(first[0].spent.tokens_in, first[0].spent.tokens_out, 0.0), "a replay costs nothing"
    with pytest.raises(ProposerFailed, match="refused"):
        list(again.propose(brief(guidance="else")))
    assert len(server.asked) == asked, "and asks nobody"
    assert not (tmp_path / "none").exists(), "nor needs a place for money"


def test_a_replay_in_the_models_own_name(proposer: LLMProposer, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    with recorded(proposer, tape) as live:
        list(live.propose(brief()))
    (again,) = proposers([proposer.name], journal=tmp_path / "j", dollars=0, tokens=0, replay=tape)
    assert again.name == proposer.name and len(list(again.propose(brief()))) == 1
    (unnamed,) = proposers([], journal=tmp_path / "j", dollars=0, tokens=0, replay=tape)
    assert unnamed.name == proposer.name and len(list(unnamed.propose(brief()))) == 1
    with pytest.raises(UsageError, match="not both"):
        proposers([proposer.name], journal=tmp_path / "j", dollars=0, tokens=0, replay=tape, record=tape)


def test_what_was_not_recorded_is_a_clear_error(proposer: LLMProposer, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    with recorded(proposer, tape) as live:
        list(live.propose(brief()))
    again = replayed(tape)
    with pytest.raises(ProposerFailed, match="holds no answer to this request") as caught:
        list(again.propose(brief(guidance="something else")))
    assert "record it again" in caught.value.advice()
    assert len(list(again.propose(brief()))) == 1
    replay = Replayer(tape)
    request = prompt.request(brief(), reply_tokens=8000)
    replay.ask(proposer.name, request)
    with pytest.raises(ProposerFailed, match="only 1 of its answers"):
        replay.ask(proposer.name, request)


def test_threads_may_ask_in_any_order(proposer: LLMProposer, server: LoopbackModel, tmp_path: Path) -> None:
    """Requests hang on the brief alone, not on which thread comes first."""
    tape = tmp_path / "tape.jsonl"
    briefs = [
        brief(lessons=tuple(Lesson(f"e{n}", "worse") for n in range(k)), parent=str(k), number=k) for k in range(6)
    ]
    server.play([EDIT])
    with recorded(proposer, tape) as live, ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda one: list(live.propose(one)), briefs))
    again = replayed(tape)
    for one in reversed(briefs):
        assert len(list(again.propose(one))) == 1


def test_a_recording_goes_on_where_it_was_cut(proposer: LLMProposer, server: LoopbackModel, tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    with recorded(proposer, tape) as live:
        list(live.propose(brief()))
    tape.write_bytes(tape.read_bytes() + b'{"request": "half of')
    assert len(list(replayed(tape).propose(brief()))) == 1
    server.play([OTHER])
    with recorded(proposer, tape) as live:
        list(live.propose(brief(guidance="more")))
    again = replayed(tape)
    assert len(list(again.propose(brief()))) == len(list(again.propose(brief(guidance="more")))) == 1


def test_what_is_no_cassette_is_refused_and_left_alone(tmp_path: Path, proposer: LLMProposer) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("my notes\n")
    with pytest.raises(UsageError, match="no cassette"):
        Replayer(other)
    with pytest.raises(UsageError, match="no cassette"):
        Recorder(proposer.asker, other)
    assert other.read_text() == "my notes\n"
    other.write_text('{"cassette": 99}\n')
    with pytest.raises(UsageError, match="another version"):
        Replayer(other)


def test_the_scripted_model_says_what_it_is_told() -> None:
    after = {"solver.py": "def solve(x):\n    return sum(x)\n"}
    mine = Suggestion(after, "mine", "by hand", 2.0)
    model = ScriptedModel(
        [blocks.written(brief().files, after), mine, "no idea", ProposerFailed("tired")], each=Spent(1, 2, 0.5)
    )
    assert isinstance(model, Proposer) and model.name == "scripted"
    (first,) = model.propose(brief())
    assert first.files == after and first.spent == Spent(1, 2, 0.5)
    (second,) = model.propose(brief())
    assert (second.title, second.prediction, second.spent) == ("mine", 2.0, Spent(1, 2, 0.5))
    with pytest.raises(ProposerFailed, match="no edit is in it") as caught:
        list(model.propose(brief()))
    assert caught.value.spent == Spent(1, 2, 0.5)
    with pytest.raises(ProposerFailed, match="tired"):
        list(model.propose(brief()))
    with pytest.raises(ProposerFailed, match="end") as last:
        list(model.propose(brief(guidance="last")))
    assert last.value.fatal and model.briefs[-1].guidance == "last"
    again = ScriptedModel([mine], repeat=True)
    assert [next(again.propose(brief())).title for _ in range(3)] == ["mine"] * 3
    again.close()
    assert again.closed


def test_the_loopback_model_is_shipped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert ShippedLoopback is LoopbackModel
    with pytest.raises(SystemExit) as caught:
        main(["--reply", str(tmp_path / "missing.txt")])
    assert caught.value.code == 2 and "missing.txt" in capsys.readouterr().err


STUB = """
class Chunk:
    def __init__(self, **body): self.body = body
    def model_dump(self, mode): return self.body

class RateLimitError(Exception): pass
class MissingApiKeyError(Exception): pass

class UnsupportedParameterError(Exception): pass

class AnyLLM:
    @classmethod
    def create(cls, provider, api_key, unified_exceptions, max_retries=None):
        if max_retries is not None:
            raise UnsupportedParameterError("no switch")
        assert (provider, api_key, unified_exceptions) == ("vertexai", "key-of-vertex", True)
        return cls()

    async def acompletion(self, *, model, messages, stream, max_tokens):
        if model == "none":
            raise MissingApiKeyError("no\\x1b key")
        if model == "busy":
            raise RateLimitError("later")
        async def chunks():
            for part in (REPLY[:40], REPLY[40:]):
                yield Chunk(choices=[{"delta": {"content": part}, "finish_reason": None}], usage=None)
            yield Chunk(choices=[{"delta": {}, "finish_reason": "stop"}], usage=None)
            yield Chunk(choices=[], usage={"prompt_tokens": 11, "completion_tokens": 22})
        assert stream and messages[0]["role"] == "system" and max_tokens == 8000
        return chunks()

REPLY = {reply!r}
"""


def test_other_protocols_through_the_any_llm_library(
    tmp_path: Path, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for the library shows what it is called with and what becomes of its answers and errors."""
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "any_llm.py").write_text(STUB.replace("{reply!r}", repr(EDIT)))
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))
    monkeypatch.setenv("SELFPROOF_KEY_VERTEXAI", "key-of-vertex")
    names = [f"any:vertexai/{model}" for model in ("good", "none", "busy")]
    journal.parent.mkdir(parents=True)
    rows = "".join(f'"{name}" = {{ input = 1.0, output = 2.0 }}\n' for name in names)
    (journal.parent.parent / "prices.toml").write_text(f"[dollars_per_million_tokens]\n{rows}")
    good, none, busy = proposers(names, journal=journal, dollars=1.0, tokens=0, patience=QUICK)
    try:
        (got,) = good.propose(brief())
        assert got.title == "use the built-in sum" and got.spent == Spent(11, 22, 55e-6)
        with pytest.raises(ProposerFailed, match="MissingApiKeyError: no key") as caught:
            list(none.propose(brief()))
        assert caught.value.fatal and caught.value.spent == Spent()
        with pytest.raises(ProposerFailed, match="RateLimitError: later") as caught:
            list(busy.propose(brief()))
        assert not caught.value.fatal and caught.value.spent == Spent()
    finally:
        for one in (good, none, busy):
            one.close()
