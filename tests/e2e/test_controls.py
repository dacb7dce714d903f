"""A broken gate is noticed by the run itself: exit 4, and the control that found out is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BROKEN = """
import sys
from dataclasses import replace
from selfproof.certify import gate

right = gate.Confirmation.verdict.fget

def verdict(self):
    found = right(self)
    return replace(found, answer={answer!r}) if found.pairs >= 3 else found

gate.Confirmation.verdict = property(verdict)
from selfproof.cli import main
main(["run", "--minutes", "0.5", "--seed", "1", "--json", "--at", sys.argv[1]])
"""


def run_with(answer: str, folder: Path) -> subprocess.CompletedProcess[str]:
    script = BROKEN.format(answer=answer)
    return subprocess.run(
        [sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    ("answer", "named"),
    [pytest.param("certified", {"fake_gain", "aa"}, marks=pytest.mark.slow), ("refused", {"planted_gain"})],
)
def test_a_gate_that_always_says_the_same_is_found_out(unborn: Any, cli: Any, answer: str, named: set[str]) -> None:
    folder: Path = unborn()
    done = run_with(answer, folder)
    assert done.returncode == 4, (done.returncode, done.stderr, done.stdout[-500:])
    assert any(f"control {name} was {answer}" in done.stderr for name in named), done.stderr
    assert "Traceback" not in done.stderr
    again = cli.run("run", "--minutes", "0.1", "--at", folder)
    assert again.code == 2 and "selfproof resume" in again.err, "it went on before anybody had looked"
    assert "cannot be trusted" in again.err
    assert cli.run("resume", "--json", "--at", folder).json["was_stopped"] is True


def test_controls_are_never_adopted_and_have_a_counter_of_their_own(life: Any, cli: Any) -> None:
    rows = cli.run("log", "--json", "--at", life.folder).json
    controls = [row for row in rows if row["origin"].startswith("control ")]
    assert {row["origin"] for row in controls} == {"control fake_gain", "control planted_gain", "control aa"}
    assert all(row["version"] is None for row in controls)
    status = cli.run("status", "--json", "--at", life.folder).json
    assert status["confirmations"]["memory"] == len(rows) - len(controls)
