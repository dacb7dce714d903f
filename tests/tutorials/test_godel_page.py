"""docs/godel.md does what it says: an agent that loses its improver goes on with the first one."""

from __future__ import annotations

from pathlib import Path

import pytest
import runner


@pytest.mark.slow
def test_the_page_on_goedel_mode_does_what_it_says(tmp_path: Path) -> None:
    runner.followed(Path(__file__).resolve().parents[2] / "docs" / "godel.md", tmp_path)
