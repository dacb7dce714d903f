"""Imported tasks in the real jail: run unmodified, measured with their noise; broken and hostile ones say why."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from selfproof.adapters.base import NotUnderstood
from selfproof.nouns import UsageError
from selfproof.projects.writing import Made

DATA = Path(__file__).parent / "data"
Task = Callable[..., Path]
Bring = Callable[..., tuple[Made, list[str]]]
NOISY = """
import os, random, subprocess, sys, tempfile
from pathlib import Path

import helper

def evaluate(program_path):
    code = f"import runpy, os; print(runpy.run_path({program_path!r})['STEP'])"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.txt")
        with out.open("w") as file:
            subprocess.run([sys.executable, "-c", code], stdout=file, check=True)
        step = float(out.read_text())
    noise = NOISE
    return {"speed": helper.half(step + noise), "size": 1000.0, "note": "no number", "flag": True}
"""
TEXT = "import pathlib\ndef half(x): return x / 2\n"


def charter(made: Made) -> dict[str, Any]:
    return tomllib.loads((made.folder / "charter.toml").read_text())


def test_a_deterministic_folder_of_openevolve_is_exact_and_joint(imported: Bring) -> None:
    made, told = imported(DATA / "openevolve")
    said = charter(made)
    (objective,) = said["objective"]
    assert objective["task"] == "tasks/evaluated.py:Exact" and objective["joint"] is True
    assert said["program"]["editable"] == ["evolved/initial_program.py"]
    assert said["proposers"]["guidance"] == "guidance.md" and said["budget"]["dollars"] == 0.0
    assert any(line.startswith("baseline: 0.51784, 0.51784, 0.51784") for line in told)
    settings = (made.folder / "tasks" / "settings.py").read_text()
    assert "STAGE: Final = 2" in settings
    everything = "".join(
        p.read_text() for p in made.folder.rglob("*") if p.is_file() and p.suffix not in {"", ".signed"}
    )
    assert "sk-never-to-be-copied" not in everything
    program = {p.name for p in (made.folder / "program").rglob("*") if p.is_file() and ".git" not in p.parts}
    assert program == {"initial_program.py", "selfproof_evaluate.py", "selfproof_improver.py"}  # no evaluator


@pytest.mark.parametrize(
    ("noise", "kind", "words"),
    [("random.gauss(0, 0.1)", "Noisy", "depends on the seed"),
     ("int.from_bytes(os.urandom(2)) / 1e6", "Noisy", "differs from run to run")],
)  # fmt: skip
def test_a_noisy_evaluator_that_starts_processes_is_compared_on_fresh_pairs(
    task: Task, imported: Bring, noise: str, kind: str, words: str
) -> None:
    """The score is the mean of the numbers but those that lay out the map; helpers beside the evaluator are found."""
    files = {"evaluator__py": NOISY.replace("NOISE", noise), "helper__py": TEXT}
    made, told = imported(task("openevolve", config__yaml="database: {feature_dimensions: [size]}\n", **files))
    (objective,) = charter(made)["objective"]
    assert objective["task"] == f"tasks/evaluated.py:{kind}"
    assert "subprocesses" in objective["allow"]
    (line,) = (line for line in told if line.startswith("baseline"))
    assert words in line and 0.2 < float(line.split()[1].rstrip(",")) < 0.7
    assert any("a confirmation takes at least 10 pairs" in line for line in told)


def test_the_first_program_is_what_an_evaluator_imports_not_the_candidate(task: Task, imported: Bring) -> None:
    evaluator = """
import importlib.machinery
import initial_program
def evaluate(path):
    mine = isinstance(initial_program.__loader__, importlib.machinery.SourceFileLoader)  # from the task's own folder
    return {"combined_score": float(mine and path != initial_program.__file__)}
"""
    _, told = imported(task("openevolve", evaluator__py=evaluator))
    assert any(line.startswith("baseline: 1, 1, 1") for line in told)


def test_a_task_of_shinka_is_run_with_its_own_script(imported: Bring) -> None:
    made, told = imported(DATA / "shinka")
    assert any(line.startswith("baseline: 0.638889") for line in told)
    assert json.loads((made.folder / "imported.json").read_text()) == {"kind": "shinka", "program": "initial.py"}
    assert charter(made)["budget"]["dollars"] == 0.5


def test_a_program_that_shinka_calls_incorrect_is_no_start(task: Task, imported: Bring) -> None:
    text = (DATA / "shinka" / "initial.py").read_text().replace("return rows, [", "return rows[1:], [")
    with pytest.raises(NotUnderstood, match="calls it incorrect: Validation failed: as many votes as rows"):
        imported(task("shinka", initial__py=text))


def test_a_script_of_gepa_is_run_until_it_asks_for_the_search(imported: Bring) -> None:
    made, told = imported(DATA / "gepa" / "main.py")
    said = charter(made)
    (objective,) = said["objective"]
    assert objective["task"] == "tasks/evaluated.py:Exact" and said["proposers"]["improver"] == ""
    assert objective["focus"] == ["evolved/candidate.txt:"]
    assert (made.folder / "program/evolved/candidate.txt").read_text() == "plus: 0.5\ntimes: 0.2\n"
    assert (made.folder / "guidance.md").read_text() == "Rules that come near.\n"
    assert any(line.startswith("18 different examples: all there is") for line in told)


GEPA = """
from gepa.core.adapter import EvaluationBatch, GEPAAdapter
import gepa

seed_candidate = {"prompt": "capitals", "code": "def f(x):\\n    return x\\n"}
dataset = [{"input": str(n % 40), "answer": str(n % 40)} for n in range(160)]
valset = [{"input": str(n), "answer": str(n)} for n in range(200, 280)]

def rate(candidate, example):
    space = {}
    exec(candidate["code"], space)
    return float(space["f"](example["input"]) == example["answer"]), {"Feedback": candidate["prompt"]}

class Mine(GEPAAdapter):
    def evaluate(self, batch, candidate, capture_traces=False):
        return EvaluationBatch(outputs=["x"] * len(batch), scores=[0.25] * len(batch))

def answered(messages):
    return messages[0]["content"] + " " + messages[1]["content"]

if __name__ == "__main__":
    gepa.optimize(seed_candidate=seed_candidate, trainset=dataset, valset=valset, CALL)
"""


@pytest.mark.parametrize(
    ("call", "name", "score"),
    [("adapter=Mine()", "", "0.25"), ("task_lm=answered", "", "1"), ("", "rate", "1")],
)
def test_evaluators_adapters_and_models_that_are_functions(
    tmp_path: Path, imported: Bring, call: str, name: str, score: str
) -> None:
    """Equal examples count once, those of a validation set make it a hold-out."""
    folder = tmp_path / "gepa"
    folder.mkdir()
    (folder / "scoring.py").write_text(GEPA.replace("CALL", call))
    made, told = imported(folder / "scoring.py", kind="gepa", name=name)
    assert charter(made)["objective"][0]["task"] == "tasks/evaluated.py:HeldOut"
    assert sorted(charter(made)["program"]["editable"]) == ["evolved/code.py", "evolved/prompt.txt"]
    assert any(line.startswith("120 different examples") for line in told)
    assert any(line.startswith(f"baseline: {score}, {score}") for line in told), told


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("import gepa\ngepa.optimize({'a': 'b'}, [1], task_lm='openai/x')\n", "a jail reaches no model"),
        ("import gepa\ngepa.optimize({'a': 7}, [1], task_lm=print)\n", "gives no candidate to start from"),
        ("import gepa.optimize_anything as oa\noa.optimize_anything('x')\n", "gives no evaluator function"),
        ("import gepa\nprint('optimize_anything')\n", "ended without a call"),
        ("import gepa, sys\nsys.exit('--model is required')\n", "ended with '--model is required' before"),
        ("import gepa, nothing_of_that_name\n", "No module named 'nothing_of_that_name'"),
        ("import gepa, os\nos._exit(0)\n", "fails in the jail"),
    ],
)
def test_scripts_that_cannot_be_imported_say_why(tmp_path: Path, imported: Bring, script: str, what: str) -> None:
    folder = tmp_path / "gepa"
    folder.mkdir()
    (folder / "main.py").write_text(script)
    with pytest.raises(NotUnderstood, match=what):
        imported(folder / "main.py", kind="gepa")
    assert not (tmp_path / "living").exists()


HOSTILE = {
    "raises": ("def evaluate(path): raise RuntimeError('no such luck')", "no such luck"),
    "raises at import": ("import nothing_of_that_name\ndef evaluate(path): return {}", "Install nothing_of_that_name"),
    "leaves": ("import os\ndef evaluate(path): os._exit(0)", "fails in the jail"),
    "no dict": ("def evaluate(path): return 1.0", "gave float, not a dict"),
    "no number": ("def evaluate(path): return {'combined_score': 'high', 'error': 'oh'}", "gives the first program no"),
    "infinite": ("def evaluate(path): return {'combined_score': float('inf')}", "not finite"),
    "hangs": ("def evaluate(path):\n    while True: pass", "timeout"),
    "hides answers": ("def evaluate(path): return {'combined_score': float(open(SECRET).read())}", "No such file"),
    "asks outside": (
        "import socket\ndef evaluate(path): socket.create_connection(('127.0.0.1', 9))",
        "fails in the jail",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_evaluators_fail_in_one_line_and_leave_nothing(
    task: Task, imported: Bring, tmp_path: Path, name: str
) -> None:
    source, what = HOSTILE[name]
    (tmp_path / "secret.txt").write_text("1.0")
    folder = task("openevolve", evaluator__py=source.replace("SECRET", repr(str(tmp_path / "secret.txt"))))
    with pytest.raises(NotUnderstood) as caught:
        imported(folder, timeout=1.0)
    assert what in f"{caught.value} {caught.value.advice()}"
    assert "\n" not in str(caught.value) and not (tmp_path / "living").exists()


def test_large_data_is_read_where_it_is(task: Task, imported: Bring) -> None:
    """By the path that it has in the task's folder; nothing else of that folder is to be seen."""
    evaluator = """
from pathlib import Path
def evaluate(path):
    big, seen = Path("data/rows.csv"), list(Path(".").glob("*.env"))
    try:
        seen += [path for path in big.resolve().parent.parent.iterdir() if path.name != "data"]
    except PermissionError:
        pass
    return {"combined_score": float(len(big.read_text().splitlines()) - len(seen))}
"""
    folder = task("openevolve", evaluator__py=evaluator, config__yaml="{}")
    (folder / "data").mkdir()
    (folder / "data" / "rows.csv").write_text("1,2,3\n" * 500_000)
    (folder / "keys.env").write_text("secret")
    made, told = imported(folder)
    assert any(line.startswith("baseline: 500000") for line in told)
    assert f"data:{folder / 'data'}" in charter(made)["objective"][0]["allow"]
    assert any("read where they are" in line and "data/rows.csv" in line for line in told)
    assert not list(made.folder.rglob("rows.csv*"))


def test_results_without_measure_are_bounded(task: Task, imported: Bring) -> None:
    evaluator = """
class Odd(float): pass
def evaluate(path):
    more = {f"m{n}" * 100: float(n) for n in range(5000)}
    more |= {"words": "x" * 20_000_000, "bytes": b"\\xff" * 100_000, "self": evaluate}
    return {"combined_score": Odd(0.5), **more}
"""
    made, told = imported(task("openevolve", evaluator__py=evaluator))
    assert any(line.startswith("baseline: 0.5") for line in told)
    assert charter(made)["objective"][0]["task"].endswith("Exact")


QUEUES = """
import concurrent.futures, multiprocessing, runpy, signal

def work(path, queue=None):
    first = runpy.run_path(path)["FIRST"]
    return queue.put(first) if queue else first

def evaluate(path):
    signal.alarm(20)
    queue = multiprocessing.Queue()
    lock = multiprocessing.RLock()
    with lock, lock:
        process = multiprocessing.Process(target=work, args=(path, queue))
        process.start()
        process.join(10)
    with concurrent.futures.ProcessPoolExecutor(2) as pool, concurrent.futures.ThreadPoolExecutor(1) as one:
        others = list(pool.map(work, [path] * 3)) + [one.submit(work, path).result(timeout=10)]
    return {"combined_score": (queue.get(timeout=5) + sum(others)) / 5}
"""


def test_evaluators_use_queues_pools_and_alarms(task: Task, imported: Bring) -> None:
    _, told = imported(task("openevolve", evaluator__py=QUEUES, config__yaml="{}"))
    assert any(line.startswith("baseline: 4, 4, 4") for line in told)


def test_a_program_need_not_be_python(task: Task, imported: Bring) -> None:
    """No operator knows it, so that models and agents are all there is; the marked part is kept all the same."""
    evaluator = "def evaluate(path):\n    return {'words': float(len(open(path).read().split()))}\n"
    config = "file_suffix: .txt\nlanguage: text\n"
    folder = task("openevolve", initial_program__py=None, evaluator__py=evaluator, config__yaml=config)
    (folder / "initial_program.txt").write_text("one two three\n")
    made, told = imported(folder)
    assert charter(made)["proposers"]["improver"] == ""
    assert charter(made)["objective"][0]["focus"] == ["evolved/initial_program.txt:"]
    assert any("no operator knows this kind of text" in line for line in told)


def test_no_money_is_spent_because_a_configuration_names_a_model(imported: Bring) -> None:
    made, told = imported(DATA / "shinka")
    assert not any("openai" in name for name in charter(made)["proposers"]["models"])
    assert any("asked when you say so: selfproof run --model openai/gpt-5-mini" in line for line in told)


def test_a_folder_that_holds_a_program_is_left_alone(imported: Bring, tmp_path: Path) -> None:
    (tmp_path / "living").mkdir()
    (tmp_path / "living" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        imported(DATA / "openevolve")
    assert [p.name for p in (tmp_path / "living").iterdir()] == ["mine.txt"]


def test_an_autoresearch_folder_becomes_a_command_with_its_words(imported: Bring) -> None:
    made, told = imported(DATA / "autoresearch")
    said = charter(made)
    assert said["program"]["editable"] == ["train.py"] and said["proposers"]["guidance"] == "program.md"
    assert said["objective"][0]["metric"] == "val_bpb" and said["objective"][0]["joint"] is True
    assert "Simple beats clever" in (made.folder / "program.md").read_text()
    assert not (made.folder / "program" / "program.md").exists()
    assert any(line.startswith("baseline: val_bpb") for line in told)


def test_an_inspect_task_needs_a_function_that_answers(imported: Bring) -> None:
    with pytest.raises(UsageError, match="needs a function that answers"):
        imported(DATA / "inspect" / "sums.py")
