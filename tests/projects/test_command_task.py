"""What the command's task reads from a run: hostile and clumsy output alike."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import pytest

from selfproof.projects import writing
from selfproof.trial.task import InvalidAnswer

command: Any = importlib.import_module("selfproof.templates.command.tasks.command")
benchmark: Any = importlib.import_module("selfproof.templates.command.tasks.benchmark")
rescored: Any = importlib.import_module("selfproof.templates.command.tasks.rescored")
suite: Any = importlib.import_module("selfproof.templates.suite.tasks.suite")


def ran(stdout: str = "", stderr: str = "", **more: Any) -> dict[str, Any]:
    return {"exit": 0, "late": False, "seconds": 0.1, "stdout": stdout, "stderr": stderr, "files": {}, **more}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("val_loss: 0.5", 0.5),
        ("val_loss=1e-3", 1e-3),
        ("val_loss 3", 3.0),
        ("step 1 val_loss: 9\nstep 2 | val_loss: 0.25 | lr 3e-4\nbye", 0.25),
        ("\x1b[32mval_loss\x1b[0m: \x1b[1m0.75\x1b[0m", 0.75),
        ("10%\rval_loss: 2\r100% val_loss: 1.5\r", 1.5),
        ('{"val_loss": 0.125, "other": 1}', 0.125),
        ("VAL_LOSS : -2", -2.0),
        ("best_val_loss: 7\nval_loss: 1_000.5", 1000.5),
        ("eval/val_loss: 7", None),
        ("val_loss_ema: 7", None),
        ("val_loss decreased (0.5 --> 0.4)", None),
        ("val_loss: nothing", None),
    ],
)
def test_the_last_value_is_found_whatever_stands_around_it(text: str, value: float | None) -> None:
    assert command.last_value(text, "val_loss") == value


def test_standard_output_goes_before_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "METRIC", "loss")
    assert command.value_of(ran("loss: 1", "loss: 2")) == 1.0
    assert command.value_of(ran("done", "INFO loss=2")) == 2.0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ran("loss: nan"), "loss is nan"),
        (ran("loss: 1\nloss: inf"), "loss is inf"),
        (ran("loss: 1", exit=1, stderr="Traceback\nValueError: x\n"), "exit code 1: ValueError: x"),
        (ran("loss: 1", late=True), "not done within"),
        (ran("nothing"), "no `loss: value`"),
        (ran("loss: " + "9" * 5000), "loss is inf"),
        (ran(exit=3, stderr="\x1b]0;owned\x07\x1b[2J"), "exit code 3"),
        ({"exit": 0}, "not what"),
        ("loss: 1", "not what"),
        (ran(files=[]), "not what"),
    ],
)
def test_what_is_no_result_is_invalid_and_says_why_in_printable_words(
    answer: Any, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "METRIC", "loss")
    with pytest.raises(InvalidAnswer, match=why) as said:
        command.value_of(answer)
    assert str(said.value).isprintable()


@pytest.mark.parametrize(
    ("where", "content", "value"),
    [
        ("out.json:a.b.1", b'{"a": {"b": [1, 2.5]}}', 2.5),
        ("out.json", b'{"loss": 3}', 3.0),
        ("out.txt", b"0.5\n", 0.5),
        ("out.txt", b"epoch 3 loss: 0.75\n", 0.75),
        ("out.json:a", b'{"a": true}', None),
        ("out.json:a", b'{"a": "0.5"}', None),
        ("out.json:a.9", b'{"a": [1]}', None),
        ("out.json:a", b"[" * 100_000, None),
        ("out.json:a", b'{"a": NaN}', math.nan),
        ("out.txt", b"\xff\xfe", None),
        ("gone.txt", None, None),
    ],
)
def test_a_metric_in_a_file(where: str, content: bytes | None, value: float | None, monkeypatch: Any) -> None:
    monkeypatch.setattr(command, "METRIC", "loss")
    monkeypatch.setattr(command, "READ", where)
    answer = ran(files={where.partition(":")[0]: content})
    if value is None or math.isnan(value):
        with pytest.raises(InvalidAnswer):
            command.value_of(answer)
    else:
        assert command.value_of(answer) == value
    assert command.asked(1)["collect"] == [where.partition(":")[0]]


def test_seeds_are_fresh_and_in_the_command_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "COMMAND", "python train.py --seed {seed}")
    task = command.Fresh()
    seeds = [
        s.value["seed"] for split in ("explore", "confirm") for seed in range(20) for s in task.samples(split, seed, 2)
    ]
    assert len(set(seeds)) == 80 and max(seeds) < 2**31
    first = task.samples("confirm", 5, 1)[0]
    assert first == task.samples("confirm", 5, 1)[0]
    assert first.value["command"] == f"python train.py --seed {first.value['seed']}"
    assert len(command.Exact().parts["confirm"]) == 1, "a whole population of one run"


def test_the_benchmarks_time_is_a_geometric_mean_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def report(*times: Any) -> dict[str, Any]:
        rows = [{"stats": {"median": time}} for time in times]
        return ran(files={benchmark.REPORT: json.dumps({"benchmarks": rows}).encode()})

    monkeypatch.setattr(benchmark, "BENCHMARKS", 2)
    task = benchmark.Fresh()
    assert task.timed
    assert task.draws(None, report(1e-3, 1e-5)) == [pytest.approx(1e-4)]
    for bad in (report(1e-3), report(1e-3, 0.0), report(1e-3, math.inf), report(1e-3, "x"), ran(), ran(exit=1)):
        with pytest.raises(InvalidAnswer):
            task.draws(None, bad)


def test_a_scorer_gets_the_bytes_of_all_artefacts_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescored, "ARTEFACTS", ("a.csv", "b.csv"))
    monkeypatch.setattr(rescored, "score", lambda files: len(files["a.csv"]) + len(files["b.csv"]))
    task = rescored.Fresh()
    assert task.samples("explore", 1, 1)[0].value["collect"] == ["a.csv", "b.csv"]
    assert task.draws(None, ran("metric: 99", files={"a.csv": b"1", "b.csv": b"22"})) == [3.0]
    for files in ({"a.csv": b"1"}, {"a.csv": b"1", "b.csv": None}, {"a.csv": "text", "b.csv": b""}):
        with pytest.raises(InvalidAnswer, match="the run left no"):
            task.draws(None, ran(files=files))
    monkeypatch.setattr(rescored, "score", lambda files: math.nan)
    with pytest.raises(InvalidAnswer, match="nan"):
        task.draws(None, ran(files={"a.csv": b"", "b.csv": b""}))


@pytest.mark.parametrize(
    ("answer", "passing"),
    [
        (ran("....F\n=== 1 failed, 10 passed, 2 skipped in 0.12s ==="), 10),
        (ran("3 passed in 1.00s\n", exit=0), 3),
        (ran("no tests\n2 failed in 0.10s\n", exit=1), 0),
        (ran("5 passed in 9.99s (0:00:09)\n"), 5),
        (ran(stderr="....\nRan 4 tests in 0.001s\n\nOK\n"), 4),
        (ran(stderr="Ran 7 tests in 0.001s\n\nFAILED (failures=1, errors=2, skipped=1)\n", exit=1), 3),
        (ran("anything"), 0),
    ],
)
def test_how_many_tests_pass(answer: Any, passing: int, monkeypatch: Any) -> None:
    assert suite.passing(answer) == passing
    monkeypatch.setattr(suite, "COMMAND", "make check")
    assert suite.passing(ran("anything")) == 1 and suite.passing(ran("anything", exit=1)) == 0


@pytest.mark.parametrize("answer", [ran(exit=2), ran(exit=-9), ran(late=True), {}, ran(exit="0")])
def test_tests_that_were_not_run_to_their_end_say_nothing(answer: Any) -> None:
    with pytest.raises(InvalidAnswer):
        suite.passing(answer)


def test_a_program_that_leaves_before_its_tests_have_said_anything_has_lost_them(monkeypatch: Any) -> None:
    monkeypatch.setattr(suite, "PASSING", 12)
    assert suite.Suite().draws(None, ran("", exit=0)) == [12.0]


def test_every_template_is_whole() -> None:
    for form in ("command", "solver", "suite"):
        for path, text in writing.template(form).items():
            if path.endswith(".py"):
                compile(text, path, "exec")
    assert not [p for p in writing.template("command") if Path(p).name.startswith(".")]
