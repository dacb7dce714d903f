"""``selfproof simulate``: the contract of --json, what a person sees, worlds from files and what is wrong with them."""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from selfproof.cli import main
from selfproof.nouns import UsageError
from selfproof.simulate import files
from selfproof.simulate.runner import Plan, report, simulate

WORLD = """
name = "mine"
[noise]
kind = "heavy"
sd = 0.1
[[group]]
share = 3
[[group]]
share = 1
effect = [0.5, 1]
"""
DRAWS = """
margin = 0.1
span = 2
[noise]
kind = "draws"
values = [0.1, -1]
chances = [0.95, 0.05]
block = 8
"""


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["simulate", *words])
    out, err = capsys.readouterr()
    code = end.value.code
    assert isinstance(code, int)
    return code, out, err


def test_the_json_contract(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(
        capsys, "--world", "mixed", "--candidates", "300", "--worlds", "4", "--seed", "3", "--json"
    )  # fmt: skip
    row = json.loads(out)
    assert (code, err) == (0, "")
    assert (row["world"], row["gate"], row["candidates"], row["worlds"]) == ("mixed", "race", 300, 4)
    assert set(row["any_false"]) == {"rate", "upper95"}
    assert row["any_false"]["rate"] <= row["any_false"]["upper95"] <= 1
    assert row["adopted"] >= row["true"] > 0 == row["harmful"]
    assert row["runs_per_true_adoption"] == pytest.approx(row["runs"] / row["true"])
    low, high = row["intervals"]["gain_per_10k_runs"]
    assert low < row["gain_per_10k_runs"] < high


def test_the_same_seed_gives_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--candidates", "200", "--worlds", "3", "--seed", "7", "--json")
    assert said(capsys, *words) == said(capsys, *words)


def test_a_person_reads_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = said(capsys, "--world", "null", "--gate", "greedy", "--candidates", "50", "--worlds", "3")
    assert (code, err) == (0, "")
    assert "in 100.0% of the worlds" in out
    assert "0.00 are better" in out
    assert "--seed" in out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--world", "flat"], "no world is called 'flat'"),
        (["--world", "skewed:3%"], "no skewed world"),
        (["--gate", "luck"], "no gate is called 'luck'"),
        (["--family", "X"], "no family is called 'X'"),
        (["--preset", "fat"], "no preset is called 'fat'"),
        (["--player", "sleeps"], "no player is called 'sleeps'"),
        (["--player", "grinds", "--gate", "ttest"], "a player plays against the gate race"),
        (["--world", "nowhere.toml"], "cannot be read"),
        (["--worlds", "0"], "--worlds"),
    ],
)
def test_wrong_names_are_errors_of_usage(capsys: pytest.CaptureFixture[str], words: list[str], complaint: str) -> None:
    code, out, err = said(capsys, *words)
    assert (code, out) == (2, "")
    assert complaint in err
    assert "Traceback" not in err


def test_a_world_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "mine.toml"
    place.write_text(WORLD)
    code, out, _ = said(capsys, "--world", str(place), "--candidates", "200", "--worlds", "3", "--json")
    row = json.loads(out)
    assert (code, row["world"]) == (0, "mine")
    assert row["true"] > 10  # a quarter is clearly better


def test_a_world_of_measured_draws_asks_for_the_second_bet(tmp_path: Path) -> None:
    place = tmp_path / "draws.toml"
    place.write_text(DRAWS)
    world = files.load(place)
    assert (world.name, world.margin, world.span) == ("draws", 0.1, 2.0)
    plan = Plan(world, candidates=20, worlds=2)
    assert report(plan, simulate(plan, processes=1))["true"] > 0  # mean +.045 for each draw
    assert world.groups[0].low == pytest.approx(0.045)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("sd = 0.1", "ds = 0.1", "unknown key 'ds' in [noise] of kind heavy"),
        ("share = 3", "shre = 3", "unknown key 'shre' in [[group]] 1"),
        ('name = "mine"', 'nmae = "mine"', "unknown key 'nmae' in the world"),
        ('"heavy"', '"loud"', "[noise] kind is 'loud'"),
        ("sd = 0.1", "sd = nan", "sd must be a number"),
        ("sd = 0.1", "sd = true", "sd must be a number"),
        ("sd = 0.1", "sd = -1", "sd must be a number"),
        ("share = 3", "", "lacks 'share'"),
        ("share = 3", "share = -1", "share must be a number"),
        ("[0.5, 1]", "[-0.5, 1]", "log-uniform range"),
        ("[0.5, 1]", "[0.5]", "must be a number or a range"),
        ("[0.5, 1]", '"big"', "must be a number or a range"),
        ("[[group]]", "[group]", "toml"),
        ('name = "mine"', "name = 3", "name must be a text"),
        ('name = "mine"', "margin = 0.1", "margin asks for the second bet"),
        ("[noise]", "[noise", "mine.toml"),
    ],
)
def test_what_is_wrong_with_a_world_is_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    place = tmp_path / "mine.toml"
    assert old in WORLD
    place.write_text(WORLD.replace(old, new))
    with pytest.raises(UsageError) as error:
        files.load(place)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[0.95, 0.05]", "[0.95, 0.15]", "with the sum 1"),
        ("[0.95, 0.05]", "[0.95]", "one for each value"),
        ("[0.1, -1]", "[0.1, -5]", "outside the span"),
        ("[0.1, -1]", "[0.1, inf]", "finite numbers"),
        ("[0.1, -1]", "[]", "list of 1"),
        ("margin = 0.1", "margin = 3", "margin must be a number"),
        ("block = 8", "block = 8\n[[group]]\nshare = 1", "there are no groups"),
        ("block = 8", "block = 0", "block must be a number"),
    ],
)
def test_what_is_wrong_with_draws_is_named(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    place = tmp_path / "draws.toml"
    assert old in DRAWS
    place.write_text(DRAWS.replace(old, new))
    with pytest.raises(UsageError) as error:
        files.load(place)
    assert complaint in str(error.value)


def test_measured_differences_are_centred(tmp_path: Path) -> None:
    import numpy as np

    place = tmp_path / "mine.toml"
    place.write_text(f"[noise]\nkind = 'measured'\ndifferences = {[5.0, 5.1, 4.9, 5.3] * 3}\n[[group]]\nshare = 1\n")
    drawn = files.load(place).noise.draw(np.random.default_rng(1), np.zeros((1, 1)), 50_000)
    assert math.isclose(float(drawn.mean()), 0.0, abs_tol=0.01)


def test_ctrl_c_ends_it_at_once_and_leaves_no_process() -> None:
    words = [sys.executable, "-m", "selfproof", "simulate", "--worlds", "100000", "--candidates", "2000"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    group = os.getpgid(running.pid)
    at_work = time.monotonic() + 10
    while len(_members(group)) < 3 and time.monotonic() < at_work:  # two of its processes at least are there
        time.sleep(0.05)
    os.killpg(group, signal.SIGINT)
    try:
        out, err = running.communicate(timeout=20)
        assert running.returncode == 130
        assert out == ""
        assert "Traceback" not in err
        until = time.monotonic() + 10
        while _is_there(group) and time.monotonic() < until:
            time.sleep(0.05)
        assert not _is_there(group)
    finally:
        if _is_there(group):
            os.killpg(group, signal.SIGKILL)
            running.communicate()


def _members(group: int) -> list[int]:
    """Processes of a group; those that go away meanwhile may be left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(folder.name)) == group:
                found.append(int(folder.name))
    return found


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
