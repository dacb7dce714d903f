"""``--tests`` and ``--benchmark``: a user's tests as a guard, their benchmarks as an objective."""

from __future__ import annotations

import importlib.util
import tomllib
from pathlib import Path
from typing import Any

import pytest

from selfproof import birth, life, line
from selfproof.audit import audit
from selfproof.domains.base import Finalist
from selfproof.domains.slow import Slow
from selfproof.jail import Pool
from selfproof.loop import domains_of
from selfproof.nouns import Edit, SelfproofError, UsageError
from selfproof.projects import benchmark, command, suite
from selfproof.projects.command import Options

TRAIN = "import model\nprint('loss:', model.loss(0.5))\n"
MODEL = "RATE = 0.5\ndef loss(x):\n    return (x - 0.1) ** 2 + RATE\ndef half(x):\n    return x / 2\n"
TESTS = """
import unittest
from model import half
class Halves(unittest.TestCase):
    def test_half(self): self.assertEqual(half(4), 2)
    def test_zero(self): self.assertEqual(half(0), 0)
    def test_wrong(self): self.assertEqual(half(1), 7)
"""
RUN = "python -m unittest -q test_model"
BENCH = """
from model import loss, half
def test_loss(benchmark): benchmark(loss, 2.0)
def test_half(benchmark): assert benchmark(half, 2.0) == 1.0
"""


def project(folder: Path, **other: str) -> Path:
    folder.mkdir()
    for name, text in ({"train.py": TRAIN, "model.py": MODEL, "test_model.py": TESTS} | other).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_tests_are_run_twice_and_become_a_guard(tmp_path: Path, pool: Pool) -> None:
    home = project(tmp_path / "ml")
    done = command.make(home, home / "living", Options("python train.py", "loss", edit=("model.py",), tests=RUN))
    assert f"guard: `{RUN}` passes 2 tests, twice" in "\n".join(done.told)
    (guard,) = tomllib.loads((done.folder / "charter.toml").read_text())["guard"]
    assert guard["entry"] == "selfproof_runner.py:run" and guard["allow"] == ["subprocesses", "scratch:256"]
    assert "PASSING = 2  #" in (done.folder / "tasks" / "suite.py").read_text()


def test_tests_that_do_not_repeat_do_not_run_or_may_change_are_refused(tmp_path: Path, pool: Pool) -> None:
    def refused(home: Path, error: type[SelfproofError], **options: Any) -> str:
        values = {"command": "python train.py", "metric": "loss", "edit": ("model.py",), "tests": RUN} | options
        with pytest.raises(error) as said:
            command.make(home, home / "living", Options(**values))
        assert not (home / "living").exists()
        return f"{said.value} {said.value.advice()}"

    says = "import random, sys\nlost = random.SystemRandom().randrange(10**6)\n"
    says += "print(f'Ran 9999999 tests in 0.1s\\n\\nFAILED (failures={lost})', file=sys.stderr)\nsys.exit(1)\n"
    home = project(tmp_path / "flaky", **{"flaky.py": says})
    assert "a guard must repeat itself" in refused(home, SelfproofError, tests="python flaky.py")
    assert "which is a test" in refused(project(tmp_path / "open"), UsageError, edit=("*.py",))
    gone = refused(project(tmp_path / "gone"), SelfproofError, tests="python -m unittest -q nothing_there")
    assert "no test passes in the jail" in gone


def test_a_version_that_loses_a_test_is_not_adopted_whatever_it_gains(tmp_path: Path, pool: Pool) -> None:
    home = project(tmp_path / "ml")
    done = command.make(
        home, home / "living", Options("python train.py", "loss", edit=("model.py",), tests=RUN, seed=1)
    )
    with life.opened(done.folder, seed=1) as living:
        domain = domains_of(living)["command"]
        assert isinstance(domain, Slow)
        domain.observe()
        incumbent = living.version(domain.objective)
        decided = []
        for text in (MODEL.replace("0.5", "0.2").replace("x / 2", "x"), MODEL.replace("RATE = 0.5", "RATE = 0.3")):
            edit = Edit("command", {"model.py": text}, "an edit", "edit", incumbent.id)
            candidate = living.candidate(domain.objective, {**incumbent.files, "model.py": text}, edit=edit)
            finalist = Finalist(candidate, incumbent, (0.3,))
            confirming = result(line.confirm(living, domain, finalist))
            assert confirming.verdict["answer"] == "certified", confirming.verdict
            decided.append(result(line.decide(living, domain, finalist, confirming)))
        steps = [c.decision["step"] for c in living.state.confirmations.values() if c.decision]
        assert steps == ["guard", "adopt"] and decided[0] is None and living.state.current == 1
        certificate = living.state.confirmations[max(living.state.confirmations)].verdict
        assert any("(joint)" in told for told in certificate["not_covered"])
    assert audit(done.folder / ".selfproof" / "ledger")["ok"]


def result(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_the_rest_of_a_project_goes_where_its_imports_expect_it(tmp_path: Path) -> None:
    from selfproof.projects import writing
    from selfproof.projects.origin import Origin

    home = project(tmp_path / "p", **{"src/pkg/mod.py": "A = 1\n", "tests/test_mod.py": "import pkg.mod\n"})
    parts = writing.template("solver") | {"program/pkg/mod.py": "A = 2\n"}
    draft = writing.Draft(parts, Origin("function", home, {}))
    suite.along(draft, home, home / "living")
    assert draft.files["program/pkg/mod.py"] == "A = 2\n", "what may change is not hidden by a copy"
    assert "program/tests/test_mod.py" in draft.files and "program/src/pkg/mod.py" not in draft.files


@pytest.mark.slow
def test_benchmarks_are_an_objective_that_is_timed_alone(tmp_path: Path, pool: Pool) -> None:
    if importlib.util.find_spec("pytest_benchmark") is None:
        pytest.skip("needs pytest-benchmark: pip install pytest-benchmark")
    home = project(tmp_path / "b", **{"bench_model.py": BENCH})
    quick = "bench_model.py --benchmark-max-time=0.01 --benchmark-min-rounds=2 --benchmark-disable-gc -o addopts="
    done = benchmark.make(home, home / "living", benchmark.Options(quick))
    written = tomllib.loads((done.folder / "charter.toml").read_text())
    objective, told = written["objective"][0], "\n".join(done.told)
    assert written["program"]["editable"] == ["model.py"] and objective["name"] == "benchmark"
    assert objective["task"] == "tasks/benchmark.py:Fresh" and 0 < objective["min_gain"] < 1e-3
    assert "BENCHMARKS = 2  #" in (done.folder / "tasks" / "benchmark.py").read_text()
    assert "REWRITES = True" in (done.folder / "program" / "selfproof_improver.py").read_text()
    assert "give your test suite too" in told and "with 1 at a time" in told
    with life.viewed(done.folder) as living:
        task: Any = living.tasks["benchmark"]
        assert task.timed and domains_of(living)["benchmark"].alone


def test_a_suite_of_benchmarks_is_found_or_asked_for(tmp_path: Path) -> None:
    home = project(tmp_path / "b", **{"bench_model.py": BENCH})
    assert benchmark.planned(home, home / "living", benchmark.Options()).charter["editable"] == ["model.py"]
    (home / "bench_other.py").write_text("import nothing")
    with pytest.raises(UsageError, match="which file has the benchmarks"):
        benchmark.planned(home, home / "living", benchmark.Options())
    with pytest.raises(UsageError, match="imports no file of the project"):
        benchmark.planned(home, home / "living", benchmark.Options("bench_other.py"))
    with pytest.raises(UsageError, match="lets a test or a benchmark change"):
        benchmark.planned(home, home / "living", benchmark.Options("bench_model.py", edit=("*.py",)))
    assert birth.ASIDE
