"""``benchmarks/learner.py``: its tables, on rows made by hand, and its contestants without and with a jail."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from selfproof.nouns import SelfproofError, UsageError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench() -> Iterator[SimpleNamespace]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import learner
        import learner_rows
        import learner_search
        import learner_tuners

        yield SimpleNamespace(main=learner, rows=learner_rows, search=learner_search, tuners=learner_tuners)
    finally:
        sys.path.remove(str(BENCHMARKS))


def row(contestant: str, seed: int, report: list[float], better: str = "lower", **more: Any) -> dict[str, Any]:
    return {"subject": "memory", "contestant": contestant, "seed": seed, "better": better, "unit": "candidates",
            "budget": 10, "candidates": 10, "evaluations": 8.0, "cpu": 1.0, "found": f"rule {seed}",
            "report": report, **more}  # fmt: skip


def line_of(bench: SimpleNamespace, rows: list[dict[str, Any]], start: str) -> str:
    (found,) = [line for line in bench.rows.table(rows) if line.startswith(start)]
    return str(found)


def test_the_search_is_compared_seed_by_seed_on_the_same_samples(bench: SimpleNamespace) -> None:
    found = [row("search", s, [1.0 + 0.1 * s + 0.01 * j for j in range(6)]) for s in (1, 2, 3)]
    theirs = [row("human", s, [v * factor + 0.001 * (j % 2) for j, v in enumerate(found[s - 1]["report"])])
              for s, factor in ((1, 2.0), (2, 2.0), (3, 0.5))]  # fmt: skip
    line = line_of(bench, found + theirs, "| human")
    assert "0.4999 [0.4999, 1.9985]" in line, "the median of the ratios of the seeds, not the ratio of the medians"
    assert line.endswith("| 2, 1, 0 |"), "lower is better: two seeds won, one lost"
    turned = [{**r, "better": "higher"} for r in found + theirs]
    assert line_of(bench, turned, "| human").endswith("| 1, 2, 0 |")
    noise = [row("search", 1, [1.0, 1.2, 1.1]), row("human", 1, [1.1, 1.1, 1.1])]
    assert line_of(bench, noise, "| human").endswith("| 0, 0, 1 |"), "an interval that holds 0 is neither"


def test_what_failed_is_shown_and_counts_for_no_median(bench: SimpleNamespace) -> None:
    rows = [row("search", 1, [1.0, 1.0]), row("search", 2, [], broken="no valid answer"), row("human", 2, [2.0, 2.0])]
    assert line_of(bench, rows, "| search (1 failed) | 1 | 1.0000").count("|") == 6
    assert "failed: no valid answer" in "\n".join(bench.rows.table(rows))


def test_the_best_rule_is_told_with_how_many_it_was_chosen_from(bench: SimpleNamespace) -> None:
    rows = [row("search", s, [value, value]) for s, value in ((1, 2.0), (2, 1.0), (3, 3.0))]
    lines = "\n".join(bench.rows.table(rows))
    assert "Found, best of 3 by report score (seed 2, 1.0000)" in lines and "rule 2" in lines
    assert "Found, middle of 3 by report score (seed 1, 2.0000)" in lines


@pytest.mark.parametrize(("n", "low", "high", "sure"), [(5, 1, 5, 0.9375), (8, 1, 8, 0.9922), (9, 2, 8, 0.9609)])
def test_an_interval_for_a_median_covers_what_it_says(
    bench: SimpleNamespace, n: int, low: int, high: int, sure: float
) -> None:
    middle, least, most, covers = bench.rows.median_of([float(i) for i in range(n, 0, -1)])
    assert (middle, least, most) == ((n + 1) / 2, low, high) and covers == pytest.approx(sure, abs=1e-4)


def test_a_row_that_is_there_is_not_measured_again(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, asked = tmp_path / "rows.jsonl", list[str]()
    bench.rows.add(file, row("start", 1, [1.0, 1.0]))
    file.write_text(file.read_text() + '{"subject": "mem', "utf-8")  # killed while it wrote

    def contest(where: object, name: str, searched: dict[str, Any] | None) -> dict[str, Any]:
        asked.append(f"{name} after {searched and searched['cpu']}")
        return {k: v for k, v in row(name, 1, [1.0, 1.0]).items() if k in bench.rows.NEEDED[4:] and k != "budget"}

    class Nowhere:
        objective = SimpleNamespace(better="lower")

        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> Nowhere:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(bench.main, "contest", contest)
    monkeypatch.setattr(bench.main, "place", Nowhere)
    monkeypatch.setattr(bench.tuners, "optuna", None)
    given = bench.main.Given(file, 1, 0.0, 0.0, frozenset({"search", "start", "Optuna, human", "human, tuned"}))
    for _ in range(2):
        bench.main.measured(given, bench.search.SUBJECTS["memory"], 1)
    assert asked == ["search after None", "human, tuned after 1.0"], "once, the search first, without Optuna the rest"
    assert [r["contestant"] for r in bench.rows.loaded(file)] == ["start", "search", "human, tuned"]


def test_a_line_that_is_no_row_is_named(bench: SimpleNamespace, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"subject": "memory"}\n')
    with pytest.raises(UsageError, match="line 1 is no row: contestant"):
        bench.rows.loaded(file)


def test_a_wrong_contestant_and_missing_rows_are_told(bench: SimpleNamespace, tmp_path: Path) -> None:
    wrong = {"no contestant nobody": ["--contestant", "nobody"], "has no rows": ["--table", "x.jsonl"],
             "no folder": ["--only", "dispatch", "--contestant", "start", "--rows", "nowhere/x.jsonl"]}  # fmt: skip
    for told, words in wrong.items():
        with pytest.raises(UsageError, match=told):
            bench.main.work(bench.main.parsed(words))
    with pytest.raises(SystemExit):
        bench.main.parsed(["--only", "nothing"])


def test_the_pages_say_what_the_rows_say(bench: SimpleNamespace) -> None:
    kept = BENCHMARKS / "results" / "learner.jsonl"
    assert kept.stat().st_size < 200_000
    every = bench.main.known_rows(kept)
    pages = {path.name: path.read_text("utf-8") for path in sorted((BENCHMARKS.parent / "docs").glob("*.md"))}
    for subject in bench.rows.subjects(every):
        assert sum(f"<!-- learner {subject} -->" in page for page in pages.values()) == 1, subject
    for name, page in pages.items():
        assert bench.rows.written(page, every) == page, f"{name}: python benchmarks/learner.py --table FILE --write"


def test_a_script_that_fails_is_named_and_the_next_one_still_runs(
    bench: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all((BENCHMARKS / line.split()[0]).is_file() for lines in bench.main.SCRIPTS.values() for line in lines)
    ran = []

    def run(words: list[str], check: bool) -> SimpleNamespace:
        ran.append([*words[1:]])
        return SimpleNamespace(returncode=3 if "puzzles.py" in words[1] else 0)

    monkeypatch.setattr(bench.main.subprocess, "run", run)
    with pytest.raises(SelfproofError, match=r"lives: puzzles.py ended with exit code 3"):
        words = ["--only", "lives", "--only", "functions", "--rows", str(tmp_path / "a b" / "x.jsonl")]
        (tmp_path / "a b").mkdir()
        bench.main.work(bench.main.parsed(words))
    assert [Path(words[0]).name for words in ran] == ["puzzles.py", "functions.py"]
    assert ran[0][-1] == str(tmp_path / "a b" / "puzzles.jsonl"), "one word, spaces or not"


def test_report_samples_are_those_of_no_other_seed(bench: SimpleNamespace) -> None:
    seeds = {bench.search.report_seed(name, s) for name in ("memory", "training") for s in range(50)}
    assert len(seeds) == 100 and not seeds & {20_000, *range(1000)}


def test_constants_of_the_start_are_all_that_is_tuned(bench: SimpleNamespace) -> None:
    source = 'K = 3.0\n\n\ndef f(x):\n    """2.0"""\n    return 0.9 * x + 0.0 * x[1]\n\n\nM = {"batch": 8}\n'
    asked: dict[str, tuple[float, float]] = {}

    class Trial:
        def suggest_float(self, name: str, low: float, high: float, log: bool = False) -> float:
            asked[name] = (low, high)
            return low

        suggest_int = suggest_float

    some = bench.tuners.Constants(source, ["f"], {})
    assert some.suggest(Trial()) == source.replace("0.9", "0.999").replace("0.0 *", "-10.0 *")
    assert list(asked.values()) == [pytest.approx((0.001, 0.99)), (-10.0, 10.0)]
    every = bench.tuners.Constants(source, [], {"batch": (4, 9)})
    assert every.suggest(Trial()).startswith("K = 0.03\n") and '"batch": 4' in every.suggest(Trial())


@pytest.mark.slow  # a search, its control and people's rules in the jail: half a minute
def test_a_small_comparison_from_search_to_table(
    bench: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--only", "dispatch", "--seeds", "1", "--candidates", "1", "--rows", str(tmp_path / "rows.jsonl")]
    bench.main.work(bench.main.parsed(words))
    found = {r["contestant"]: r for r in bench.rows.loaded(tmp_path / "rows.jsonl")}
    assert {"search", "start", "constants only", "human, tuned"} <= set(found)
    assert {len(r["report"]) for r in found.values()} == {40}, "all on the same samples"
    mean = {name: sum(r["report"]) / 40 for name, r in found.items()}
    assert mean["start"] == pytest.approx(1.0) and mean["human, tuned"] < 0.5 and mean["search"] <= 1.0
    assert "### dispatch (lower is better)" in capsys.readouterr().out
    assert isinstance(bench.main.parsed(words), argparse.Namespace)
