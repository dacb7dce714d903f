"""A program whose work is in methods of two files: what is suggested for it, and by whom it is judged."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from selfproof import birth
from selfproof import life as lives
from selfproof.domains.base import admitted
from selfproof.domains.rewrites import IN_RACE, across_files, changed_functions
from selfproof.domains.speed import Speed
from selfproof.nouns import Edit, SelfproofError

CHARTER = """
[program]
editable = ["shop/*.py"]

[[objective]]
name = "speed"
task = "tasks/work.py:Work"
entry = "run.py:run"
files = ["*"]
focus = ["run.py:work"]
metric = "seconds"
better = "lower"
kind = "speed"

[proposers]
improver = "improver.py:propose"
"""
FILES = {
    "tasks/work.py": """
import random

from selfproof.trial.task import Workload


class Work(Workload):
    def inputs(self, split, seed, n):
        rng = random.Random(f"{split}|{seed}")
        return [[rng.randrange(1000) for _ in range(400)] for _ in range(n)]
""",
    "program/run.py": "from shop.till import Till\n\n\ndef run(xs):\n    return work(xs)\n\n\n"
    "def work(xs):\n    return Till(xs).total()\n",
    "program/shop/till.py": """
from shop.shelf import Shelf


class Till:
    def __init__(self, xs):
        self.shelf = Shelf(xs)

    def total(self):
        out = []
        for x in self.shelf.low(500):
            out.append(max(x, 2))
        return out

    def never(self, xs):
        return min(xs, 1)
""",
    "program/shop/shelf.py": """
class Shelf:
    def __init__(self, xs):
        self.xs = xs

    def low(self, most):
        return [min(x, most) for x in self.xs]
""",
    "program/improver.py": """
from selfproof.operators import edits_for


def propose(view):
    return [
        {"files": {view["path"]: edit.source}, "title": edit.title, "operator": edit.operator, "parent": view["parent"]}
        for edit in edits_for(view["source"], view["functions"], view["called"])
    ]
""",
}


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speed]:
    folder = tmp_path_factory.mktemp("shop")
    for name, text in {**FILES, "charter.toml": CHARTER}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    birth.begin(folder, 1)
    with lives.opened(folder, seed=1) as life:
        yield Speed(life, life.charter.objectives[0])


def test_methods_of_several_files_become_one_candidate(domain: Speed) -> None:
    focus = domain.observe()
    assert focus is not None
    called = {view["path"]: view["called"] for view in focus.views}
    assert called["shop/till.py"] == ["Till.__init__", "Till.total"], "what is not called is nobody's to judge"
    first = domain.propose(focus)[0]
    assert (first.title, sorted(first.files)) == ("2 files: all rewrites", ["shop/shelf.py", "shop/till.py"])
    assert "min(xs, 1)" in first.files["shop/till.py"] and "[max(" not in first.files["shop/till.py"]
    candidates, turned_away = admitted(domain.life, domain.objective, [first], domain.files_of)
    assert not turned_away
    (rewrite,) = domain._new(domain.life.version(domain.objective), candidates)
    assert rewrite.place == "run.py:work", "by the whole of the work, for methods cannot be called by themselves"


@pytest.mark.parametrize(
    ("old", "new", "equal"),
    [
        ("return out", "return list(out)", True),
        ("return out", "return out + []", True),
        ("max(x, 2)", "max(x, 3)", False),
        ("self.shelf.low(500)", "self.shelf.low(499)", False),
        ("return out", "return tuple(out)", False),
        ("self.shelf = Shelf(xs)", "self.shelf = Shelf(xs); xs.sort()", False),
        ("self.shelf = Shelf(xs)", "self.shelf = Shelf([int(x) for x in xs])", False),
    ],
)
def test_an_edited_method_must_leave_the_work_as_it_was(domain: Speed, old: str, new: str, equal: bool) -> None:
    """Recorded calls and hostile ones, results, changed arguments and exceptions."""
    domain.observe()
    now = domain.life.version(domain.objective)
    files = {**now.files, "shop/till.py": now.files["shop/till.py"].replace(old, new)}
    assert list(changed_functions(now.files, files) or []) != []
    place = "run.py:work"
    calls = domain.spots.calls_of(place)
    answer = domain.spots.equal(replace(now, files=files), place, calls, random.Random(1), IN_RACE)
    assert answer is equal


def test_edits_of_files_go_together_by_their_operator() -> None:
    def edit(path: str, operator: str) -> Edit:
        return Edit("speed", {path: operator}, f"{path} {operator}", operator, "parent")

    edits = [edit("a.py", "file: x"), edit("b.py", "file: x"), edit("a.py", "file: y"), edit("c.py", "hoist"),
             edit("d.py", "hoist")]  # fmt: skip
    (found,) = across_files(edits)
    assert (found.title, found.files) == ("2 files: x", {"a.py": "file: x", "b.py": "file: x"})
    assert across_files(edits[2:]) == []


INLINED = """
def outer(xs):
    return [inner(x) for x in xs]


def inner(x):
    return deep(x)


def deep(x):
    return deeper(x)


def deeper(x):
    return min(x, 500)
"""


@pytest.fixture
def parted(tmp_path: Path) -> Iterator[Speed]:
    """A program of two files; the objective owns one of them."""
    charter = CHARTER.replace("shop/*.py", "run.py").replace('files = ["*"]', 'files = ["run.py"]')
    charter = charter.replace('focus = ["run.py:work"]\n', "").replace('entry = "run.py:run"', 'entry = "main.py:run"')
    main = "import run as part\n\n\ndef run(xs):\n    return part.outer(xs)\n"
    texts = {"charter.toml": charter.replace("improver.py:propose", ""), "program/main.py": main}
    for name, text in {**texts, "program/run.py": INLINED, "tasks/work.py": FILES["tasks/work.py"]}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    birth.begin(tmp_path, 1)
    with lives.opened(tmp_path, seed=1) as life:
        yield Speed(life, life.charter.objectives[0])


def test_a_function_that_an_edit_left_without_a_caller_is_nobodys_to_judge(
    parted: Speed, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, place = parted.life.version(parted.objective), "run.py:inner"
    rewritten = Edit(
        "speed", {"run.py": INLINED.replace("return deep(x)", "return min(x, 500)")}, "inner", "x", before.id
    )

    def new(edit: Edit) -> list[str]:
        candidates, _ = admitted(parted.life, parted.objective, [edit], parted.files_of)
        return [one.place for one in parted._new(parted.life.version(parted.objective), candidates)]

    parted.spots.look()
    assert new(rewritten) == [place]
    after = {**parted.life.files(), "run.py": INLINED.replace("[inner(x) for x in xs]", "[min(x, 500) for x in xs]")}
    monkeypatch.setattr(parted.life, "files", lambda number=None: after)
    parted.spots.look()
    other = replace(rewritten, files={"run.py": after["run.py"].replace("return deep(x)", "return min(x, 500)")})
    assert place in parted.spots.known and new(other) == []
    views = parted.task.inputs("confirm", 1, 2)
    assert all(parted.spots.recorded(before.files, place, views)), "of the version that a pair compares with"
    with pytest.raises(SelfproofError, match="did not call"):
        parted.spots.recorded(after, place, views)
