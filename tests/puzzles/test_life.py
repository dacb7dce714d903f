"""A short life of the puzzles in the real jail, through the command line, with one objective each and small blocks."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from selfproof.operators import OPERATORS

BEFORE = {"game24": ("policy.py", "0.0 * n"), "dispatch": ("dispatch.py", "0.0 * w")}


def alone(folder: Path, name: str) -> Path:
    """The template before its birth, with one objective and blocks a quarter as large as they are shipped."""
    with resources.as_file(resources.files("selfproof") / "templates" / "puzzles") as real:
        shutil.copytree(real, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head, *objectives = (folder / "charter.toml").read_text().split("[[objective]]")
    last, mark, tail = objectives[-1].partition("[certify]")
    objectives[-1] = last
    kept = next(text for text in objectives if f'name = "{name}"' in text)
    (folder / "charter.toml").write_text(f"{head}[[objective]]{kept}{mark}{tail}")
    for path, size in {"game24.py": "HANDS = 64", "shop.py": "INSTANCES = 24"}.items():
        text = (folder / "tasks" / path).read_text()
        assert size in text
        number = int(size.split()[-1])
        (folder / "tasks" / path).write_text(text.replace(size, f"{size.split()[0]} = {number // 4}"))
    return folder


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in BEFORE])
def test_a_gain_is_certified_in_the_real_jail(cli: Any, tmp_path: Path, name: str) -> None:
    folder = alone(tmp_path / name, name)
    done = cli.run(
        "run", "--at", folder, "--seed", "1", "--minutes", "3", "--until-certified", "1", "--json", timeout=300
    )
    assert done.code == 0, done.err
    summary = done.events[-1]
    row = summary["objectives"][0]
    assert summary["certified"] == 1 and summary["ledger"]["verified"] is True
    sign = 1.0 if row["better"] == "higher" else -1.0
    assert row["gain"]["interval"][0] > 0.0 and sign * (row["now"] - row["start"]) > 0.05
    expected = {"fake_gain": "refused", "planted_gain": "certified", "aa": "refused"}
    assert all(answer in {expected[control], "not_run"} for control, answer in summary["controls"].items())
    assert summary["controls"]["planted_gain"] == "certified" and summary["controls"]["aa"] == "refused"
    path, start = BEFORE[name]
    assert start not in (folder / "program" / path).read_text(), "the rule itself was rewritten"
    rows = json.loads(cli.run("log", "--json", "--at", folder).out)
    (change,) = [row for row in rows if row["version"] == 1]
    assert change["origin"] in {*OPERATORS, "crossover"} and change["interval"][0] > 0.0


def test_the_template_is_offered_by_name(cli: Any, tmp_path: Path) -> None:
    done = cli.run("init", tmp_path / "life", "--template", "puzzles")
    assert (
        done.code == 0 and done.out.startswith("puzzles ") and (tmp_path / "life" / "program" / "policy.py").is_file()
    )
    charter = (tmp_path / "life" / "charter.toml").read_text()
    assert charter.count("[[objective]]") == 2 and "models = []" in charter
