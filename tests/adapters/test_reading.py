"""What is understood of other tools' folders before anything is run, what is left out, and what is refused."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from selfproof.adapters import (
    autoresearch,
    calls,
    configuration,
    detect,
    folders,
    gepa,
    importing,
    models,
    needs,
    openevolve,
    shinka,
)
from selfproof.adapters.base import NotUnderstood, objective_name
from selfproof.nouns import UsageError

DATA = Path(__file__).parent / "data"
Task = Callable[..., Path]


def test_each_kind_is_told_by_its_files() -> None:
    assert {kind: detect.kind_of(DATA / kind) for kind in ("openevolve", "shinka", "autoresearch")} == {
        "openevolve": "openevolve", "shinka": "shinka", "autoresearch": "autoresearch",
    }  # fmt: skip
    assert detect.kind_of(DATA / "gepa" / "main.py") == "gepa"
    assert detect.kind_of(DATA / "inspect" / "sums.py") == "inspect"
    for nothing in (DATA / "inspect", DATA / "openevolve" / "evaluator.py", DATA / "nowhere"):
        with pytest.raises(UsageError):
            detect.kind_of(nothing)


def test_a_configuration_of_openevolve_is_translated() -> None:
    found = openevolve.read(DATA / "openevolve")
    assert found.settings.seed == 7 and found.settings.evaluations == 40 and found.settings.deadline_s == 20
    assert found.settings.models == ("http://127.0.0.1:8000/v1#small-coder",)
    assert "You know how waves look" in found.settings.guidance
    assert found.ask["thresholds"] == [0.5, 0.6]
    said = " ".join(found.left_out)
    assert "llm.api_key" in said and "database.num_islands" in said and "llm.temperature" in said
    assert not {"max_iterations", "random_seed", "llm.models"} & set(said.replace(",", " ").split())


@pytest.mark.parametrize(
    ("config", "thresholds"),
    [
        ("{}", [0.5, 0.75, 0.9]),
        ("evaluator: {cascade_evaluation: false}", []),
        ("evaluator: {cascade_thresholds: [0.2, true, x, 0.4]}", [0.2, 0.4]),
    ],
)
def test_a_cascade_is_as_openevolve_has_it(task: Task, config: str, thresholds: list[float]) -> None:
    assert openevolve.read(task("openevolve", config__yaml=config)).ask["thresholds"] == thresholds


def test_models_are_named_as_the_charter_names_them() -> None:
    assert models.bare("gpt-5-mini") == "openai/gpt-5-mini" and models.bare("gemini-3") == "google/gemini-3"
    assert models.bare("local/qwen3@http://localhost:11434/v1") == "http://localhost:11434/v1#qwen3"
    assert models.bare("local-qwen3-http://localhost:11434/v1") == "http://localhost:11434/v1#qwen3"
    assert models.bare("us.some.model") == ""
    assert models.at("https://api.openai.com/v1/", "gpt-5") == "openai/gpt-5"
    assert models.at("http://127.0.0.1:8000/v1", "small") == "http://127.0.0.1:8000/v1#small"
    assert models.at("file:///etc", "x") == models.at("https://api.openai.com/v1", "a b") == ""


def test_a_configuration_of_shinka_is_translated_from_yaml_or_from_the_script(task: Task) -> None:
    one = shinka.read(DATA / "shinka")
    assert one.settings.dollars == 0.5 and one.settings.evaluations == 30
    assert one.settings.models == ("openai/gpt-5-mini", "http://localhost:11434/v1#qwen3")
    script = "from shinka.core import EvolutionConfig\nWORDS = 'Fewer wrong votes.'\n"
    script += "config = EvolutionConfig(task_sys_msg=WORDS, num_generations=9, llm_models=['gpt-5'])\n"
    two = shinka.read(task("shinka", shinka__yaml=None, run_evo__py=script))
    assert two.settings.guidance == "Fewer wrong votes." and two.settings.evaluations == 9
    assert two.settings.models == ("openai/gpt-5",)


def test_keys_and_hidden_files_and_links_out_are_never_taken_along(task: Task, tmp_path: Path) -> None:
    secret = tmp_path / "elsewhere.txt"
    secret.write_text("a secret elsewhere")
    folder = task("openevolve")
    (folder / ".env").write_text("OPENAI_API_KEY=sk-hidden")
    (folder / "server.pem").write_text("sk-pem")
    (folder / "notes.txt").symlink_to(secret)
    (folder / "data.npy").write_bytes(b"\x93NUMPY\xff")
    found = openevolve.read(folder)
    everything = repr(found)
    for word in ("sk-never-to-be-copied", "sk-hidden", "sk-pem", "a secret elsewhere"):
        assert word not in everything
    assert found.original["data.npy"] == b"\x93NUMPY\xff"
    assert any("server.pem" in line and "notes.txt" in line for line in found.left_out)


def test_values_of_keys_are_blanked_and_nothing_else_is() -> None:
    text = "api_key: sk-1\nmodel: x\n  OPENAI_API_KEY : 'sk-2'\napi_key: ${HOME_KEY}\nmax_tokens: 5\npassword = 'p'\n"
    assert folders.blanked(text) == (
        "api_key: null\nmodel: x\n  OPENAI_API_KEY : null\napi_key: ${HOME_KEY}\nmax_tokens: 5\npassword = null\n"
    )


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"initial_program__py": None}, "no initial_program.py"),
        ({"evaluator__py": "def evaluate(path:\n"}, "is no Python"),
        ({"evaluator__py": "def score(path): return {}\n"}, "defines no evaluate"),
        ({"config__yaml": "llm: [unclosed"}, "is no YAML"),
        ({"config__yaml": "- a\n- b\n"}, "holds no mapping"),
        ({"config__yaml": "!!python/object/apply:os.system ['true']"}, "is no YAML"),
        ({"config__yaml": "x: " + "y" * 300_000}, "larger than a configuration"),
    ],
)
def test_broken_folders_of_openevolve_are_refused_in_one_line(task: Task, files: dict[str, str], what: str) -> None:
    folder = task("openevolve", **files)
    with pytest.raises(NotUnderstood, match=what) as caught:
        openevolve.read(folder)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2


def test_configurations_of_other_types_than_expected_are_survived(task: Task) -> None:
    config = "max_iterations: many\nrandom_seed: .inf\nllm: 5\nprompt: [a]\n"
    config += "evaluator: {timeout: -3, cascade_thresholds: 7}\n"
    found = openevolve.read(task("openevolve", config__yaml=config))
    assert found.settings.evaluations is None and found.settings.seed is None and found.settings.models == ()
    assert found.settings.deadline_s == 0.1  # the least there is


def test_how_long_an_evaluation_may_take_is_what_the_configuration_says(task: Task) -> None:
    assert shinka.seconds_of("00:10:30") == 630 and shinka.seconds_of("soon") == shinka.seconds_of("1:2") == 0
    script = "config = EvolutionConfig(num_generations=9)\njob = LocalJobConfig(time='00:00:42')\n"
    assert shinka.read(task("shinka", shinka__yaml=None, run_evo__py=script)).settings.deadline_s == 42
    assert openevolve.read(DATA / "openevolve").settings.deadline_s == 20


def test_what_is_too_much_to_send_along_is_refused() -> None:
    found = replace(openevolve.read(DATA / "openevolve"), examples=tuple(range(1_000_000)))
    with pytest.raises(NotUnderstood, match="too much to send along"):
        importing.check_size(found)


def test_a_folder_with_too_much_in_it_is_refused(task: Task) -> None:
    folder = task("openevolve")
    for number in range(folders.MOST_FILES + 1):
        (folder / f"{number}.txt").touch()
    with pytest.raises(NotUnderstood, match="more than a trial can take along"):
        openevolve.read(folder)


def test_shinkas_evaluator_must_be_a_script_with_its_two_options(task: Task) -> None:
    with pytest.raises(NotUnderstood, match="takes no --program_path"):
        shinka.read(task("shinka", evaluate__py="def main(program_path, results_dir): pass\n"))


def test_autoresearch_says_its_metric_its_time_and_what_it_reads(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = task("autoresearch")
    monkeypatch.setenv("HOME", str(folder))
    (folder / ".cache" / "autoresearch-example-that-nobody-has").mkdir(parents=True)
    found = autoresearch.read(folder)
    assert (found.metric, found.budget_s) == ("val_bpb", 1.0)
    assert found.data == (str(folder / ".cache" / "autoresearch-example-that-nobody-has"),)
    with pytest.raises(NotUnderstood, match="prints no `val_bpb"):
        (folder / "train.py").write_text("print('nothing')\n")
        (folder / "prepare.py").write_text("TIME_BUDGET = 5 * 60\n")
        autoresearch.read(folder)
    assert autoresearch.read(folder, "score", "higher").budget_s == 300


def test_what_a_jail_must_allow_is_read_from_imports() -> None:
    plain = needs.needed(["import math\n"])
    assert plain.allow == ("scratch:256",) and plain.memory_mb == needs.USUAL_MB
    more = needs.needed(["import subprocess\n", "import torch, openai\n", "not python ("])
    assert "subprocesses" in more.allow and more.memory_mb == 16384
    assert any("openai" in line for line in more.told)
    assert "subprocesses" in needs.needed(["from concurrent.futures import ProcessPoolExecutor\n"]).allow
    assert "subprocesses" not in needs.needed(["from concurrent.futures import ThreadPoolExecutor\n"]).allow


def test_arguments_of_a_call_are_literals_or_names_of_literals() -> None:
    text = "WORDS = ['a']\nother = open('x')\nf(one=1, two=WORDS, three=other, four=g())\n"
    assert calls.arguments(text, "f") == {"one": 1, "two": ["a"]}
    assert calls.arguments("x = (", "f") is None and calls.arguments("g()", "f") is None


def test_components_have_files_of_their_own_and_python_is_python() -> None:
    names = gepa.names_of(
        {"system prompt": "Be brief.", "system/prompt": "Be kind.", "code": "def f():\n    return 1\n"}
    )
    assert names == {
        "system prompt": "evolved/system_prompt.txt", "system/prompt": "evolved/system_prompt_2.txt",
        "code": "evolved/code.py",
    }  # fmt: skip


def test_names_of_objectives_are_those_that_a_charter_takes() -> None:
    assert objective_name("Circle Packing (n=26)") == "circle-packing-n-26"
    assert objective_name("26") == objective_name("guard-x") == objective_name("") == "task"


def test_yaml_that_refers_to_itself_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("a: &a [*a, *a]\nrandom_seed: 3\n")
    assert configuration.load(path)["random_seed"] == 3


def test_folders_are_walked_in_one_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c/d.txt", "results/left.txt", "__pycache__/x.pyc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    os.mkfifo(tmp_path / "pipe")
    told: list[str] = []
    assert list(folders.read(tmp_path, told).files) == ["a.txt", "b.txt", "c/d.txt"]
    assert "pipe" in told[0] and "results/" in told[0]
