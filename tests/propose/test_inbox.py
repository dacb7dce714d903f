"""Suggestions that wait for a run: bounded, typed, taken once, merged or dropped if the program went on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from selfproof.nouns import UsageError
from selfproof.propose.brief import Brief, ProposerFailed, Suggestion
from selfproof.propose.inbox import LARGEST, MOST_WAITING, InboxProposer, Letter, merged, put, waiting
from selfproof.testing.proposers import BRIEF

OLD = BRIEF.files["sums.py"]
NEW = "def total(rows):\n    return sum(rows)\n"


def letter(**changes: object) -> Letter:
    body = {"files": {"sums.py": NEW}, "base": {"sums.py": OLD}, "title": "the built-in"}
    return Letter(**{**body, **changes})  # type: ignore[arg-type]


def taken(inbox: Path, brief: Brief = BRIEF) -> list[Suggestion]:
    return list(InboxProposer(inbox).propose(brief))


def test_what_is_put_is_given_once_oldest_first(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    ids = [put(inbox, letter(title=f"idea {n}", prediction=1.5, risk="none", by="claude")) for n in range(3)]
    assert [one.id for one in waiting(inbox)] == ids
    found = taken(inbox)
    assert [s.title for s in found] == ["idea 0", "idea 1", "idea 2"]
    assert (found[0].files, found[0].prediction, found[0].risk, found[0].operator) == (
        {"sums.py": NEW}, 1.5, "none", "claude",
    )  # fmt: skip
    with pytest.raises(ProposerFailed) as caught:
        taken(inbox)
    assert caught.value.fatal and len(list((inbox / "taken").iterdir())) == 3


def test_it_waits_for_the_objective_that_it_is_for(tmp_path: Path) -> None:
    put(tmp_path / "inbox", letter(objective="speed"))
    proposer = InboxProposer(tmp_path / "inbox")
    other = replace(BRIEF, objective="memory")
    assert list(proposer.propose(other)) == []
    assert len(list(proposer.propose(BRIEF))) == 1


def test_what_fits_no_objective_does_not_keep_a_run_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "inbox", letter(files={"else.py": "x"}, base={"else.py": None}))
    proposer = InboxProposer(tmp_path / "inbox")
    for _ in range(100):
        assert list(proposer.propose(BRIEF)) == []
    monkeypatch.setattr("selfproof.propose.inbox._PATIENCE_S", -1.0)
    with pytest.raises(ProposerFailed) as caught:
        list(proposer.propose(BRIEF))
    assert caught.value.fatal and len(waiting(tmp_path / "inbox")) == 1


def test_a_new_file_comes_with_a_file_of_the_objective(tmp_path: Path) -> None:
    files, base = {"sums.py": NEW, "helper.py": "x = 1\n"}, {"sums.py": OLD, "helper.py": None}
    put(tmp_path / "inbox", letter(files=files, base=base))
    assert set(taken(tmp_path / "inbox")[0].files) == {"sums.py", "helper.py"}
    put(tmp_path / "inbox", letter(files={**files, "notes.md": "mine"}, base={**base, "notes.md": "Do not touch.\n"}))
    assert taken(tmp_path / "inbox") == []


def test_a_program_that_went_on_gets_the_change_merged_in_or_not_at_all(tmp_path: Path) -> None:
    base = "".join(f"line {n}\n" for n in range(9))
    now, new = base.replace("line 1\n", "line one\n"), base.replace("line 7\n", "line seven\n")
    brief = replace(BRIEF, files={"sums.py": now})
    put(tmp_path / "inbox", letter(files={"sums.py": new}, base={"sums.py": base}))
    (found,) = taken(tmp_path / "inbox", brief)
    assert found.files["sums.py"] == now.replace("line 7\n", "line seven\n")
    put(tmp_path / "inbox", letter(files={"sums.py": base.replace("line 1\n", "other\n")}, base={"sums.py": base}))
    assert taken(tmp_path / "inbox", brief) == []
    assert merged(None, base, new) is None and merged(base, base, new) == new and merged(new, base, new) == new


@pytest.mark.parametrize(
    "changes",
    [{"files": {}}, {"files": {"sums.py": OLD}}, {"title": " \x1b "}, {"files": {"sums.py": "x" * (LARGEST + 1)}},
     {"files": {f"{n}.py": "x" for n in range(33)}, "base": {}}],
    ids=["no files", "no change", "no title", "too large", "too many"],
)  # fmt: skip
def test_what_is_no_suggestion_is_refused_when_it_is_put(tmp_path: Path, changes: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        put(tmp_path / "inbox", letter(**changes))
    assert not waiting(tmp_path / "inbox")


def test_at_most_a_hundred_wait(tmp_path: Path) -> None:
    for _ in range(MOST_WAITING):
        put(tmp_path / "inbox", letter())
    with pytest.raises(UsageError, match="wait already"):
        put(tmp_path / "inbox", letter())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"files": 1}', '{"files": {"a": 1}, "base": {}, "title": "x"}', "\x00" * 100,
     json.dumps({"files": {"a": "b"}, "base": {}, "title": "x", "seed": 1}),
     '{"files": {"a": "\\ud800"}, "base": {}, "title": "x"}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_somebody_spoiled_is_not_given(tmp_path: Path, text: str) -> None:
    inbox = tmp_path / "inbox"
    put(inbox, letter())
    (inbox / "00000000000000000000-bad.json").write_text(text)
    put(tmp_path / "elsewhere", letter(title="not put here"))
    (inbox / "link.json").symlink_to(next((tmp_path / "elsewhere").iterdir()))
    assert len(taken(inbox)) == 1
