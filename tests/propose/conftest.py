"""A model server on this machine, and a broker that is started once for all tests that only ask it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from llm_cases import EDIT, QUICK

from selfproof.propose.llm import LLMProposer, proposers
from selfproof.testing.loopback import LoopbackModel


@pytest.fixture(scope="session")
def server() -> Iterator[LoopbackModel]:
    with LoopbackModel([EDIT]) as model:
        yield model


@pytest.fixture(scope="session")
def _started(server: LoopbackModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LLMProposer]:
    pytest.importorskip("httpx", reason="models are asked with httpx: pip install 'selfproof[llm]'")
    journal = tmp_path_factory.mktemp("life") / ".selfproof" / "spending.jsonl"
    (proposer,) = proposers([server.name], journal=journal, dollars=0, tokens=0, patience=QUICK)
    assert isinstance(proposer, LLMProposer)
    yield proposer
    proposer.close()


@pytest.fixture
def proposer(_started: LLMProposer, server: LoopbackModel) -> LLMProposer:
    """A free model behind a real broker; it remembers nothing of other tests."""
    server.play([EDIT])
    return LLMProposer(_started.model, server.name, _started.asker, on_close=lambda: None)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "life" / ".selfproof" / "spending.jsonl"
