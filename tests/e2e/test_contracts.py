"""What scripts rely on: the fields, types and exit codes of every ``--json`` answer (docs/design.md, contracts)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selfproof.archive.tree import tree_hash
from selfproof.templates.apprentice.tasks.language import Language


def test_the_summary_is_the_last_line_and_has_its_fields(life: Any) -> None:
    summary = life.summary
    assert all(isinstance(event["event"], str) for event in life.events)
    assert [e["event"] for e in life.events].count("summary") == 1 and summary["event"] == "summary"
    assert isinstance(summary["seconds"], float) and isinstance(summary["trials"], int)
    assert summary["certified"] == sum(e["event"] == "decision" and e["verdict"] == "adopted" for e in life.events)
    assert set(summary["controls"]) == {"fake_gain", "planted_gain", "aa"}
    assert summary["alpha"]["total"] == 0.05 and 0 < summary["alpha"]["spent"] < 0.05
    ledger = summary["ledger"]
    assert ledger["verified"] is True and ledger["entries"] > 20 and len(bytes.fromhex(ledger["root"])) == 32


def test_each_objective_has_its_row(life: Any) -> None:
    row = life.memory
    assert (row["metric"], row["better"]) == ("bits_per_char", "lower")
    assert row["interval"][0] <= row["now"] <= row["interval"][1]
    assert isinstance(row["best_human"]["name"], str) and row["best_human"]["value"] > 0
    assert "constants_only" in row
    for other in row["transfer"]:
        assert {"corpus", "start", "now", "interval"} <= set(other)
        assert other["interval"][0] <= other["now"] <= other["interval"][1]


def test_the_controls_came_out_as_they_must(life: Any) -> None:
    assert life.summary["controls"] == {"fake_gain": "refused", "planted_gain": "certified", "aa": "refused"}
    words = {e["name"]: e["why"] for e in life.events if e["event"] == "control"}
    assert "worse on average" in words["fake_gain"]


def test_the_memory_got_better(life: Any) -> None:
    """Loose on purpose, for slow machines; benchmarks/acceptance.py has the bounds that count."""
    row = life.memory
    assert row["start"] / row["now"] >= 1.5
    assert row["gain"]["interval"][0] > 0
    assert isinstance(row["transfers"], str) and row["transfers"]


def test_log_is_a_list_newest_first(life: Any, cli: Any) -> None:
    done = cli.run("log", "--json", "--at", life.folder)
    rows = done.json
    assert done.code == 0 and [r["id"] for r in rows] == sorted((r["id"] for r in rows), reverse=True)
    wanted = {
        "id",
        "version",
        "verdict",
        "objective",
        "title",
        "effect",
        "interval",
        "pairs",
        "alpha_k",
        "tier",
        "origin",
    }
    assert all(wanted <= set(row) for row in rows)
    certified = [row for row in rows if row["verdict"] == "certified"]
    assert len(certified) == life.summary["certified"] >= 2
    for row in certified:
        assert row["interval"][0] <= row["effect"] <= row["interval"][1] and 0 < row["alpha_k"] < 0.05
    assert len(cli.run("log", "-n", "1", "--json", "--at", life.folder).json) == 1


def test_status_agrees_with_the_summary(life: Any, cli: Any) -> None:
    status = cli.run("status", "--json", "--at", life.folder).json
    summary = life.summary
    assert status["version"] == summary["version"] and status["certified"] == summary["certified"]
    assert status["refused"] == summary["refused"] and status["entries"] == summary["ledger"]["entries"]
    assert status["alpha"] == summary["alpha"] and status["stopped"] is False and status["open"] == []


def test_show_has_the_diff_and_the_certificate(life: Any, cli: Any) -> None:
    first = cli.run("log", "--json", "--at", life.folder).json[-1]
    shown = cli.run("show", first["id"], "--json", "--at", life.folder).json
    assert shown["diff"].startswith("--- a/memory.py") and shown["certificate"]["k"] == 1
    assert shown["certificate"]["log_wealth"] >= shown["certificate"]["log_threshold"]
    assert cli.run("show", "v1", "--json", "--at", life.folder).json["id"] == first["id"]
    assert "Certificate" in cli.run("show", "v1", "--at", life.folder).out


def test_verify_says_ok_with_the_summarys_root(life: Any, cli: Any) -> None:
    done = cli.run("verify", "--json", "--at", life.folder)
    assert done.code == 0
    assert {k: done.json[k] for k in ("ok", "entries", "root", "first_bad")} == {
        "ok": True, "entries": life.summary["ledger"]["entries"], "root": life.summary["ledger"]["root"],
        "first_bad": None,
    }  # fmt: skip


@pytest.mark.parametrize("on", ["report", "file"])
def test_compare_has_a_paired_interval(life: Any, cli: Any, tmp_path: Path, on: str) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("The quick brown fox jumps over the lazy dog, and then it comes back for more.\n" * 20)
    target = str(text) if on == "file" else on
    done = cli.run("compare", "start", "now", "--on", target, "--json", "--seed", 3, "--at", life.folder)
    row = done.json
    assert done.code == 0 and (row["metric"], row["better_is"]) == ("bits_per_char", "lower")
    assert row["difference"] == pytest.approx(row["b"] - row["a"])
    assert row["interval"][0] <= row["difference"] <= row["interval"][1] < 0 and row["better"] == "b"


@pytest.mark.slow
def test_compare_repeats_with_its_seed_and_finds_no_difference_in_none(life: Any, cli: Any) -> None:
    words = ("compare", "start", "now", "--on", "explore", "--json", "--seed", 3, "--at", life.folder)
    assert cli.run(*words).json == cli.run(*words).json
    same = cli.run("compare", "now", "now", "--on", "explore", "--json", "--at", life.folder).json
    assert same["difference"] == 0 and same["better"] == "neither"


def test_compare_is_paired_block_by_block(life: Any, cli: Any) -> None:
    """The same numbers from the task, the two programs and Student's interval, without the product's comparison."""
    task, blocks = Language(), []
    folder = life.folder / "program"
    first = git(folder, "rev-list", "--max-parents=0", "HEAD").strip()
    programs: list[dict[str, Any]] = [{}, {}]
    for namespace, source in zip(
        programs, (git(folder, "show", f"{first}:memory.py"), texts(folder)["memory.py"]), strict=True
    ):
        exec(source, namespace)
    for sample in task.samples("explore", 3, 40):
        start, now = (np.mean(task.draws(sample, program["predict"](sample.value))) for program in programs)
        blocks.append(now - start)
    half = 2.0227 * np.std(blocks, ddof=1) / np.sqrt(40)
    row = cli.run("compare", "start", "now", "--on", "explore", "--json", "--seed", 3, "--at", life.folder).json
    assert row["difference"] == pytest.approx(np.mean(blocks), abs=1e-4)
    assert row["interval"] == pytest.approx([np.mean(blocks) - half, np.mean(blocks) + half], abs=1e-4)


def test_compare_takes_numbers_and_commits(life: Any, cli: Any) -> None:
    commit = subprocess.check_output(["git", "-C", life.folder / "program", "rev-parse", "HEAD"], text=True).strip()
    row = cli.run("compare", "0", commit, "--on", "explore", "--json", "--at", life.folder).json
    assert row["better"] == "b"


def test_diff_and_export_agree(life: Any, cli: Any) -> None:
    diff = cli.run("diff", "--json", "--at", life.folder).json
    export = cli.run("export", "--json", "--at", life.folder).json
    assert diff["a"] == export["a"] == 0 and diff["b"] == export["b"] == life.summary["version"]
    assert diff["diff"] == export["patch"] != ""
    assert cli.run("diff", "now", "now", "--json", "--at", life.folder).json["diff"] == ""


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout


def texts(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*.py")}


def test_the_exported_patch_applies_to_the_start_and_gives_the_program(life: Any, cli: Any, tmp_path: Path) -> None:
    work = tmp_path / "start"
    git(tmp_path, "clone", "--quiet", str(life.folder / "program"), str(work))
    first = git(work, "rev-list", "--max-parents=0", "HEAD").strip()
    git(work, "checkout", "--quiet", first)
    patch = tmp_path / "better.patch"
    assert cli.run("export", "-o", patch, "--at", life.folder).code == 0
    git(work, "apply", "--check", str(patch))
    git(work, "apply", str(patch))
    assert texts(work) == texts(life.folder / "program")


def test_every_version_is_a_commit_with_its_evidence(life: Any, cli: Any) -> None:
    tree = life.folder / "program"
    messages = git(tree, "log", "--format=%s%n%b%x00", "--reverse").strip("\0\n").split("\0")
    assert len(messages) == life.summary["version"] + 1 and git(tree, "status", "--porcelain") == ""
    for number, message in enumerate(messages[1:], start=1):
        assert message.strip().startswith(f"version {number}: ") and "alpha_k = " in message and "ln W = " in message
    now = cli.run("status", "--json", "--at", life.folder).json
    assert now["tree"] == tree_hash(texts(tree))


def test_charter_and_its_fields(life: Any, cli: Any) -> None:
    assert cli.run("charter", "--json", "--at", life.folder).json["ok"] is True
    rows = cli.run("charter", "--explain", "--json", "--at", life.folder).json
    assert {"field", "default", "meaning"} == set(rows[0])


def test_reading_commands_leave_no_trace(life: Any, cli: Any) -> None:
    before = {p: p.stat().st_mtime_ns for p in sorted(life.folder.rglob("*")) if p.is_file() and ".git" not in p.parts}
    for words in (["status"], ["log"], ["show", "v1"], ["diff"], ["verify"], ["charter"], ["export"]):
        assert cli.run(*words, "--at", life.folder).code == 0
    after = {p: p.stat().st_mtime_ns for p in sorted(life.folder.rglob("*")) if p.is_file() and ".git" not in p.parts}
    assert after == before


def test_init_makes_a_program_that_can_be_inspected_at_once(cli: Any, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    done = cli.run("init", folder, "--seed", 4, "--json")
    assert done.code == 0 and done.json["event"] == "init" and len(done.json["program"]) == 16
    status = cli.run("status", "--json", "--at", folder).json
    assert (status["version"], status["certified"], status["entries"]) == (0, 0, 2)
    assert cli.run("log", "--json", "--at", folder).json == []
    assert cli.run("verify", "--json", "--at", folder).json["ok"] is True
    assert (folder / ".selfproof" / "key").stat().st_mode & 0o077 == 0
