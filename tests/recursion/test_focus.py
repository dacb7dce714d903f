"""One objective alone, one that is only watched, one that is harder to change; several functions under one focus."""

from __future__ import annotations

import random
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import finite_program
from selfproof import birth, loop
from selfproof import life as lives
from selfproof.charter import parse
from selfproof.domains.briefing import brief_of
from selfproof.domains.quality import Quality
from selfproof.domains.shape import functions_of
from selfproof.jail import Limits, Pool
from selfproof.operators import OPERATORS, EditImpossible, edit_function
from selfproof.templates.improver.tasks import families, improving
from selfproof.trial import blocks

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = resources.files("selfproof") / "templates" / "improver"


def program(folder: Path, *lines: str) -> Path:
    """The hand-made program, its objective ``suite`` with these lines."""
    finite_program.made(folder)
    text = (folder / "charter.toml").read_text()
    (folder / "charter.toml").write_text(text.replace('name = "suite"\n', "\n".join(['name = "suite"', *lines, ""]), 1))
    return folder


def begun(cli: Any, folder: Path, *words: str) -> Any:
    return cli.run("run", "--at", folder, "--seed", "1", "--minutes", "0.08", "--json", *words)


def test_a_focus_is_one_objective_alone_and_a_watched_one_is_not_confirmed(cli: Any, tmp_path: Path) -> None:
    folder = program(tmp_path / "life", "alpha_share = 0.25")
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + '\n[autonomy]\nobserve = ["suite"]\n')
    birth.begin(folder, 1)
    alone = begun(cli, folder, "--focus", "suite")
    assert alone.code == 0, alone.err
    assert {e["objective"] for e in alone.events if e["event"] == "race"} == {"suite"}
    assert not [e for e in alone.events if e["event"] == "confirm"], "it waits for a person"
    charter.write_text(charter.read_text().replace('observe = ["suite"]', "observe = []"))
    free = begun(cli, folder, "--focus", "suite", "--until-certified", "1")
    assert {e["objective"] for e in free.events if e["event"] in ("race", "confirm")} == {"suite"}
    assert free.events[-1]["certified"] == 1
    with lives.viewed(folder) as living:
        assert living.state.weights == {"suite": 0.1, "holdout": 0.4}, "a quarter of its share"
    assert cli.run("verify", "--at", folder).code == 0


def test_an_objective_that_is_not_there_is_an_error_that_names_the_others(cli: Any, tmp_path: Path) -> None:
    folder = program(tmp_path / "life")
    birth.begin(folder, 1)
    done = begun(cli, folder, "--focus", "memroy")
    assert done.code == 2 and "'memroy'" in done.err and "suite, holdout" in done.err and "Traceback" not in done.err
    charter = folder / "charter.toml"
    charter.write_text(charter.read_text() + '\n[autonomy]\nobserve = ["memroy"]\n')
    done = begun(cli, folder)
    assert done.code == 2 and "'memroy'" in done.err and "Traceback" not in done.err


@pytest.fixture
def made(tmp_path: Path) -> Path:
    for part in ("program", "tasks"):
        (tmp_path / "life" / part).mkdir(parents=True)
    for path in ("charter.toml", "program/improver.py", *(f"tasks/{name}.py" for name in NAMES)):
        (tmp_path / "life" / path).write_text((TEMPLATE / path).read_text("utf-8"))
    birth.begin(tmp_path / "life", 1)
    return tmp_path / "life"


NAMES = ("__init__", "improving", "families", "expressions")


def test_the_improver_proposes_edits_of_all_its_focus_functions(made: Path) -> None:
    charter = parse((TEMPLATE / "charter.toml").read_text("utf-8"))
    files = {"improver.py": (TEMPLATE / "program" / "improver.py").read_text("utf-8")}
    path, functions = functions_of(files, charter.objectives[0].focus)
    assert path == "improver.py" and len(functions) == 6
    with lives.opened(made, seed=1) as living:
        living.pool = pool = Pool(2, require="confined")
        with pool:
            (domain,) = loop.domains_of(living).values()
            assert isinstance(domain, Quality) and living.state.weights == {"improver": 0.2}
            domain.panel_number, domain.task.samples = 0, lambda *_: []  # type: ignore[method-assign,assignment]
            looked, edited = set(), set()
            start = domain._member(living.version(domain.objective), [-0.5])
            domain.population.replace_all([start])
            domain._texts[start.id] = living.version(domain.objective)
            domain._remember(living.version(domain.objective))
            for batch in range(3):
                living.state.batches[domain.stream] = batch
                focus = domain.observe()
                assert focus is not None
                looked |= {view["function"] for view in focus.views}
                for edit in domain.propose(focus):
                    edited.add(edit.files["improver.py"])
            assert looked == set(functions)
            assert len(edited) > 20 and (made / "program/improver.py").read_text() not in edited
            living.pool = None


def test_a_function_without_names_can_be_edited() -> None:
    source = "def share():\n    return 0.3\n"
    for operator in OPERATORS:
        for seed in range(40):
            try:
                text, _ = edit_function(source, "share", operator, random.Random(seed))
            except EditImpossible:
                assert operator == "unwrap"
                continue
            compile(text, "share.py", "exec")


def test_the_template_is_offered_by_name(cli: Any, tmp_path: Path) -> None:
    done = cli.run("init", tmp_path / "life", "--template", "improver")
    assert done.code == 0 and done.out.startswith("improver ")
    assert (tmp_path / "life" / "tasks" / "improving.py").is_file()


def test_the_apprentices_own_improver_is_judged_by_the_same_task() -> None:
    home = TEMPLATE.parent / "apprentice"
    judged = parse((home / "charter.toml").read_text("utf-8")).objective("improver")
    own = parse((TEMPLATE / "charter.toml").read_text("utf-8")).objectives[0]
    assert (judged.task, judged.alpha_share, judged.min_gain) == (own.task, own.alpha_share, own.min_gain)
    files = {"choices.py": (home / "program" / "choices.py").read_text("utf-8")}
    assert functions_of(files, judged.focus)[1] == tuple(name.partition(":")[2] for name in own.focus)
    problem = families.problem("schedule", np.random.default_rng(2))
    fresh = blocks.prepare([improving.sample_of([problem], [1], 24)])
    with Pool(1) as pool:
        (outcome,) = pool.map([blocks.job(files, judged.entry, fresh, Limits(wall_s=60.0))])
    (trial,) = blocks.score(improving.Improving(), fresh, outcome)
    assert trial.score is not None and 0.0 < trial.score < 1.0


def test_whoever_suggests_sees_the_improver_only_where_it_is_judged(made: Path) -> None:
    with lives.viewed(made) as living:
        judged = living.charter.objectives[0]
        told = brief_of(living, judged, living.version(judged), focus=judged.focus)
        assert told.may("improver.py") and "def propose" in told.files["improver.py"]
        other = replace(judged, files=("notebook.py",))
        hidden = brief_of(living, other, living.version(judged), focus=())
        assert not hidden.may("improver.py") and "improver.py" not in hidden.files
