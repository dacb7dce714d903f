"""Whatever a stranger's proposer gives, what goes on from the desk has its form; and paths stay within the program."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from selfproof.charter.sections import ProgramSection
from selfproof.nouns import Edit
from selfproof.propose.brief import Brief, ProposerFailed, Spent, Suggestion
from selfproof.propose.desk import Desk
from selfproof.propose.form import LARGEST, sound
from selfproof.screen import First, screen
from selfproof.testing import ProposerContract, ScriptedModel
from selfproof.testing.proposers import BRIEF

GOOD = Suggestion({"sums.py": "def total(rows):\n    return sum(rows)\n"}, "sum", "script")


def test_the_contract_finds_a_proposer_that_breaks_it() -> None:
    class Bad(ProposerContract):
        given: Any = GOOD

        def make(self) -> ScriptedModel:
            return ScriptedModel([self.given], repeat=True)

    class Greedy(Bad):
        given = Suggestion({"notes.md": "mine"}, "t", "o")

    class Raises(Bad):
        def make(self) -> Any:
            def propose(brief: Brief) -> Iterator[Suggestion]:
                raise OSError("disk")
                yield GOOD

            return SimpleNamespace(name="bad", propose=propose, close=lambda: None)

    class Deaf(Bad):
        def slow(self) -> Any:
            def propose(brief: Brief) -> Iterator[Suggestion]:
                threading.Event().wait(7)
                yield GOOD

            return SimpleNamespace(name="bad", propose=propose, close=lambda: None)

    broken = {
        Greedy: "test_it_suggests_what_may_be_changed_and_nothing_else",
        Raises: "test_two_calls_at_a_time",
        Deaf: "test_closing_ends_a_call_that_runs",
    }
    for kind, name in broken.items():
        with pytest.raises(AssertionError):
            getattr(kind(), name)()


@pytest.mark.parametrize(
    "given",
    [None, "text", {"files": {}}, Suggestion({}, "t", "o"), Suggestion([("a", "b")], "t", "o"),  # type: ignore[arg-type]
     Suggestion({"a": b"bytes"}, "t", "o"), Suggestion({1: "x"}, "t", "o"), Suggestion({"a": "\ud800"}, "t", "o"),  # type: ignore[dict-item]
     Suggestion({"\udcff": "x"}, "t", "o"), Suggestion({"a": "x" * (LARGEST + 1)}, "t", "o"),
     Suggestion({f"{n}": "x" for n in range(33)}, "t", "o")],
)  # fmt: skip
def test_what_is_no_suggestion_is_a_failure(given: Any) -> None:
    with pytest.raises(ProposerFailed):
        sound(given, BRIEF)


def test_words_are_plain_and_predictions_can_be_true() -> None:
    given: Any = Suggestion(GOOD.files, "a\x1b[2Jb\n" + "x" * 500, "o\x07" * 50, float("inf"), 7, spent="much")  # type: ignore[arg-type]
    found = sound(given, BRIEF)
    assert found.title.isprintable() and len(found.title) <= 200 and len(found.operator) <= 40
    assert (found.prediction, found.risk, found.spent) == (None, "", Spent())
    for stated, expected in [(2, 2.0), (1.0, None), (True, None), ("2", None), (10**400, None), (float("nan"), None)]:
        assert sound(Suggestion(GOOD.files, "t", "o", stated), BRIEF).prediction == expected  # type: ignore[arg-type]


def test_the_desk_survives_proposers_that_give_anything() -> None:
    def endless(brief: Brief) -> Iterator[Any]:
        while True:
            yield GOOD

    def garbage(brief: Brief) -> Iterator[Any]:
        yield GOOD
        yield {"files": {"sums.py": 7}}

    proposers: list[Any] = [SimpleNamespace(name=f.__name__, propose=f, close=lambda: None) for f in (endless, garbage)]
    desk = Desk(proposers, 2, 0)
    taken = []
    for _ in range(40):
        desk.ask(lambda: BRIEF)
        desk.wait(0.2)
        taken += desk.take("speed")
    desk.close()
    events = list(desk.events())
    assert taken and all(isinstance(edit.files["sums.py"], str) for edit in taken)
    assert any(event["status"] == "failed" and "no Suggestion" in event["reason"] for event in events)


def test_the_desk_tells_what_a_proposer_at_work_says() -> None:
    class Talks:
        name, on_progress = "talks", None

        def propose(self, brief: Brief) -> Iterator[Suggestion]:
            assert self.on_progress is not None
            for said in ("first", SimpleNamespace(status="streaming", note="120 tokens\x1b[2J")):
                self.on_progress(said)
            yield GOOD

        def close(self) -> None:
            return None

    desk = Desk([Talks()], 1, 0)
    desk.ask(lambda: BRIEF)
    while not desk.take("speed"):
        desk.wait(0.2)
    told = list(desk.events())
    desk.close()
    assert told[-1]["status"] == "working" and told[-1]["note"] == "streaming 120 tokens [2J"
    assert not list(desk.events())


@pytest.mark.parametrize(
    "path",
    ["../x.py", "/tmp/x.py", "a/../../x.py", ".git/hooks/x.py", "a/.git/x.py", "a//x.py", "./x.py", "a/", "", "x\n.py",
     "x\x1b.py", "__pycache__/x.py", "x.py.new", "x.pyc", "sums.py/x.py", "deep", "n" * 201, "é" * 150, "\udcff.py"],
)  # fmt: skip
def test_an_edit_cannot_name_a_place_outside_the_program(path: str) -> None:
    """The globs of a charter do not keep it in: a star crosses folders."""
    section, files = ProgramSection(editable=("*",)), {"sums.py": "x = 1\n", "deep/er.py": "y = 1\n"}
    assert screen(Edit("o", {path: "z = 1\n"}, "t", "o", ""), files, section, First(10_000, 3)) is not None
    for fine in ("sums.py", "deep/er.py", "deep/new.py", "new/file.txt"):
        assert screen(Edit("o", {fine: "z = 1\n"}, "t", "o", ""), files, section, First(10_000, 3)) is None


def test_a_program_cannot_grow_beyond_what_the_charter_allows() -> None:
    """All of its files count, those that an edit leaves alone too; ``first`` has the size of version 0."""
    section, files = ProgramSection(editable=("*",), tree_growth=2.0), {"a.py": "x = 1\n", "b.py": "y = 2\n"}
    first = First(12, 0)
    grown = "x = " + "1" * 13 + "\n"  # 18 characters: 24 with b.py, twice the first size
    assert screen(Edit("o", {"a.py": grown}, "t", "o", ""), files, section, first) is None
    reason = screen(Edit("o", {"a.py": grown.replace("x", "xx")}, "t", "o", ""), files, section, first)
    assert reason is not None and "grow beyond 2.0 times" in reason.reason
    assert screen(Edit("o", {"new.py": grown}, "t", "o", ""), files, section, first) is not None
