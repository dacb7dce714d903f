"""`selfproof init` as people meet it: what it asks, what goes with what, and what is never done by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from selfproof.cli import asking, group
from selfproof.nouns import UsageError
from selfproof.projects import function
from selfproof.projects.writing import Made

SLOW = "def slow(rows):\n    return [x for row in rows for x in row]\n\n\ndef flat(x):\n    return x\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path, text in {"pyproject.toml": "", "mod.py": SLOW, "tests/test_mod.py": ""}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answered(answers: str) -> Any:
    """What the questions come to with these answers, a line each."""
    found: dict[str, Any] = {}

    @click.command()
    def ask() -> None:
        found.update(asking.asked(Path()))

    done = CliRunner().invoke(ask, input=answers)
    assert done.exception is None, done.output
    return found, done.output


@pytest.mark.parametrize(
    ("answers", "flags"),
    [
        ("1\n\n\n", {"function": "mod:slow", "record": "pytest -q tests"}),
        ("1\nother.mod:f\nbench.py\n", {"function": "other.mod:f", "record": "bench.py"}),
        ("1\n1\n-\n", {"function": "mod:slow", "generate": True}),
        (
            "2\npython train.py\nval_loss\nhigher\n",
            {"command": "python train.py", "metric": "val_loss", "lower": False},
        ),
        ("3\na.py:solve\nb.py:Task\n", {"solver": "a.py:solve", "task": "b.py:Task"}),
        ("4\n", {"template": "apprentice"}),
    ],
)
def test_what_is_asked_comes_to_flags(project: Path, answers: str, flags: dict[str, Any]) -> None:
    found, shown = answered(answers)
    assert found == flags
    assert "1 functions with loops" in shown and "tests (pytest -q tests)" in shown


def test_questions_are_for_terminals_alone(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a terminal and nothing said, it asks and makes what was answered; else an apprentice, as ever."""
    made: list[Any] = []

    def make(home: Path, folder: Path, options: Any, say: Any) -> Made:
        made.append((home, folder, options))
        return Made("0123", folder, ["told"])

    monkeypatch.setattr(function, "make", make)
    runner = CliRunner()
    monkeypatch.setattr("selfproof.cli.init.at_a_terminal", lambda: True)
    done = runner.invoke(group, ["init"], input="1\n\n\n")
    assert done.exit_code == 0 and "made the living program 0123" in done.output
    assert made[0][:2] == (project, project / "living") and made[0][2].function == "mod:slow"
    monkeypatch.setattr("selfproof.cli.init.at_a_terminal", lambda: False)
    (project / "empty").mkdir()
    monkeypatch.chdir(project / "empty")
    done = runner.invoke(group, ["init"], input="1\n\n\n")
    assert "apprentice" in done.output and (project / "empty" / "charter.toml").exists() and len(made) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--function", "a:b", "--command", "c"], "one program has one form"),
        (["--function", "a:b", "--template", "apprentice"], "one program has one form"),
        (["--function", "a:b", "--rescore", "x.py:y"], "--rescore does not go with --function"),
        (["--function", "a:b", "--higher"], "--lower/--higher does not go with --function"),
        (["--record", "x.py"], "--record needs a form"),
    ],
)
def test_what_does_not_go_together(project: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(group, ["init", *words])
    assert isinstance(done.exception, UsageError) and said in str(done.exception)


def test_no_program_is_made_among_other_files(project: Path, cli: Any) -> None:
    before = sorted(path.name for path in project.iterdir())
    done = cli.run("run", "--minutes", 0.1, cwd=project)
    assert done.code == 2 and "holds no living program, and other files" in done.err
    assert sorted(path.name for path in project.iterdir()) == before
