"""Inspect tasks: samples and scorer stay outside the jail, the user's function answers, no model judges.

What needs the real package is skipped without it.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from selfproof import life
from selfproof.adapters import inspected
from selfproof.adapters.base import NotUnderstood
from selfproof.nouns import UsageError
from selfproof.projects.writing import Made
from selfproof.trial.task import InvalidAnswer, Task

DATA = Path(__file__).parent / "data"
Bring = Callable[..., tuple[Made, list[str]]]
needs_inspect = pytest.mark.skipif(
    importlib.util.find_spec("inspect_ai") is None, reason="Inspect is not installed: pip install 'selfproof[inspect]'"
)


@pytest.fixture
def agent(tmp_path: Path) -> str:
    """The function that answers, in a folder of its own."""
    folder = Path(shutil.copytree(DATA / "inspect", tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__")))
    return f"{folder / 'agent.py'}:answer"


def test_without_inspect_it_says_what_to_install(imported: Bring, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "inspect_ai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "inspect_ai", None)  # as where it is missing
    with pytest.raises(NotUnderstood, match="Inspect is not installed") as caught:
        imported(DATA / "inspect" / "sums.py", name="sums", solver=agent)
    assert "selfproof[inspect]" in caught.value.advice()


@pytest.mark.parametrize("place", ["agent.py", "agent.py:nothing", "nowhere.py:answer"])
def test_the_function_that_answers_must_be_there(agent: str, place: str) -> None:
    folder = Path(agent.partition(":")[0]).parent
    with pytest.raises(UsageError):
        inspected._solver(str(folder / place))


@needs_inspect
def test_a_task_becomes_a_hold_out_whose_targets_stay_outside(imported: Bring, agent: str) -> None:
    made, told = imported(DATA / "inspect" / "sums.py", name="sums", solver=agent)
    said = tomllib.loads((made.folder / "charter.toml").read_text())
    (objective,) = said["objective"]
    assert objective["task"] == "tasks/inspected.py:HeldOut" and "joint" not in objective
    assert said["program"]["editable"] == ["agent.py", "words.txt"]
    rows = json.loads((made.folder / "tasks" / "samples.json").read_text())
    assert rows[1] == {"value": {"input": "What is 0 plus 1?"}, "hidden": {"target": "1", "metadata": {}}}
    assert not list((made.folder / "program").rglob("sums.py"))
    assert any(line.startswith("task sums: 144 samples, scored by match") for line in told)


@needs_inspect
def test_inspects_own_scorer_judges_in_the_engine(imported: Bring, agent: str) -> None:
    made, _ = imported(DATA / "inspect" / "sums.py", name="sums", solver=agent)
    with life.viewed(made.folder) as living:
        task = living.tasks["sums"]
        assert isinstance(task, Task)
        sample = next(s for s in task.samples("explore", 1, 200) if s.hidden["target"] == "13")
        assert task.draws(sample, "It is 13") == [1.0] and task.draws(sample, "It is 31") == [0.0]
        assert task.draws(sample, "the answer: 13.0.") == [1.0]  # numeric, as the task's own scorer has it
        with pytest.raises(InvalidAnswer):
            task.draws(sample, 13)
        assert task.span == 1.0


@needs_inspect
def test_letters_answer_a_question_with_choices(imported: Bring, agent: str) -> None:
    made, told = imported(DATA / "inspect" / "sums.py", name="which", solver=agent)
    assert any("10 samples are too few" in line for line in told)
    with life.viewed(made.folder) as living:
        task = living.tasks["which"]
        assert isinstance(task, Task) and task.whole
        (sample, *_) = task.samples("explore", 1, 1)
        for answer, score in (("B", 1.0), ("ANSWER: B", 1.0), ("b", 1.0), ("A, B", 0.0), ("A", 0.0), ("", 0.0)):
            assert task.draws(sample, answer) == [score], answer


@needs_inspect
@pytest.mark.parametrize(
    ("name", "what"),
    [("judged", "asks a model"), ("", "has 3 tasks: sums, which, judged"), ("nothing", "has no Inspect task nothing")],
)
def test_tasks_that_are_refused(imported: Bring, agent: str, name: str, what: str) -> None:
    with pytest.raises(NotUnderstood, match=what):
        imported(DATA / "inspect" / "sums.py", name=name, solver=agent)


OWN = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score, Target, accuracy, scorer
from inspect_ai.model import get_model

@scorer(metrics=[accuracy()])
def near(most: float = 2.0):
    async def score(state, target: Target) -> Score:
        MODEL
        return Score(value=max(0.0, 1.0 - abs(float(state.output.completion.split()[-1]) - float(target.text)) / most))
    return score

@task
def sums():
    rows = [Sample(input=f"What is {a} plus {a}?", target=str(2 * a)) for a in range(60)]
    return Task(dataset=rows, scorer=near(most=4.0))
"""


@needs_inspect
def test_a_scorer_of_ones_own_computes_or_is_refused(imported: Bring, agent: str, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "evals.py").write_text(OWN.replace("MODEL", "").replace("from inspect_ai.model import get_model", ""))
    made, _ = imported(own / "evals.py", name="sums", solver=agent, kind="inspect")
    with life.viewed(made.folder) as living:
        task = living.tasks["sums"]
        assert isinstance(task, Task) and task.span is None
        (sample, *_) = task.samples("explore", 1, 1)
        assert task.draws(sample, f"It is {int(sample.hidden['target']) - 1}") == [0.75]
    shutil.rmtree(made.folder)
    (own / "evals.py").write_text(OWN.replace("MODEL", "get_model()"))
    with pytest.raises(NotUnderstood, match="near asks a model"):
        imported(own / "evals.py", name="sums", solver=agent, kind="inspect")


@needs_inspect
def test_an_answer_is_measured_in_the_jail_where_no_target_is(imported: Bring, agent: str) -> None:
    """A function that looks for the targets finds none, and one that raises is no start."""
    path = Path(agent.partition(":")[0])
    path.write_text(
        "from pathlib import Path\ndef answer(q):\n    return str(sorted(Path('/scratch').rglob('samples*')))\n"
    )
    _, told = imported(DATA / "inspect" / "sums.py", name="sums", solver=agent)
    assert any(line.startswith("baseline: 0, again 0") for line in told)
    path.write_text("def answer(q):\n    raise ValueError('nothing comes to mind')\n")
    shutil.rmtree(path.parent.parent / "living")
    with pytest.raises(NotUnderstood, match="nothing comes to mind"):
        imported(DATA / "inspect" / "sums.py", name="sums", solver=agent)
