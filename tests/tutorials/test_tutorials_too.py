"""The other half of the pages of docs/tutorials/."""

from __future__ import annotations

from pathlib import Path

import pytest
import runner

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", runner.marked(PAGES[1::2]))
def test_a_tutorial_does_what_it_says(page: Path, tmp_path: Path) -> None:
    runner.followed(page, tmp_path)
