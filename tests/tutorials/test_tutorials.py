"""Every page of docs/tutorials/ does what it says: each command is run, each file written, in order."""

from __future__ import annotations

from pathlib import Path

import pytest
import runner

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_does_what_it_says(page: Path, tmp_path: Path) -> None:
    if missing := runner.needed(page.read_text("utf-8")):
        pytest.skip(f"{page.name} needs {', '.join(missing)}: install it")
    assert runner.run(page, tmp_path) > 0
