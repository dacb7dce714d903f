"""Lives of the training templates, through the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("template", ["training", "training-adam"])
def test_both_starts_are_offered_by_name(cli: Any, tmp_path: Path, template: str) -> None:
    folder = tmp_path / "life"
    done = cli.run("init", folder, "--template", template)
    assert done.code == 0 and done.out.startswith(f"{template} ")
    program = {path.name for path in (folder / "program").iterdir() if path.suffix == ".py"}
    assert program == {"rule.py", "training.py", "training_edits.py"} and (folder / "tasks" / "training.py").is_file()
    assert ("np.sqrt(v" in (folder / "program" / "rule.py").read_text()) == (template == "training-adam")


@pytest.mark.slow
def test_a_gain_over_naive_training_is_certified_in_the_real_jail(cli: Any, tmp_path: Path) -> None:
    folder = tmp_path / "life"
    assert cli.run("init", folder, "--template", "training", "--seed", "1").code == 0
    done = cli.run("run", "--at", folder, "--minutes", "6", "--until-certified", "1", "--json", timeout=600)
    assert done.code == 0, done.err
    summary = done.events[-1]
    (row,) = summary["objectives"]
    assert summary["certified"] == 1 and summary["ledger"]["verified"] is True
    assert row["gain"]["interval"][0] > 0.0 and row["now"] < row["start"] - 0.2
    assert {name["name"] for name in row["humans"]} == {"SGD with momentum", "Adam"}
    assert row["human_evaluations"] == 300
