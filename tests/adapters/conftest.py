"""Small tasks in the form of other tools, and a jail that may write: what the tests of the adapters share."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from selfproof.adapters import detect
from selfproof.adapters.detect import Options
from selfproof.cli import main
from selfproof.grants import Grants
from selfproof.jail import JailUnavailable, Pool
from selfproof.projects.writing import Made

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def jailed() -> None:
    """Skip where this machine cannot run an evaluator with files of its own."""
    try:
        Pool(1, grants=Grants.parse(["scratch:64", "subprocesses"])).close()
    except JailUnavailable as missing:
        pytest.skip(f"{missing}: {missing.advice()}")


@dataclass(frozen=True)
class Typed:
    """A command that was run in this process: quicker than one of its own."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """Run a command as a user types it."""

    def run(*words: object) -> Typed:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        told = capsys.readouterr()
        return Typed(int(end.value.code or 0), told.out, told.err)

    return run


@pytest.fixture
def task(tmp_path: Path) -> Callable[..., Path]:
    """A copy of one of the small tasks, with files changed: name=text, None takes one away."""

    def copied(kind: str, **files: str | None) -> Path:
        folder = tmp_path / "task"
        shutil.copytree(DATA / kind, folder, ignore=shutil.ignore_patterns("__pycache__"))
        for name, text in files.items():
            path = folder / name.replace("__", ".")
            path.unlink(missing_ok=True)
            if text is not None:
                path.write_text(text)
        return folder

    return copied


@pytest.fixture
def imported(tmp_path: Path, jailed: None) -> Callable[..., tuple[Made, list[str]]]:
    """Import a task; returns what was made and every line that was told."""

    def bring(path: Path, **options: object) -> tuple[Made, list[str]]:
        told: list[str] = []
        _, made = detect.bring(path, tmp_path / "living", Options(**options), told.append)  # type: ignore[arg-type]
        return made, told

    return bring
