"""Every page of docs/tutorials/ does what it says: each command is run, each file written, in order.

The other half of the pages is in `test_tutorials_too`, so that two test processes can share them.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import runner

PAGES = sorted((Path(__file__).resolve().parents[2] / "docs" / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", runner.marked(PAGES[::2]))
def test_a_tutorial_does_what_it_says(page: Path, tmp_path: Path) -> None:
    runner.followed(page, tmp_path)
