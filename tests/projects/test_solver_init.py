"""``init --solver``: what goes into the program, what stays with the answers, and what the first answers say."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from selfproof import life
from selfproof.jail import Pool
from selfproof.nouns import SelfproofError, UsageError
from selfproof.projects import solver, trusted
from selfproof.projects.solver import Options

AGENT = """
from pathlib import Path
from tools import count
WORDS = Path(__file__).with_name("words.txt").read_text().split()
LIMIT = 1.5
def solve(ticket):
    return "urgent" if count(ticket, WORDS) > LIMIT else "normal"
"""
TOOLS = "def count(text, words):\n    return sum(word in words for word in text.split())\n"
EVALS = """
import json
from pathlib import Path
from labels import check
from selfproof.trial.holdout import FiniteTask
from selfproof.trial.task import Sample
class Support(FiniteTask):
    metric, better, span, lifetime = "accuracy", "higher", 1.0, 20
    def items(self):
        rows = json.loads(Path(__file__).with_name("tickets.json").read_text())
        return [Sample(text, label) for text, label in rows]
    def draws(self, sample, answer):
        return [check(answer, sample.hidden)]
"""
LABELS = "def check(answer, label):\n    return float(answer == label)\n"


def project(folder: Path, **other: str) -> Path:
    tickets = [[f"t{i} " + "down " * (i % 3), "urgent" if i % 3 else "normal"] for i in range(60)]
    files = {
        "agent.py": AGENT, "tools.py": TOOLS, "words.txt": "down broken\n", "evals.py": EVALS, "labels.py": LABELS,
        "tickets.json": json.dumps(tickets), "unrelated.py": "A = 1\n", "README.md": "words.txt is for the agent",
    }  # fmt: skip
    for name, text in (files | other).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def planned(home: Path, **options: Any) -> solver.Plan:
    return solver.planned(
        home, home / "living", Options(**{"solver": "agent.py:solve", "task": "evals.py:Support"} | options)
    )


def refused(home: Path, **options: Any) -> str:
    with pytest.raises(UsageError) as error:
        planned(home, **options)
    return f"{error.value} {error.value.advice()}"


def test_code_and_prompts_go_into_the_program_and_answers_stay_with_the_task(tmp_path: Path, pool: Pool) -> None:
    home = project(tmp_path / "agent")
    done = solver.make(home, home / "living", Options("agent.py:solve", "evals.py:Support"))
    written = tomllib.loads((done.folder / "charter.toml").read_text())
    objective, told = written["objective"][0], "\n".join(done.told)
    assert set(written["program"]["editable"]) == {"agent.py", "tools.py", "words.txt"}
    inside = {path.name for path in (done.folder / "program").iterdir() if path.is_file()}
    assert inside == {"agent.py", "tools.py", "words.txt", "selfproof_improver.py"}
    assert {path.name for path in (done.folder / "tasks").iterdir() if path.is_file()} == {
        "__init__.py", "evals.py", "labels.py", "tickets.json"
    }  # fmt: skip
    assert (objective["entry"], objective["task"]) == ("agent.py:solve", "tasks/evals.py:Support")
    assert objective["focus"] == ["agent.py:solve", "agent.py:", "tools.py:"]
    assert objective["joint"] is False if "joint" in objective else True
    assert (objective["metric"], objective["better"], objective["margin"]) == ("accuracy", "higher", 0.05)
    assert objective["allow"] == ["scratch:64"], "it opens a file of its own"
    assert "on 8 samples (the same each time)" in told and "serves 20 confirmations" in told
    with life.viewed(done.folder) as living:
        assert living.state.charter["pools"]["solver"]["lifetime"] == 20


def test_two_programs_tasks_of_the_same_names_are_not_mixed_up(tmp_path: Path, pool: Pool) -> None:
    one, two = (
        project(tmp_path / "one"),
        project(tmp_path / "two", **{"labels.py": "def check(a, b):\n    return 0.25\n"}),
    )
    options = Options("agent.py:solve", "evals.py:Support")
    first = "\n".join(solver.make(one, one / "living", options).told)
    second = "\n".join(solver.make(two, two / "living", options).told)
    assert "accuracy 0.25 on" not in first and "accuracy 0.25 on" in second


def test_slow_answers_are_said_to_be_slow_without_a_change_to_the_task(tmp_path: Path, pool: Pool) -> None:
    home = project(
        tmp_path / "agent", **{"tools.py": "import time\n" + TOOLS.replace("return", "time.sleep(0.2); return")}
    )
    done = solver.make(home, home / "living", Options("agent.py:solve", "evals.py:Support"))
    assert tomllib.loads((done.folder / "charter.toml").read_text())["objective"][0]["task"] == "tasks/sized.py:Sized"
    assert (done.folder / "tasks" / "evals.py").read_text() == EVALS
    with life.viewed(done.folder) as living:
        task: Any = living.tasks["solver"]
        assert task.seconds > 0.2 and task.metric == "accuracy"


def test_a_solver_that_could_read_the_answers_is_refused(tmp_path: Path) -> None:
    home = project(tmp_path / "a", **{"agent.py": AGENT.replace("from tools", "import evals\nfrom tools")})
    assert "imports evals.py, which holds the answers" in refused(home)
    home = project(tmp_path / "b", **{"agent.py": AGENT.replace("words.txt", "tickets.json")})
    assert "tickets.json is named by the solver and by the task" in refused(home)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"task": ""}, "--task FILE.py:CLASS"),
        ({"task": "evals.py:Other"}, "has no 'Other' It has: FiniteTask, Path, Sample, Support, check, json."),
        ({"task": "nothing.py:Support"}, "is no file of"),
        ({"solver": "agent.py"}, "Write it as FILE.py:name"),
        ({"solver": "json:loads"}, "is no file of"),
        ({"solver": "agent.py:other"}, "has no 'other'"),
        ({"edit": ("*.rs",)}, "no file matches --edit"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    assert said in refused(project(tmp_path / "agent"), **options)


def test_an_async_solver_and_one_named_like_a_library_are_refused(tmp_path: Path) -> None:
    home = project(
        tmp_path / "agent", **{"agent.py": "async def solve(x): return x", "queue.py": "def solve(x): return x"}
    )
    assert "is async" in refused(home)
    assert "name of a library module" in refused(home, solver="queue.py:solve")


def test_answers_that_are_not_valid_leave_nothing_behind(tmp_path: Path, pool: Pool) -> None:
    home = project(tmp_path / "agent", **{"words.txt": "", "agent.py": "def solve(x):\n    return open('gone.txt')\n"})
    with pytest.raises(SelfproofError, match="no valid answer in the jail") as error:
        solver.make(home, home / "living", Options("agent.py:solve", "evals.py:Support"))
    assert "--files" in error.value.advice() and not (home / "living").exists()


def test_a_package_below_src_keeps_its_paths(tmp_path: Path) -> None:
    home = tmp_path / "deep"
    for name, text in {
        "pyproject.toml": "[project]\nname = 'bot'\nversion = '1'\n", "src/bot/__init__.py": "",
        "src/bot/agent.py": "from bot import tools\ndef solve(x): return open('src/bot/prompts/a.md')\nD = 'prompts'\n",
        "src/bot/tools.py": "A = 1\n", "src/bot/prompts/a.md": "Answer.", "checks/evals.py": "class T: pass\n",
    }.items():  # fmt: skip
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    plan = planned(home, solver="bot.agent:solve", task="checks/evals.py:T")
    assert set(plan.program) == {"bot/__init__.py", "bot/agent.py", "bot/tools.py", "bot/prompts/a.md"}
    assert plan.charter["entry"] == "bot/agent.py:solve" and plan.task.place == "checks/evals.py:T"
    assert trusted.placed(home, "src/bot/agent.py:solve", "function")[0].inside == "bot/agent.py"
