"""What the shipped improvers make of experience and of a plateau, and what the loop tells experience."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from selfproof import loop
from selfproof.operators import OPERATORS, site_of
from selfproof.templates.apprentice.tasks.operations import Proposing

TEMPLATES = Path(loop.__file__).parent / "templates"
NAMES = [*OPERATORS, "crossover"]
SETTINGS = "RATE = 0.1\nSIZE = 20\nSTEPS = 300\nDECAY = 0.5\n"


def improver(path: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A template's improver as the jail would load it."""
    file = TEMPLATES / path
    monkeypatch.syspath_prepend(str(file.parent))
    spec = importlib.util.spec_from_file_location(f"improver_of_{file.parts[-3]}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("notebook", "choices"):
        sys.modules.pop(name, None)
    return module


@pytest.fixture
def apprentice(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return improver("apprentice/program/improver.py", monkeypatch)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return improver("command/program/selfproof_improver.py", monkeypatch)


def views(seed: int = 1, **more: Any) -> list[dict[str, Any]]:
    return [{**view, "history": [], **more} for view in Proposing().inputs("explore", seed, 12)]


def settings(**more: Any) -> dict[str, Any]:
    parents = [
        {"id": str(i), "source": SETTINGS.replace("0.1", f"0.{i + 1}"), "score": 1.0, "size": 4} for i in range(6)
    ]
    return {"kind": "quality", "path": "train.py", "function": "", "operators": NAMES, "wanted": 24, "seed": 1,
            "parents": parents, "history": [], "tried": [], **more}  # fmt: skip


def known(**shares: float) -> dict[str, Any]:
    rows = {name: {"kept": 0.3, "certified": share, "tried": 500.0} for name, share in shares.items()}
    return {"rows": 500, "operators": rows, "sites": {}}


def count(module: ModuleType, asked: list[dict[str, Any]]) -> Counter[str]:
    return Counter(edit["operator"] for view in asked for edit in module.propose(view))


def test_without_experience_an_improver_chooses_as_before(apprentice: ModuleType, command: ModuleType) -> None:
    for plain, told in zip(views(), views(experience={}, plateau=0.0), strict=True):
        assert apprentice.propose(plain) == apprentice.propose(told)
    assert command.propose(settings()) == command.propose(settings(experience={}, plateau=0.0))


def ideas_of(module: ModuleType, asked: list[dict[str, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for view in asked:
        sources = {row["id"]: row["source"] for row in view["parents"]}
        for edit in module.propose(view):
            found[site_of(sources[edit["parent"]], edit["files"][view["path"]]).idea] += 1
    return found


def test_an_idea_that_failed_before_is_not_proposed_again(apprentice: ModuleType) -> None:
    nothing = ideas_of(apprentice, views()[:6])
    assert nothing == ideas_of(apprentice, views(experience={"failed": ["0" * 16]})[:6]), "no other is touched"
    failed = [idea for idea, _ in nothing.most_common(40)]
    again = ideas_of(apprentice, views(experience={"failed": failed})[:6])
    assert len(failed) == 40 and not set(failed) & set(again) and sum(again.values()) > 0.8 * sum(nothing.values())


def test_what_led_to_certificates_is_tried_more_often(apprentice: ModuleType, command: ModuleType) -> None:
    usual = dict.fromkeys(NAMES, 0.01)
    for name in ("wrap", "replace"):
        more = known(**{**usual, name: 0.1})
        assert count(apprentice, views(experience=more))[name] > 1.3 * count(apprentice, views())[name]
    more = known(constant=0.001, crossover=0.1)
    assert count(command, [settings(experience=more)])["crossover"] > count(command, [settings()])["crossover"]


def test_no_experience_can_silence_an_operator(apprentice: ModuleType, command: ModuleType) -> None:
    for module in (apprentice.choices, command):
        for shares in ({"wrap": 1.0, "constant": 0.0}, {"wrap": 0.0, "constant": 0.0}, {"wrap": 1e-300, "blend": 1.0}):
            lifts = module.lift(known(**shares), NAMES)
            assert set(lifts) == set(NAMES)
            assert all(0.5 <= lift <= 2.0 for lift in lifts.values())
            assert lifts["insert"] == 1.0


def test_in_a_plateau_edits_are_wider(apprentice: ModuleType) -> None:
    def doubled(level: float) -> int:
        return sum(edit["title"].count(";") for view in views(plateau=level, operators=["replace"])
                   for edit in apprentice.propose(view))  # fmt: skip

    assert doubled(1.0) > 1.3 * doubled(0.0)


@pytest.mark.parametrize(
    ("answer", "step", "decided", "told"),
    [
        ("certified", "adopt", True, [("c", True)]),
        ("certified", "guard", False, [("c", False)]),
        ("certified", "adopt", False, [("c", False)]),  # taken back by the canary
        ("refused", "gate", False, [("c", False)]),
        ("certified", "abandoned", False, []),
        ("uncertified", "adopt", True, []),
    ],
)
def test_only_what_was_certified_and_kept_counts_as_certified(
    answer: str, step: str, decided: bool, told: list[Any]
) -> None:
    heard: list[Any] = []
    life: Any = SimpleNamespace(experience=SimpleNamespace(decided=lambda *words: heard.append(words)))
    finalist: Any = SimpleNamespace(candidate=SimpleNamespace(id="c"))
    confirming: Any = SimpleNamespace(verdict={"answer": answer}, decision={"step": step} if step != "adopt" else None)
    decision: Any = SimpleNamespace() if decided else None
    loop.remembered(life, finalist, confirming, decision)
    assert heard == told
