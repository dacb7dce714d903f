"""Calls as they were: taken before the call, each once, from every process; and what could not be kept is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from selfproof.nouns import UsageError
from selfproof.projects import recording
from selfproof.projects.recording import command_line, default_command, record

MODULE = """
def grow(items, by=1, **more):
    items.append(by)
    return items


def down(n):
    return 0 if n == 0 else down(n - 1)


class Box:
    @staticmethod
    def size(x):
        return x

    @classmethod
    def make(cls, x):
        return cls()


KEPT = grow
"""


def ran(folder: Path, script: str, function: str = "grow") -> recording.Recorded:
    (folder / "mod.py").write_text(MODULE)
    (folder / "use.py").write_text(script)
    return record(folder, "mod", function, "use.py")


def test_arguments_are_kept_as_they_were_before_the_call(tmp_path: Path) -> None:
    found = ran(tmp_path, "from mod import grow\nrow = [1]\ngrow(row, 2)\ngrow(items=[5], by=7)\ngrow([1], 2)\n")
    assert found.calls == [[([1], 2), {}], [([5], 7), {}]]  # keywords by their position, the same call once
    assert found.plain == [True, True] and found.met == 3 and not found.failed


def test_keywords_without_a_position_and_objects_are_told_apart(tmp_path: Path) -> None:
    found = ran(tmp_path, "import mod, decimal\nmod.grow([1], colour='red')\nmod.grow([], decimal.Decimal('1.5'))\n")
    assert found.plain == [False, False]
    assert found.calls[0] == [([1],), {"colour": "red"}]
    assert found.calls[1] == [([], ("$call", "decimal:Decimal", ("1.5",))), {}]


def test_what_cannot_be_kept_is_counted_with_its_reason(tmp_path: Path) -> None:
    found = ran(tmp_path, "import mod\nfor _ in range(3):\n    mod.grow([], lambda: 1)\nmod.grow([], 'x' * 300_000)\n")
    assert not found.calls and found.met == 4
    assert set(found.refused.values()) == {3, 1}
    assert any("too large" in reason for reason in found.refused)


def test_only_calls_from_outside_are_kept(tmp_path: Path) -> None:
    found = ran(tmp_path, "import mod\nmod.down(5)\n", "down")
    assert found.calls == [[(5,), {}]] and found.met == 1


def test_static_and_class_methods(tmp_path: Path) -> None:
    script = "from mod import Box\nBox.size(3)\nBox.make(4)\n"
    assert ran(tmp_path, script, "Box.size").calls == [[(3,), {}]]
    assert ran(tmp_path, script, "Box.make").calls == [[(("$name", "mod:Box"), 4), {}]]


def test_other_processes_a_hard_end_and_a_failure(tmp_path: Path) -> None:
    script = (
        "import mod, multiprocessing, os, subprocess, sys, time\n"
        "subprocess.run([sys.executable, '-c', 'import mod; mod.grow([1])'])\n"
        "child = multiprocessing.get_context('fork').Process(target=mod.grow, args=([2],))\n"
        "child.start(); child.join()\n"
        "mod.grow([3]); time.sleep(1.1); mod.grow([4]); os._exit(3)\n"
    )
    found = ran(tmp_path, script)
    assert {tuple(call[0][0]) for call in found.calls} >= {(1,), (3,)}
    assert found.failed.startswith("exit 3")


def test_the_sample_is_bounded_and_even(tmp_path: Path) -> None:
    found = ran(tmp_path, "import mod\nfor n in range(20_000):\n    mod.grow([n])\n")
    numbers = sorted(call[0][0][0] for call in found.calls)
    assert len(numbers) == recording.KEEP and found.met == 20_000
    assert 3000 < numbers[len(numbers) // 2] < 16_000 and numbers[-1] > 15_000


def test_the_users_own_sitecustomize_still_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins\nbuiltins.theirs = 5\n")
    monkeypatch.setenv("PYTHONPATH", str(own))
    assert ran(tmp_path, "import mod\nmod.grow([theirs])\n").calls == [[([5],), {}]]


def test_the_project_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    ran(
        tmp_path,
        "import mod\nassert mod.KEPT is not None and mod.grow.__name__ == 'grow'\nassert mod.grow([1]) == [1, 1]\n",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mod.py", "use.py"]


def test_commands(tmp_path: Path) -> None:
    assert command_line("pytest -q x")[1:] == ["-m", "pytest", "-q", "x"]
    assert command_line("a.py 'b c'")[1:] == ["a.py", "b c"] and command_line("make bench") == ["make", "bench"]
    assert default_command(tmp_path) is None
    (tmp_path / "tests").mkdir()
    assert default_command(tmp_path) == "pytest -q tests"
    for bad in ("", "  "):
        with pytest.raises(UsageError):
            command_line(bad)
    with pytest.raises(UsageError, match="cannot run"):
        record(tmp_path, "mod", "grow", "no-such-program-anywhere")
    (tmp_path / "use.py").write_text("import time\ntime.sleep(60)\n")
    assert "longer than" in record(tmp_path, "mod", "grow", "use.py", 0.5).failed
