"""The training task: its gradient, its budget, what it accepts from a program, and where its texts stay."""

from __future__ import annotations

import random
import types
from collections.abc import Iterator
from dataclasses import replace
from importlib import resources
from typing import Any

import numpy as np
import pytest

from selfproof.jail import Limits, Pool
from selfproof.operators import normal_form
from selfproof.tasks import InvalidAnswer, Sample
from selfproof.templates.training.tasks import people
from selfproof.templates.training.tasks.network import Config, Network
from selfproof.templates.training.tasks.texts import FURTHEST
from selfproof.templates.training.tasks.training import Run, Session, Training, Wide, at, bits
from selfproof.trial import blocks

SMALL = {"context": 3, "embed": 4, "hidden": 8, "batch": 8, "activation": 0, "bigram": 1}


def files(template: str = "training", **other: str) -> dict[str, str]:
    """The program of a template, with other files."""
    found = {}
    for name in ("training", template):
        folder = resources.files("selfproof") / "templates" / name / "program"
        found |= {p.name: p.read_text(encoding="utf-8") for p in folder.iterdir() if p.name.endswith(".py")}
    return found | {f"{name}.py": text for name, text in other.items()}


@pytest.fixture(scope="module")
def task() -> Training:
    return Training()


@pytest.fixture(scope="module")
def jail() -> Iterator[Pool]:
    with Pool(1) as pool:
        yield pool


def few_steps(task: Training, steps: int = 20, seed: int = 3) -> Sample:
    """A run with the first rule's configuration that ends after so many steps."""
    sample = task.samples("explore", seed, 1)[0]
    config = Config.of({"context": 8, "embed": 12, "hidden": 64, "batch": 64, "activation": 0, "bigram": 0})
    return task._sample(replace(sample.hidden, budget=steps * config.flops() + 1))


@pytest.mark.parametrize("template", ["training", pytest.param("training-adam", marks=pytest.mark.slow)])
def test_a_run_made_more_certain_or_damaged_is_worse_at_either_start(task: Training, jail: Pool, template: str) -> None:
    own, fresh = files(template), blocks.prepare(task.samples("explore", 5, 1))
    usual = own["training.py"]
    texts = [usual, task.tempting(usual, "train"), task.damaged(usual, "train"), task.damaged(usual, "train", 0.02)]
    jobs = [blocks.job({**own, "training.py": t}, "training.py:train", fresh, Limits(wall_s=60.0)) for t in texts]
    first, certain, damaged, hardly = (blocks.score(task, fresh, o)[0].score for o in jail.map(jobs))
    assert first is not None and certain is not None and damaged is not None and hardly is not None
    assert certain > first + 0.2 and damaged > first + 1.0 and abs(hardly - first) < 0.1


@pytest.mark.parametrize("activation", [0, 1, 2])
def test_the_gradient_is_that_of_the_loss(activation: int) -> None:
    network = Network(Config.of({**SMALL, "activation": activation}))
    rng = np.random.default_rng(activation)
    w = rng.standard_normal(network.size).astype(np.float32) * np.float32(0.5)
    x, y = rng.integers(0, 97, (8, 3)), rng.integers(0, 97, 8)
    gradient = network.gradient(w, x, y)[1].astype(np.float64)
    for name, low, high in sections(network):
        way = np.zeros(network.size)
        way[low:high] = rng.standard_normal(high - low)
        ahead, behind = (w.astype(np.float64) + sign * 1e-6 * way for sign in (1, -1))
        slope = (loss(network, ahead, x, y) - loss(network, behind, x, y)) / 2e-6
        assert slope == pytest.approx(float(gradient @ way), rel=0.001, abs=1e-4), name


def loss(network: Network, w: Any, x: Any, y: Any) -> float:
    """In double precision, for differences of neighbours."""
    return network.gradient(w, x, y)[0]


def sections(network: Network) -> Iterator[tuple[str, int, int]]:
    at_ = 0
    for name, rows, columns in network.layers:
        yield name, at_, at_ + rows * columns
        at_ += rows * columns


def talk(session: Session, config: dict[str, Any]) -> tuple[list[dict[str, Any]], Any]:
    """All messages of a run whose weights never move, and its result."""
    message: Any = session.reply(config)
    told, weights = [message], np.zeros(sum(size for _, _, size in message["layers"]), dtype=np.float32)
    while (message := session.reply(weights)) is not None:
        told.append({key: None if key == "gradient" else value for key, value in message.items()})
    return told, session.result()


def test_the_steps_follow_from_the_budget_and_nothing_else(task: Training) -> None:
    run: Run = task.samples("explore", 1, 1)[0].hidden
    config = Config.of(SMALL)
    told, score = talk(Session(task, replace(run, budget=10 * config.flops() + 5)), SMALL)
    assert [message.get("step") for message in told] == [None, *range(10), None] and "end" in told[-1]
    assert told[0]["steps"] == 10 and score == pytest.approx(np.log2(97), abs=1e-3), "nothing was learned"
    dearer = Config.of({**SMALL, "batch": 16}).flops()
    products = 6 * 8 * (3 * 4 * 8 + 8 * 97)
    assert dearer - config.flops() == products + 20 * 8 * 97 * 2
    assert Config.of(SMALL).flops(2) > config.flops() and Wide.budget == 2 * Training.budget


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({**SMALL, "hidden": 4096}, "config hidden is 4096, allowed are 8 to 192"),
        ({**SMALL, "batch": float("nan")}, "config batch must be a number"),
        ({**SMALL, "activation": 3}, "config activation is 3"),
        ({"context": 3}, "config embed must be a number"),
        ([1], "must be a dict"),
    ],
)
def test_a_configuration_out_of_bounds_is_refused_and_says_why(task: Training, answer: object, told: str) -> None:
    with pytest.raises(InvalidAnswer, match=told):
        Session(task, task.samples("explore", 1, 1)[0].hidden).reply(answer)


@pytest.mark.parametrize("spoil", ["short", "double", "nan", "huge", "list"])
def test_weights_of_another_kind_are_refused(task: Training, spoil: str) -> None:
    session = Session(task, task.samples("explore", 1, 1)[0].hidden)
    message: Any = session.reply(SMALL)
    weights: Any = np.zeros(sum(size for _, _, size in message["layers"]), dtype=np.float32)
    spoilt = {
        "short": weights[1:], "double": weights.astype(np.float64), "list": weights.tolist(),
        "nan": np.full_like(weights, np.nan), "huge": np.full_like(weights, 1e7),
    }[spoil]  # fmt: skip
    with pytest.raises(InvalidAnswer):
        session.reply(spoilt)


def test_no_held_out_passage_is_trained_on_and_every_split_has_its_own(task: Training) -> None:
    parts = {name: bytes(text[FURTHEST:]) for name, text in task.text.items()}
    held = parts["report"].split(bytes([95, 95]))
    long = [passage for passage in held if len(passage) > 60]
    assert len(long) > 20
    assert not any(passage in parts[other] for passage in long for other in ("learn", "explore", "confirm"))
    for split in ("explore", "confirm", "report"):
        run: Run = task.samples(split, 1, 1)[0].hidden  # type: ignore[arg-type]
        assert run.part == split and run.places.min() >= FURTHEST and run.places.max() < len(task.text[split])
    assert task.pool("confirm")["sha256"] != task.pool("report")["sha256"]


def test_runs_are_fresh_for_each_seed_and_the_same_for_the_same(task: Training) -> None:
    one, two = task.samples("explore", 5, 2)
    again, _ = task.samples("explore", 5, 2)
    assert one.hidden.seed == again.hidden.seed != two.hidden.seed
    assert (one.hidden.places == again.hidden.places).all() and (one.hidden.places != two.hidden.places).any()
    assert task.samples("explore", 6, 1)[0].hidden.seed != one.hidden.seed
    assert task.samples("confirm", 5, 1)[0].hidden.seed != one.hidden.seed
    assert one.value == {"begin": True}, "nothing of the run is in the first message"


def test_contexts_end_before_what_they_predict_and_scores_are_bits() -> None:
    text = np.arange(40, dtype=np.uint8)
    x, y = at(text, np.array([12, 30]), 3)
    assert x.tolist() == [[9, 10, 11], [27, 28, 29]] and y.tolist() == [12, 30]
    assert bits(np.zeros((2, 97)), y) == pytest.approx(np.log2(97))
    sure = np.zeros((1, 97))
    sure[0, 5] = 1e4
    assert bits(sure, np.array([6])) == pytest.approx(np.log2(97 / 1e-4)), "never worse than the floor"
    with pytest.raises(InvalidAnswer, match="no finite"):
        bits(np.full((1, 97), np.nan), np.array([0]))


def score(jail: Pool, task: Training, program: dict[str, str], sample: Sample) -> tuple[float | None, str]:
    block = blocks.prepare([sample])
    outcome = jail.submit(blocks.job(program, "training.py:train", block, Limits(wall_s=60.0))).result()
    (trial,) = blocks.score(task, block, outcome)
    return trial.score, trial.message or ""


def test_the_program_trains_in_the_jail_as_people_do_outside(jail: Pool, task: Training) -> None:
    start, _ = score(jail, task, files(), few_steps(task))
    sample = few_steps(task)
    trained, _ = score(jail, task, files(), sample)
    assert start == trained and start is not None and start < 6.5, "the same run, the same score"
    adam, _ = score(jail, task, files("training-adam"), task.short(task.samples("explore", 3, 1)[0]))
    session = Session(task, task.short(task.samples("explore", 3, 1)[0]).hidden)
    assert adam == pytest.approx(people.trained(people.TUNED["Adam"], session), rel=0.002)


def test_what_diverges_has_no_score_and_says_so(jail: Pool, task: Training) -> None:
    rule = files()["rule.py"].replace("LR = 0.1", "LR = 1e9")
    found, why = score(jail, task, files(rule=rule), few_steps(task))
    assert found is None and ("diverged" in why or "finite" in why or "weights must" in why)


def test_controls_make_a_run_worse_and_a_short_run_costs_a_small_part(jail: Pool, task: Training) -> None:
    program, sample = files(), few_steps(task, 60)
    before, _ = score(jail, task, program, sample)
    worse, _ = score(jail, task, program | {"training.py": task.damaged(program["training.py"], "train")}, sample)
    assert before is not None and worse is not None and worse > before + 0.3
    whole = task.samples("explore", 3, 1)[0]
    short = task.short(whole)
    assert short.hidden.budget == pytest.approx(0.08 * whole.hidden.budget, rel=1e-6)
    assert short.hidden.seed == whole.hidden.seed and set(short.hidden.places) < set(whole.hidden.places)


def improver() -> Any:
    module = types.ModuleType("training_edits")
    exec(compile(files()["training_edits.py"], "training_edits.py", "exec"), module.__dict__)
    return module


def view(**other: Any) -> dict[str, Any]:
    parents = [{"id": "p", "source": files()["rule.py"], "score": 4.0, "size": 1}]
    return {"seed": 1, "operators": ["constant", "replace"], "history": [], "tried": [], "wanted": 150,
            "parents": parents, "path": "rule.py", **other}  # fmt: skip


def test_changes_of_structure_come_as_families_of_step_sizes() -> None:
    edits = improver().propose(view())
    families: dict[str, list[str]] = {}
    for edit in edits:
        families.setdefault(edit["family"], []).append(edit["files"]["rule.py"])
    alone = families.pop("")
    assert len(families) > 5 and len(alone) > 10
    steps = [line for text in max(families.values(), key=len) for line in text.splitlines() if line.startswith("LR")]
    assert {float(line.split()[-1]) for line in steps} >= {0.0003, 0.001, 0.003, 0.01, 0.03, 0.3, 1.0, 3.0}
    for texts in families.values():
        assert len({text.partition("\n\n\n")[2] for text in texts}) == 1, "they differ in the step size alone"
    assert len({normal_form(edit["files"]["rule.py"]) for edit in edits}) == len(edits)


def test_the_control_changes_constants_and_choices_alone() -> None:
    edits = improver().propose(view(operators=["constant"], wanted=40))
    assert len(edits) > 30 and {edit["operator"] for edit in edits} == {"constant", "knob"}
    assert not any("np.sqrt" in edit["files"]["rule.py"] for edit in edits)


def test_choices_are_found_in_a_configuration_that_was_taken_over() -> None:
    module = improver()
    source = files()["rule.py"]
    taken, _ = module.crossover(source, FirstOfAll(), source.replace('"embed": 12', '"embed": 9'))
    assert "'embed': 9" in taken, "written anew, with other quotes"
    assert {module.knob(taken, random.Random(seed))[1].split()[0] for seed in range(40)} == set(module.KNOBS)


class FirstOfAll:
    """Chooses the first, which is the configuration."""

    def choice(self, values: Any) -> Any:
        return values[0]
