"""``selfproof propose`` and ``selfproof skill``, as a person or an agent types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from finite_program import SUITE, made

BETTER = "def square(x):\n    return x * x\n"


@pytest.fixture
def program(tmp_path: Path, cli: Any) -> Path:
    folder = made(tmp_path / "life")
    assert cli.run("init", folder, "--template", "apprentice").code == 0
    return folder


def test_a_changed_copy_is_a_suggestion_of_what_differs(program: Path, tmp_path: Path, cli: Any) -> None:
    shutil.copytree(program / "program", tmp_path / "copy", ignore=shutil.ignore_patterns(".git"))
    (tmp_path / "copy" / "suite.py").write_text(BETTER)
    words = ("--title", "square all", "--prediction", "0.5", "--risk", "none", "--by", "me", "--at", program)
    done = cli.run("propose", tmp_path / "copy", *words)
    assert done.code == 0 and "waits for the next run" in done.out and "holdout has a hold-out" in done.out
    (place,) = (program / ".selfproof" / "inbox").glob("*.json")
    letter = json.loads(place.read_text())
    assert letter["files"] == {"suite.py": BETTER} and letter["base"] == {"suite.py": SUITE}
    assert (letter["title"], letter["prediction"], letter["by"]) == ("square all", 0.5, "me")
    assert place.stat().st_mode & 0o777 == 0o600
    listed = cli.run("propose", "--list", "--json", "--at", program).json
    assert listed == [{"id": place.stem, "title": "square all", "files": ["suite.py"]}]
    assert (program / "program" / "suite.py").read_text() == SUITE


def test_json_is_a_suggestion_and_options_come_before_it(program: Path, tmp_path: Path, cli: Any) -> None:
    idea = tmp_path / "idea.json"
    idea.write_text(json.dumps({"files": {"suite.py": BETTER}, "title": "from the file", "objective": "suite"}))
    charter = program / "charter.toml"
    charter.write_text(charter.read_text() + '\n[autonomy]\nlevel = "observe"\n')
    told = cli.run("propose", idea, "--title", "from the option", "--json", "--at", program).json
    assert told["waiting"] == 1 and told["adopts"] is False and told["hold_outs"] == ["holdout"]
    assert cli.run("propose", "--list", "--json", "--at", program).json[0]["title"] == "from the option"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"files": {"improver.py": "x = 1\n"}, "title": "t"}, "not editable"),
        ({"files": {"../suite.py": "x = 1\n"}, "title": "t"}, "not editable"),
        ({"files": {"suite.py": 7}, "title": "t"}, "whole new texts"),
        ({"files": {"suite.py": SUITE}, "title": "t"}, "changes nothing"),
        ({"files": {"suite.py": BETTER}}, "needs a title"),
        ({"files": {"suite.py": BETTER}, "title": 5}, "must be text"),
        ({"files": {"suite.py": BETTER}, "title": "t", "objective": "none"}, "no objective named"),
        ({"files": {"suite.py": BETTER}, "title": "t", "prediction": "much"}, "no number"),
        ({"files": {"suite.py": BETTER}, "title": "t", "alpha": 1}, "no suggestion"),
        ([], "no suggestion"),
        ("{", "cannot be read"),
    ],
)
def test_what_is_no_suggestion_is_refused_with_advice(
    program: Path, tmp_path: Path, cli: Any, body: Any, words: str
) -> None:
    idea = tmp_path / "idea.json"
    idea.write_text(body if isinstance(body, str) else json.dumps(body))
    done = cli.run("propose", idea, "--at", program)
    assert done.code == 2 and words in done.err and "Traceback" not in done.err
    assert not (program / ".selfproof" / "inbox").exists()


def test_the_skill_is_printed_and_installed(tmp_path: Path, cli: Any) -> None:
    printed = cli.run("skill").out
    assert printed.startswith("---\nname: selfproof\ndescription: ")
    done = cli.run("skill", "--install", tmp_path / "skills", "--json")
    place = tmp_path / "skills" / "selfproof" / "SKILL.md"
    assert done.json["file"] == str(place) and place.read_text() == printed
    (tmp_path / "file").write_text("")
    failed = cli.run("skill", "--install", tmp_path / "file" / "x")
    assert failed.code == 1 and "cannot be written" in failed.err


def test_commands_that_the_skill_names_exist(cli: Any) -> None:
    import re

    import click

    from selfproof.cli import COMMANDS, group

    text = cli.run("skill").out
    named = re.findall(r"`?(selfproof [a-z][^`\n]*)", text)
    assert len(named) > 6
    for line in named:
        _, name, *words = line.split()
        if name not in COMMANDS:
            continue
        command = group.get_command(click.Context(group), name)
        assert command is not None
        known = {option for p in command.params for option in p.opts} | {"--help", "-h"}
        assert {w for w in words if w.startswith("--")} <= known, line


def test_who_runs_an_agent_without_a_fence_must_know_it() -> None:
    from selfproof.viewing.story import Story

    story = Story()
    working = {"event": "proposer", "name": "agent: x", "objective": "", "status": "working"}
    assert story.tell({**working, "note": "reading files"}) == []
    (line,) = story.tell({**working, "note": "not isolated: bubblewrap is not installed"})
    assert (line.subject, line.told) == ("agent: x", "not isolated: bubblewrap is not installed")
