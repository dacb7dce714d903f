"""Write docs/controls.md from the table that `selfproof report` uses."""

from __future__ import annotations

from pathlib import Path

from selfproof.reports.controls import page

if __name__ == "__main__":
    (Path(__file__).resolve().parents[1] / "docs" / "controls.md").write_text(page(), encoding="utf-8")
