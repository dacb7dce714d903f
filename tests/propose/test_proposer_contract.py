"""Every proposer that is shipped keeps the contract that strangers' proposers are held to."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from llm_cases import QUICK

from selfproof.propose.brief import Brief, Proposer, ProposerFailed, Suggestion
from selfproof.propose.inbox import InboxProposer, Letter, put
from selfproof.testing import LoopbackModel, ProposerContract, ScriptedModel
from selfproof.testing.loopback import Silence
from selfproof.testing.proposers import BRIEF

NEW = "def total(rows):\n    return sum(rows)\n"
REPLY = f"<prediction>\ntitle: sum\nmetric: seconds\ngain: 1.5\nrisk: none\n</prediction>\n\nsums.py\n```\n{NEW}```\n"


class TestScripted(ProposerContract):
    """A model that says what it is told to."""

    test_it_sends_out_no_secret_of_ours: Any = None  # nothing leaves this process

    def make(self) -> Proposer:
        def turn(brief: Brief) -> Suggestion | ProposerFailed:
            fits = brief.may("sums.py") and "sums.py" in brief.files
            return Suggestion({"sums.py": NEW}, "sum", "script") if fits else ProposerFailed("nothing to say to that")

        return ScriptedModel([turn], repeat=True)

    def slow(self) -> Proposer:
        return ScriptedModel([REPLY], seconds=100)


class TestReplies(ProposerContract):
    """The same with replies as a model writes them."""

    test_it_sends_out_no_secret_of_ours: Any = None  # nothing leaves this process
    test_closing_ends_a_call_that_runs: Any = None  # it answers at once

    def make(self) -> Proposer:
        return ScriptedModel([REPLY], repeat=True)


class TestInbox(ProposerContract):
    """Suggestions that wait in files."""

    test_it_sends_out_no_secret_of_ours: Any = None  # nothing leaves this process
    test_closing_ends_a_call_that_runs: Any = None  # it answers at once

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.inbox = tmp_path / "inbox"

    def make(self) -> Proposer:
        letter = Letter({"sums.py": NEW}, {"sums.py": BRIEF.files["sums.py"]}, "sum")
        for _ in range(2):
            put(self.inbox, letter)
        return InboxProposer(self.inbox)


class TestModel(ProposerContract):
    """A language model behind a real broker and a real server."""

    @pytest.fixture(autouse=True)
    def _server(self, tmp_path: Path) -> Iterator[None]:
        pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
        self.journals = (tmp_path / f"{n}" / ".selfproof" / "spending.jsonl" for n in range(100))
        self.made: list[Any] = []
        with LoopbackModel(lambda body: REPLY) as self.server:
            yield
            for proposer in self.made:
                proposer.close()

    def make(self) -> Proposer:
        from selfproof.propose.llm import proposers

        (found,) = proposers([self.server.name], journal=next(self.journals), dollars=0, tokens=0, patience=QUICK)
        self.made.append(found)
        return found

    def slow(self) -> Proposer:
        self.server.play(lambda body: Silence())
        return self.make()

    def shown(self) -> str:
        return "\n".join(f"{asked.prompt}\n{asked.headers}" for asked in self.server.asked)


def test_a_closed_scripted_model_gives_nothing() -> None:
    model = ScriptedModel([REPLY], repeat=True)
    assert list(model.propose(BRIEF))
    model.close()
    with contextlib.suppress(ProposerFailed):
        assert not list(model.propose(BRIEF))
    assert model.closed
