"""What a program or a person wrote reaches a terminal spelled out, a file exactly."""

from __future__ import annotations

import sys

import pytest

from selfproof.cli.common import coloured, visible

HOSTILE = "+if is_admin\u202e \x1b[2Jnothing\r to see\x07 \u200b\x9b31m"


def test_what_a_terminal_would_obey_is_spelled_out() -> None:
    told = visible(HOSTILE)
    assert told.isprintable() and "\\u202e" in told and "\\x1b[2J" in told and "\\r" in told and "\\x9b" in told
    assert visible("\tdef naïve(größe):  # ✓") == "\tdef naïve(größe):  # ✓"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_diff_is_exact_in_a_file_and_harmless_on_a_terminal(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    lines: list[str] = []
    coloured(f"--- a/x.py\n+++ b/x.py\n{HOSTILE}\n", lines.append)
    assert len(lines) == 3
    assert (HOSTILE in lines[2]) is not terminal and ("\\u202e" in lines[2]) is terminal
