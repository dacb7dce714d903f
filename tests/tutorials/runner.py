"""Runs a tutorial: the blocks of a Markdown page in order, in one scratch folder, as a reader would.

- A block whose first line is a comment ``FILE: path`` is written to that path, whatever its language.
- In a ``console`` block each line ``$ command`` is run by bash (a line that ends with a backslash goes on), and must
  end with 0, or with N where ``# -> exit N`` follows. A line ``# -> words`` must appear in what the command before it
  printed, on either stream, however it is spaced; ``...`` stands for anything. All other lines are what a reader would
  see; they are not compared.
- A ``python`` block without FILE is run as a script.
- A comment ``<!-- $ command -->`` is run too, unseen by readers; ``<!-- needs: name -->`` skips the page where that
  program is missing, ``<!-- needs: python:name -->`` where that module is.

``selfproof``, ``python`` and ``pytest`` are those of this test run.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
FILE = re.compile(r"^\s*(?:#|//|--|;|<!--)\s*FILE:\s*(\S+?)\s*(?:-->)?\s*$")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\s*$|^<!-- \$ (.*?) -->\s*$", re.MULTILINE | re.DOTALL)
NEEDS = re.compile(r"<!-- needs: (\S+) -->")
TIMEOUT_S = 180.0
LONG = {
    "autoresearch",
    "benchmark",
    "command",
    "llm",
    "mcp",
    "python",
}  # run in full counts; their parts have tests of their own


def marked(pages: list[Path]) -> list[Any]:
    """The pages as parameters of a test, named by their stems."""
    return [pytest.param(page, id=page.stem, marks=[pytest.mark.slow] * (page.stem in LONG)) for page in pages]


@dataclass
class Step:
    """A file to write, or a command to run with what its output must hold."""

    command: str = ""
    file: str = ""
    text: str = ""
    expected: list[str] = field(default_factory=list)
    exit: int = 0


class TutorialFailed(AssertionError):
    """A command ended otherwise than the page says, or did not print what it says."""


def needed(page: str) -> list[str]:
    """Programs and modules that a page needs and that are not here."""
    names = NEEDS.findall(page)
    modules = [name.removeprefix("python:") for name in names if name.startswith("python:")]
    programs = [name for name in names if not name.startswith("python:")]
    missing = [name for name in programs if shutil.which(name) is None]
    return missing + [name for name in modules if importlib.util.find_spec(name) is None]


def steps(page: str) -> Iterator[Step]:
    """What a page asks its reader to do, in order."""
    for language, body, hidden in BLOCK.findall(page):
        first, _, rest = body.partition("\n")
        if hidden:
            yield Step(command=hidden)
        elif found := FILE.match(first):
            yield Step(file=found[1], text=rest)
        elif language == "console":
            yield from _commands(body)
        elif language == "python":
            yield Step(command=f"python - <<'END_OF_BLOCK'\n{body}\nEND_OF_BLOCK")


def _commands(body: str) -> Iterator[Step]:
    step: Step | None = None
    lines = iter(body.splitlines())
    for line in lines:
        if line.startswith("$ "):
            if step is not None:
                yield step
            command = line[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines).removeprefix(">").strip()
            step = Step(command=command)
        elif line.startswith("# -> "):
            assert step is not None, f"{line!r} stands before any command"
            code = re.fullmatch(r"exit (\d+)", line[5:].strip())
            if code:
                step.exit = int(code[1])
            else:
                step.expected.append(line[5:])
    if step is not None:
        yield step


def run(page: Path, folder: Path) -> int:
    """Run a page in an empty folder; returns how many steps it had.

    Raises:
        TutorialFailed: with the command, what it printed and what is missing.
    """
    home = folder / "home"
    work = folder / "work"
    for part in (home, work):
        part.mkdir(parents=True)
    env = environment(home)
    done = 0
    for step in steps(page.read_text("utf-8")):
        done += 1
        if step.file:
            target = work / step.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(step.text, encoding="utf-8")
        else:
            _run(step, work, env, page.name)
    return done


def environment(home: Path) -> dict[str, str]:
    """A reader's shell: this test run's Python by its usual names, a git identity, nothing of the tester's own."""
    programs = home / "bin"
    programs.mkdir()
    words = {"selfproof": "-m selfproof", "python": "", "python3": "", "pytest": "-m pytest -p no:cacheprovider"}
    for name, rest in words.items():
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {rest} "$@"\n')
        (programs / name).chmod(0o755)
    (home / ".gitconfig").write_text("[user]\n\tname = Reader\n\temail = reader@example.org\n")
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR", "VIRTUAL_ENV") if name in os.environ}
    path = f"{programs}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    return {**kept, "PATH": path, "HOME": str(home), "PYTHONPATH": str(SOURCE), "NO_COLOR": "1", "COLUMNS": "120",
            "PYTHONDONTWRITEBYTECODE": "1", "SELFPROOF_EXPERIENCE": "off"}  # fmt: skip


def _run(step: Step, work: Path, env: dict[str, str], page: str) -> None:
    try:
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step.command], cwd=work, env=env, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise TutorialFailed(f"{page}: `{step.command}` took longer than {TIMEOUT_S:.0f} s") from None
    said = f"{page}: $ {step.command}\n{done.stdout}{done.stderr}"
    if done.returncode != step.exit:
        raise TutorialFailed(f"{said}\nit ended with {done.returncode}, the page says {step.exit}")
    printed = " ".join((done.stdout + " " + done.stderr).split())
    for words in step.expected:
        pattern = ".*".join(re.escape(" ".join(part.split())) for part in words.split("..."))
        if not re.search(pattern, printed):
            raise TutorialFailed(f"{said}\nit did not print: {words}")


def followed(page: Path, folder: Path) -> None:
    """Follow a page as a test: it is skipped where something that it needs is missing, and must hold steps."""
    if missing := needed(page.read_text("utf-8")):
        pytest.skip(f"{page.name} needs {', '.join(missing)}: install it")
    if page.stem == "agent" and sys.prefix.startswith("/tmp/"):
        pytest.skip("behind an agent's fence /tmp is another folder: put the virtual environment somewhere else")
    assert run(page, folder) > 0
