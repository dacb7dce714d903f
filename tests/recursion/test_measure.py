"""The measure of ``benchmarks/recursion.py`` and its statistics, on rows made by hand."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from selfproof.jail import Pool

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def bench() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("recursion_benchmark", BENCHMARKS / "recursion.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(BENCHMARKS))


def row(bench: ModuleType, arm: str, key: str, at: int, family: str = "formula") -> dict[str, Any]:
    """An arm whose five curves all jump to the top at one evaluation."""
    curve = [0.0 if i + 1 < at else 1.0 for i in range(bench.EVALUATIONS)]
    counts = {"edits": 10, "valid": 9, "better": 3, "gains": 1, "failed": 0}
    return {"arm": arm, "family": family, "key": key, "curves": [curve] * 5, **counts}


def rows(bench: ModuleType, **at: int) -> list[dict[str, Any]]:
    return [
        row(bench, arm.replace("_", " "), str(task), place + task % 2)
        for task in range(20)
        for arm, place in at.items()
    ]


def test_the_ratio_is_that_of_the_evaluations_to_the_target(bench: Any) -> None:
    found = bench.compared(rows(bench, target=9, version_0=20, again=20, fast=10, never=bench.EVALUATIONS + 9))
    by = {one["arm"]: one for one in found}
    assert by["again"]["ratio"] == 1.0 and by["again"]["holm"] is None and by["again"]["interval"] == [1.0, 1.0]
    assert by["fast"]["ratio"] == pytest.approx(math.sqrt(20 / 10 * 21 / 11)) and by["fast"]["holm"] < 0.01
    twice = 2 * bench.EVALUATIONS
    assert by["never"]["ratio"] == pytest.approx(math.sqrt(20 / twice * 21 / twice)), "not reached counts as twice all"
    assert by["fast"]["wins"] == 20 and by["never"]["losses"] == 20


def test_tasks_without_a_target_and_without_all_arms_are_left_out(bench: Any) -> None:
    late = bench.EVALUATIONS // 2 + 1
    some = rows(bench, target=9, version_0=20, again=20, fast=10)
    some += [row(bench, arm, "late", late) for arm in ("target", "version 0", "again", "fast")]
    some += [row(bench, "target", "half", 3)]
    found = bench.compared(some)[0]
    assert (found["tasks"], found["left_out"]) == (20, 1)


def test_holm_adjusts_for_all_variants_that_were_listed(bench: Any) -> None:
    assert bench.holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert bench.holm({"a": 0.01}, 11)["a"] == pytest.approx(0.11)


def test_every_variant_improves_in_the_jail(bench: Any) -> None:
    variants = sys.modules["recursion_variants"]
    source = variants.original()
    with Pool(1) as pool:
        work = [("schedule", "test", seed) for seed in range(2)]
        logs = [log for one in bench.searched(pool, source, work, 24) for log in one.logs]
        composing = variants.composing(source)
        ranked = variants.ranker(composing, logs, rounds=3)
        rule = "def rule(w, p, d, s, m):\n    return w / p\n"
        made = {
            "prior": variants.prior(source, logs), "bandit": variants.bandit(source), "greedy": variants.greedy(source),
            "natural": variants.natural(source, [rule]), "library": variants.library(ranked, [(rule, 1.0)]),
        }  # fmt: skip
        jobs = [(text, "schedule", "test", 5) for text in made.values()]
        found = dict(zip(made, bench.answers(pool, jobs, 16), strict=True))
    for name, search in found.items():
        assert "failed" not in search.counts and search.counts["valid"] > 8, name
    assert "w / p" in found["library"].known["1"].source, "the known rule comes first"
    assert np.isfinite(found["prior"].curve).all()
