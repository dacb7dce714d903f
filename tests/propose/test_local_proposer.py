"""Weights in a folder as a proposer: the contract that all proposers keep, over a scripted process."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from selfproof.propose.brief import Brief, ProposerFailed
from selfproof.propose.local import Asker, LocalProposer, parse
from selfproof.testing import ProposerContract
from selfproof.testing.proposers import BRIEF

SERVER = r"""
import json, sys, time

folder, log = sys.argv[2], sys.argv[1]
print(json.dumps({"ready": True}), flush=True)
block = ["sums.py", "<<<<<<< SEARCH", "    out = 0", "=======", "    out = %d", ">>>>>>> REPLACE", ""]
for line in sys.stdin:
    open(log, "a").write(line)
    if "slow" in folder:
        time.sleep(120)
    text = "\n".join(block) % json.loads(line)["seed"]
    print(json.dumps({"text": text, "tokens_in": 5, "tokens_out": 2}), flush=True)
"""


def proposer(folder: Path, name: str = "fast") -> LocalProposer:
    """A proposer of the weights in a folder, which a script speaks for."""
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "config.json").write_text("{}")
    (folder / name / "model.safetensors").write_bytes(b"")
    (folder / "server.py").write_text(SERVER)
    command = [sys.executable, "-S", str(folder / "server.py"), str(folder / "log")]
    return LocalProposer(Asker(parse(f"hf:{folder / name}"), "", command=command))


class TestLocal(ProposerContract):
    """The contract."""

    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self) -> LocalProposer:
        return proposer(self.folder)

    def slow(self) -> LocalProposer:
        return proposer(self.folder, "slow")

    def shown(self) -> str:
        return (self.folder / "log").read_text()


def test_what_is_drawn_follows_from_the_brief_and_its_number(tmp_path: Path) -> None:
    mine = proposer(tmp_path)
    briefs = [BRIEF, BRIEF, Brief(**{**vars(BRIEF), "number": 1})]
    one, two, three = (next(mine.propose(brief)) for brief in briefs)
    mine.close()
    assert one == two != three and (one.spent.tokens_in, one.spent.tokens_out) == (5, 2)
    asked = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {row["tokens"] for row in asked} == {1000} and all("FILE sums.py" in row["prompt"] for row in asked)


def test_a_process_that_cannot_start_is_given_up(tmp_path: Path) -> None:
    mine = proposer(tmp_path)
    mine.asker = Asker(mine.asker.folder, "", command=["/nonexistent/python"])
    with pytest.raises(ProposerFailed):
        next(mine.propose(BRIEF))
    mine.close()
