"""`selfproof run --target self` as a person meets it: made once, gone on with, handed over, and never applied."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import selfproof
from selfproof import own
from selfproof.own import spots

ROOT = Path(selfproof.__file__).parent
PLACE = "operators.expressions:normal_form"
USE = """
from selfproof.operators import expressions
for number in range(40):
    lines = "\\n".join(f"    x{i} = a + {i * number} * (b - {i})" for i in range(12 + number % 5))
    expressions.normal_form(f"def f{number}(a, b):\\n{lines}\\n    return x3\\n")
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of one function, its calls recorded while a short script runs."""
    home = tmp_path_factory.mktemp("own")
    (home / "use.py").write_text(USE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spots, "command", lambda folder, seconds: f"{sys.executable} {home / 'use.py'}")
        own.make(home / "self", own.Options((PLACE,), seed=1))
    return home


def test_the_program_holds_copies_and_proposes(made: Path) -> None:
    charter = tomllib.loads((made / "self" / "charter.toml").read_text())
    assert charter["autonomy"]["level"] == "propose"
    assert charter["program"]["editable"] == ["copied_operators_expressions/operators/expressions.py"]
    origin = json.loads((made / "self" / "origin.json").read_text())
    (original,) = origin["files"].values()
    assert origin["form"] == "self" and original["path"].endswith("operators/expressions.py") and original["grafted"]


def test_nothing_is_applied_and_another_target_needs_another_folder(made: Path, cli: Any) -> None:
    applied = cli.run("export", "--apply", "--at", made / "self")
    assert applied.code == 2 and "propose" in applied.err and "git apply" in applied.err
    again = cli.run("run", "--target", f"self:{PLACE}", "--at", made / "self")
    assert again.code == 2 and "has its functions already" in again.err


def test_a_folder_of_another_program_is_left_alone(made: Path, cli: Any, tmp_path: Path) -> None:
    other = Path(shutil.copytree(made / "self", tmp_path / "other", symlinks=True))
    (other / "origin.json").unlink()
    for words in (("--target", "self"), ()):
        done = cli.run("run", *words, "--at", other)
        assert done.code == 2, done.err
        assert "holds another living program" in done.err if words else 'autonomy is "propose"' in done.err


@pytest.mark.parametrize("target", ["self:jail.values:encode", "self:certify.betting:bet", "me", "self:nowhere:f"])
def test_a_target_that_cannot_be_is_said_before_anything_runs(target: str, cli: Any, tmp_path: Path) -> None:
    done = cli.run("run", "--target", target, "--at", tmp_path / "self")
    assert done.code == 2 and "recording" not in done.err and not (tmp_path / "self").exists()
    assert ("trusted core" in done.err) == target.startswith(("self:jail", "self:certify"))


@pytest.mark.slow
def test_a_slow_function_of_a_checkout_becomes_a_patch_with_its_certificate(tmp_path: Path) -> None:
    """In a copy of the package one function is slowed down; what is certified is a patch for `git apply`."""
    shutil.copytree(ROOT, tmp_path / "src" / "selfproof", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "selfproof"\nversion = "0"\n')
    slowed = tmp_path / "src/selfproof/operators/constants.py"
    text = slowed.read_text() + SLOW
    slowed.write_text(text)
    (tmp_path / ".gitignore").write_text("self/\n__pycache__/\n")
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    (tmp_path / "make.py").write_text(MAKE)
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
    subprocess.run([sys.executable, "make.py"], cwd=tmp_path, env=env, check=True)
    command = [sys.executable, "-m", "selfproof"]
    words = ["run", "--target", "self", "--minutes", "2", "--until-certified", "1", "--seed", "1", "--fail-if-none"]
    subprocess.run([*command, *words], cwd=tmp_path, env=env, check=True)  # goes on with what is in ./self
    verified = subprocess.run([*command, "verify", "--at", "self"], cwd=tmp_path, env=env, check=False)
    assert verified.returncode == 0, "an adoption at the level `propose` is one that the charter allows"
    patch = subprocess.run([*command, "export", "--at", "self"], cwd=tmp_path, env=env, check=True, capture_output=True)
    assert slowed.read_text() == text, "the package stays as it is"
    told = patch.stdout.decode()
    assert told.startswith("# ") and "Certified by selfproof" in told
    assert "+++ b/src/selfproof/operators/constants.py" in told and "copied_" not in told
    (tmp_path / "better.patch").write_text(told)
    subprocess.run(["git", "-C", str(tmp_path), "apply", "better.patch"], check=True)
    assert slowed.read_text() != text


SLOW = '''

def unknown_items(orders, catalogue):
    """Items that were ordered but are in no catalogue."""
    missing = []
    for order in orders:
        for item in order:
            if item not in catalogue and item not in missing:
                missing.append(item)
    return missing
'''
MAKE = """
from selfproof import own
from selfproof.own import spots
from pathlib import Path

Path("use.py").write_text('''
import random
from selfproof.operators import constants
for seed in range(12):
    rng = random.Random(seed)
    catalogue = [f"item-{number}" for number in rng.sample(range(2000), 700)]
    constants.unknown_items([[f"item-{rng.randrange(2000)}" for _ in range(5)] for _ in range(60)], catalogue)
''')
spots.command = lambda folder, seconds: "python use.py"
own.make(Path("self"), own.Options(("operators.constants:unknown_items",), seed=1), print)
"""
