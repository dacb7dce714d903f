"""A program with a prompt beside its code, improved by suggestions from outside: several files, and hostile ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selfproof import birth, session
from selfproof import life as lives
from selfproof.archive.state import fold
from selfproof.audit import audit
from selfproof.ledger import read
from selfproof.nouns import UsageError
from selfproof.propose.brief import Brief, ProposerFailed, Suggestion
from selfproof.proposers import Asked

CHARTER = """
[program]
editable = ["agent.py", "words/*"]
protected = ["words/fixed.txt"]

[[objective]]
name = "sorting"
task = "tasks/sorting.py:Sorting"
entry = "agent.py:solve"
files = ["*"]
metric = "wrong"
better = "lower"
kind = "quality"
allow = ["scratch:4"]
max_cost = 1000

[certify]
alpha = 0.05

[proposers]
improver = ""
guidance = "program.md"

[budget]
minutes = 1.0
"""

TASK = """
import random

from selfproof.trial.task import InvalidAnswer, Sample, Task


class Sorting(Task):
    metric, better = "wrong", "lower"

    def samples(self, split, seed, n):
        rng = random.Random(f"{split}|{seed}")
        return [Sample([rng.randrange(100) for _ in range(8)]) for _ in range(n)]

    def draws(self, sample, answer):
        if not isinstance(answer, list) or len(answer) != len(sample.value):
            raise InvalidAnswer("a list of the same length")
        wanted = sorted(sample.value)
        return [sum(a != b for a, b in zip(answer, wanted)) + 0.001 * sum(sample.value) / 800]
"""

AGENT = """
def solve(numbers):
    rule = open("words/rule.txt").read().strip()
    if rule == "upwards":
        return sorted(numbers)
    return list(numbers)
"""


def made(folder: Path) -> Path:
    for path, text in {
        "charter.toml": CHARTER, "program.md": "Sort upwards.\n", "tasks/sorting.py": TASK, "program/agent.py": AGENT,
        "program/words/rule.txt": "as they are\n", "program/words/fixed.txt": "fixed\n",
    }.items():  # fmt: skip
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    birth.begin(folder, 5)
    return folder


class Outside:
    """Suggests hostile and useless things by turns; the good prompt only as question 40."""

    name = "outside"

    def __init__(self) -> None:
        self.briefs: list[Brief] = []

    def propose(self, brief: Brief) -> Iterator[Suggestion]:
        self.briefs.append(brief)
        hostile = [
            {"words/fixed.txt": "changed"},
            {"../charter.toml": "x"},
            {"agent.py": "import os\n" + AGENT},
            {"agent.py": "def solve(numbers:"},
            {"words/rule.txt": "as they are\n"},
            {"agent.py": AGENT + "\n# the same again\n"},
            {"tasks/sorting.py": TASK},
            {},
        ]
        files = hostile[brief.number % len(hostile)]
        if brief.number == 40:
            files = {"words/rule.txt": "upwards\n", "words/why.txt": "because it was asked for\n"}
        if brief.number < 41:
            yield Suggestion(files, f"try {brief.number}", "model", prediction=5.0)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]], Outside]:
    folder = made(tmp_path_factory.mktemp("any") / "life")
    outside, events = Outside(), []
    for event in session.run(folder, 0.7, 5, Asked(more=(outside,))):
        events.append(event)
        if event["event"] == "decision" and event["verdict"] == "adopted":
            (folder / "STOP").touch()
    (folder / "STOP").unlink()
    return folder, events, outside


def test_a_better_prompt_is_certified(lived: tuple[Path, list[dict[str, Any]], Outside]) -> None:
    folder, events, _ = lived
    adopted = [e for e in events if e["event"] == "decision" and e["verdict"] == "adopted"]
    assert [e["title"].partition(";")[0] for e in adopted] == ["try 40"]
    assert (folder / "program" / "words" / "rule.txt").read_text() == "upwards\n"
    assert (folder / "program" / "words" / "why.txt").read_text() == "because it was asked for\n"
    assert audit(folder / ".selfproof" / "ledger")["ok"]
    state = fold(read(folder / ".selfproof" / "ledger").leaves())
    body = next(c.body for c in state.confirmations.values() if c.version == 1)
    assert (body["proposer"], body["prediction"], body["dollars"]) == ("outside", 5.0, 0.0)


def test_hostile_and_useless_edits_cost_little_and_change_nothing(
    lived: tuple[Path, list[dict[str, Any]], Outside],
) -> None:
    folder, events, _ = lived
    assert (folder / "program" / "words" / "fixed.txt").read_text() == "fixed\n"
    assert (folder / "charter.toml").read_text() == CHARTER
    reasons = {e["reason"] for e in events if e["event"] == "screened"}
    assert {"words/fixed.txt is not editable", "agent.py: imports os"} <= reasons
    assert {"'../charter.toml' is no place for a file of the program", "tasks/sorting.py is not editable"} <= reasons
    raced = [e for e in events if e["event"] == "race"]
    assert sum(e["candidates"] for e in raced) == 1  # what is equal in form to what was tried is not run again


def test_a_brief_tells_no_score_no_reason_and_no_answer(lived: tuple[Path, list[dict[str, Any]], Outside]) -> None:
    _, _, outside = lived
    brief = outside.briefs[-1]
    assert set(outside.briefs[0].files) == {"agent.py", "words/rule.txt", "words/fixed.txt"}
    first = outside.briefs[0]
    assert [path for path in first.files if first.may(path)] == ["agent.py", "words/rule.txt"]
    assert brief.may("words/new.txt") and not brief.may("words/fixed.txt") and not brief.may("tasks/sorting.py")
    assert brief.guidance == "Sort upwards.\n"
    assert 0 < len(brief.failures) <= 3 and all(text.startswith("input: [") for text in brief.failures)
    told = "\n".join([brief.instructions, *brief.failures, *(lesson.outcome for lesson in brief.lessons)])
    assert "not editable" not in told and "wrong: " in brief.instructions and "0.00" not in told


def test_what_a_program_may_write_it_may_not_keep(lived: tuple[Path, list[dict[str, Any]], Outside]) -> None:
    """The archive comes back from the ledger: candidates are kept as differences, and put together again."""
    folder, _, _ = lived
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy)
    for part in (copy / ".selfproof").glob("archive.db*"):
        part.unlink()
    with lives.opened(copy) as life:
        rows = life.archive.best("sorting", 9, highest=False)
        assert rows and {row["version"] for row in rows} == {0}
        assert all({"words/rule.txt", "words/why.txt"} <= set(row["files"]) for row in rows)


def test_a_stop_ends_a_run_whose_proposer_hangs(tmp_path: Path) -> None:
    class Hangs:
        name = "hangs"

        def propose(self, brief: Brief) -> Iterator[Suggestion]:
            time.sleep(60)
            yield from ()

        def close(self) -> None:
            pass

    folder = made(tmp_path / "life")
    began = time.monotonic()
    for event in session.run(folder, 1.0, None, Asked(more=(Hangs(),))):
        if event["event"] == "status":
            (folder / "STOP").touch()
    assert event["ended"] == "stop file" and time.monotonic() - began < 20


def test_a_process_ends_although_a_proposer_hangs(tmp_path: Path) -> None:
    script = f"""
import threading
from pathlib import Path
from selfproof import session
from selfproof.proposers import Asked
class Hangs:
    name = "hangs"
    def propose(self, brief):
        threading.Event().wait()
        yield
    def close(self): pass
folder = Path({str(made(tmp_path / "life"))!r})
for event in session.run(folder, 1.0, None, Asked(more=(Hangs(),))):
    if event["event"] == "status":
        (folder / "STOP").touch()
print(event["ended"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=40, check=True)
    assert done.stdout == "stop file\n"


def test_without_anybody_to_suggest_a_run_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nobody suggests edits") as caught:
        list(session.run(made(tmp_path / "life"), 0.5, 5))
    assert "--model" in caught.value.advice()


def test_a_run_whose_proposer_is_used_up_ends(tmp_path: Path) -> None:
    class Once:
        name = "once"

        def propose(self, brief: Brief) -> Iterator[Suggestion]:
            raise ProposerFailed("nothing is left", fatal=True)
            yield

        def close(self) -> None:
            pass

    *_, last = session.run(made(tmp_path / "life"), 1.0, 5, Asked(more=(Once(),)))
    assert last["ended"] == "nothing left to try" and last["seconds"] < 40
